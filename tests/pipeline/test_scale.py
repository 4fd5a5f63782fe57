"""Fault 41: sizes at which recursion or a square would show."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from spectrum_pipelines.pipeline.build import check
from spectrum_pipelines.plan.waves import plan
from tests.pipeline.conftest import built, read

SIZE = 10_000


def test_a_chain_of_10_000_jobs_is_built_and_planned() -> None:
    lines = [f"  j{n}: {{needs: [j{n - 1}], trigger: {n}}}" for n in range(2, SIZE + 1)]
    pipeline = built("jobs:\n  j1: {trigger: 1}\n" + "\n".join(lines))
    found = plan(pipeline)
    assert len(found.waves) == SIZE
    assert len(found.critical_path) == SIZE


def test_a_matrix_of_10_000_jobs_is_built_and_planned() -> None:
    digits = ", ".join(map(str, range(100)))
    pipeline = built(f"""
jobs:
  load: {{matrix: {{a: [{digits}], b: [{digits}]}}, trigger: "/x/${{matrix.a}}/${{matrix.b}}"}}
  all: {{needs: [load], trigger: 1}}
""")
    assert len(plan(pipeline).waves[0]) == SIZE


def test_10_000_jobs_on_one_file_are_one_warning() -> None:
    assert len(check(read("jobs:\n" + "\n".join(f"  j{n}: {{trigger: 1}}" for n in range(SIZE))))) == 1


def test_a_cycle_of_10_000_jobs_is_one_line() -> None:
    lines = [f"  j{n}: {{needs: [j{(n + 1) % SIZE}], trigger: {n + 1}}}" for n in range(SIZE)]
    (cycle,) = check(read("jobs:\n" + "\n".join(lines)))
    assert cycle.code == "cycle"
    assert len(cycle.message) < 150


def test_10_000_combinations_each_need_one_of_their_own() -> None:
    values = ", ".join(map(str, range(SIZE // 2)))
    pipeline = built(f"""
variables: {{parts: {{type: list, default: [{values}]}}}}
jobs:
  load: {{matrix: {{p: "${{var.parts}}"}}, trigger: "/load/${{matrix.p}}"}}
  each: {{needs: ["load[${{matrix.p}}]"], matrix: {{p: "${{var.parts}}"}}, trigger: "/each/${{matrix.p}}"}}
""")
    assert [len(wave) for wave in plan(pipeline).waves] == [SIZE // 2, SIZE // 2]


def steps_of_a_check(text: str) -> int:
    """How many instructions of Python it takes, a number that no busy machine changes."""
    document = read(text)
    check(read(text))  # what is made once, at the first use, is no part of it
    steps = 0

    def trace(frame: FrameType, event: str, _about: object) -> Callable[..., Any]:
        nonlocal steps
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        check(document)
    finally:
        sys.settrace(before)
    return steps


SHAPES = [
    pytest.param("{{trigger: {n}}}", id="alone"),
    pytest.param("{{needs: [first], trigger: {n}}}", id="behind one job"),
    pytest.param("{{needs: [first, watcher], run_if: all_done, trigger: {n}}}", id="behind a watcher"),
    pytest.param("{{needs: [watcher], trigger: {n}}}", id="skipped by fail_fast"),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_as_many_jobs_are_checked_in_four_times_the_steps(shape: str) -> None:
    head = "jobs:\n  first: {trigger: /first}\n  watcher: {needs: [first], run_if: any_failed, trigger: /watcher}\n"
    few, many = (
        steps_of_a_check(head + "".join(f"  j{n}: {shape.format(n=n)}\n" for n in range(1, size + 1)))
        for size in (50, 200)
    )
    assert many < 5 * few
