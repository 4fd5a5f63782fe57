"""Validation against check-jsonschema on the same files, and against merely loading one large file with PyYAML's C loader."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
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


def rows(*, count: int = 500, jobs: int = 5_000) -> Iterator[Row]:
    yield from _many_files(count)
    yield from _large_files(jobs)


def _many_files(count: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        names = [f"p{number}.yaml" for number in range(count)]
        for one in names:
            (folder / one).write_text(text_of(6) + "# a line more\n", encoding="utf-8")
        schema = str(files("spectrum_pipelines.schemas") / "pipeline.schema.json")
        other = [sys.executable, "-m", "check_jsonschema", "--schemafile", schema]
        ours, theirs = (
            min(timed([*command, *names], folder=folder, env=environment()).wall for _ in range(3))
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
