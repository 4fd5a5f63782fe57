"""Validation against check-jsonschema on the same files, and against merely loading one large file with PyYAML's C loader."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path

import yaml

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.build import check
from tests.benchmarks.measured import COMMAND, environment, timed
from tests.benchmarks.row import Row

_JOB = """\
  job{0}:
    trigger: /Data/Imports/orders{0}.imp
    timeout: 2h
    retry: {{limit: 2, interval: 30s, when: [failed]}}
    expect:
      failure_count: {{max: 0}}
"""


def text_of(jobs: int) -> str:
    return "version: 1\nname: many\njobs:\n" + "".join(_JOB.format(number) for number in range(jobs))


def rows(*, count: int = 500, jobs: int = 5_000, times: int = 3, kinds: int | None = None) -> Iterator[Row]:
    """`kinds`: how many of the worst files are tried; None: all."""
    yield from _many_files(count, times)
    yield from _large_files(jobs)
    yield from _worst_files(jobs * 2_000, kinds)


def _many_files(count: int, times: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        names = [f"p{number}.yaml" for number in range(count)]
        for one in names:
            (folder / one).write_text(text_of(6) + "# a line more\n", encoding="utf-8")
        schema = str(files("spectrum_pipelines.schemas") / "pipeline.schema.json")
        other = [sys.executable, "-m", "check_jsonschema", "--schemafile", schema]
        ours, theirs = (
            min(timed([*command, *names], folder=folder, env=environment()).wall for _ in range(times))
            for command in ([*COMMAND, "validate"], other)
        )
    what = f"{count} files of 40 lines"
    section = "Validation"
    yield Row(section=section, what=what, figure="of check-jsonschema's time", value=ours / theirs, goal=0.25)


def _large_files(jobs: int) -> Iterator[Row]:
    small, large = text_of(jobs), text_of(4 * jobs)
    loading = _seconds(lambda: yaml.load(small, Loader=yaml.CSafeLoader))
    ours = _seconds(lambda: _checked(small))
    more = _seconds(lambda: _checked(large))
    section = "Validation"
    figure = "x loading it with PyYAML's C loader"
    yield Row(section=section, what=f"a file of {jobs:,} jobs", figure=figure, value=ours / loading, goal=6.0)
    what = f"a file of {4 * jobs:,} jobs, per job"
    yield Row(section=section, what=what, figure=f"x one of {jobs:,}", value=more / ours / 4, goal=1.25)


def _worst_files(size: int, kinds: int | None) -> Iterator[Row]:
    """Files that are as large as a file may be, each the worst of its kind for some part of the way."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        for what, text in islice(worst_texts(size), kinds):
            (Path(name) / "p.yaml").write_text(text, encoding="utf-8")
            taken = timed([*COMMAND, "validate", "p.yaml"], folder=Path(name), env=environment()).wall
            yield Row(section="Validation", what=f"10 MB: {what}", figure="s", value=taken, goal=10.0)


def worst_texts(size: int) -> Iterator[tuple[str, str]]:
    """At most `size` bytes each: what is in it, and the text."""
    head, one = "version: 1\nname: many\n", "jobs: {a: {trigger: 1}}\n"
    most = min(19_000, size // 60)
    yield (
        "jobs that need misspelt jobs",
        head + "jobs:\n" + _lines(size, most, "  j{0}: {{trigger: 1, needs: [jj{0}]}}\n"),
    )
    yield "one reference over and over", head + "jobs: {a: {trigger: '" + "${var.x}" * (size // 9) + "'}}\n"
    yield "wrong references", head + "jobs: {a: {trigger: '" + _lines(size, size, "${{var.x{0}}}") + "'}}\n"
    yield "keys that nobody knows", head + one + _lines(size, 300_000, "key{0}: 1\n")
    listed = head + "jobs:\n  a:\n    sequence:\n"
    yield "wrong items of a list", listed + _lines(size, 900_000, "    - x\n")
    yield "one wrong item of a list", listed + _lines(size, 900_000, "    - 7\n") + "    - x\n"
    yield "keys that stand there twice", head + one + "x-a:\n" + _lines(size, 450_000, "  a: 1\n")
    yield "anchors and aliases", head + one + "x-a:\n" + _lines(size, 90_000, "  - &a{0} 1\n  - *a{0}\n")
    jobs = _lines(size, min(5_000, most), "  j{0}: {{trigger: {0}7}}\n")
    changes = _lines(size, min(5_000, size // 10_000), "  e{0}: {{jobs: {{j1: {{timeout: 1h}}}}}}\n")
    yield "environments", head + "jobs:\n" + jobs + "environments:\n" + changes
    yield "one line of faults", head + "jobs: {" + _lines(size, most, "j{0}: {{trigger: 1, timeout: 2}}, ") + "}\n"
    yield "one scalar", head + "jobs: {a: {trigger: '/" + "x" * (size - 100) + "'}}\n"


def _lines(size: int, most: int, line: str) -> str:
    """As many of a line as there is room for, numbered."""
    count = min(most, max(1, (size - 1_000) // (len(line.format(size)) + 1)))
    return "".join(line.format(number) for number in range(count))


def _checked(text: str) -> None:
    document, faults = parse(Source(name="it", text=text))
    assert document is not None
    assert not faults
    assert not check(document)


def _seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)
