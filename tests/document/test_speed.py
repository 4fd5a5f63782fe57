"""Reading and checking must not cost more than six times what merely loading the file costs."""

import time
from collections.abc import Callable

import yaml

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.schema import check
from spectrum_pipelines.document.source import Source

JOB = """\
  job{0}:
    trigger: /Data/Imports/orders{0}.imp
    timeout: 2h
    retry: {{limit: 2, interval: 30s, when: [failed]}}
    expect:
      failure_count: {{max: 0}}
"""
TEXT = "version: 1\nname: many\njobs:\n" + "".join(JOB.format(number) for number in range(500))


def seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def read_and_check() -> None:
    document, faults = parse(Source(name="it", text=TEXT))
    assert document is not None
    assert not faults
    assert not check(document, "pipeline")


def test_41_large_files_are_read_in_a_small_multiple_of_loading_them() -> None:
    loading = seconds(lambda: yaml.load(TEXT, Loader=yaml.CSafeLoader))
    assert seconds(read_and_check) < 6 * loading
