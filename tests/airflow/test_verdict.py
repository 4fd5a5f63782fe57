"""What a try does with an earlier run, and what the end of a run means for the task. Needs no Airflow."""

import pytest

from spectrum_pipelines.airflow.verdict import (
    Earlier,
    TaskEnd,
    WhenEnded,
    clearings,
    key_and_wish,
    run_key,
    task_end,
    what_next,
)
from spectrum_pipelines.errors import ExitCode


@pytest.mark.parametrize("code", ExitCode, ids=lambda code: code.name.lower())
def test_every_exit_code_means_something(code: ExitCode) -> None:
    assert isinstance(task_end(code), TaskEnd)


@pytest.mark.parametrize(
    ("code", "end"),
    [
        pytest.param(0, TaskEnd.SUCCESS, id="succeeded"),
        pytest.param(1, TaskEnd.FAILED, id="failed: new attempts for what failed"),
        pytest.param(3, TaskEnd.FAILED, id="unreachable"),
        pytest.param(6, TaskEnd.FAILED, id="busy: later"),
        pytest.param(143, TaskEnd.FAILED, id="interrupted: the next try goes on"),
        pytest.param(2, TaskEnd.FAILED_FOR_GOOD, id="a broken file is broken tomorrow"),
        pytest.param(4, TaskEnd.FAILED_FOR_GOOD, id="timed out: look first"),
        pytest.param(5, TaskEnd.FAILED_FOR_GOOD, id="unknown: look first"),
        pytest.param(7, TaskEnd.FAILED_FOR_GOOD, id="login refused: repeated tries lock accounts"),
    ],
)
def test_what_an_end_means_for_the_task(code: int, end: TaskEnd) -> None:
    assert task_end(code) is end


def test_the_run_key_is_the_same_for_all_tries() -> None:
    assert run_key("nightly", "scheduled__2026-11-24", "sales", -1) == "airflow/nightly/scheduled__2026-11-24/sales"
    assert run_key("nightly", "manual__1", "sales", 3) == "airflow/nightly/manual__1/sales/3"


def test_a_long_run_key_stays_unique() -> None:
    keys = {run_key("d" * 250, "r" * 250, "t" * 250, number) for number in (-1, 0, 1)}
    assert len(keys) == 3
    assert max(map(len, keys)) <= 490


@pytest.mark.parametrize(
    ("max_tries", "retries", "cleared_after"),
    [
        pytest.param(2, 2, 0, id="nobody has cleared it"),
        pytest.param(0, 0, 0, id="without retries"),
        pytest.param(3, 2, 1, id="cleared after the first try"),
        pytest.param(5, 2, 3, id="cleared after the third"),
    ],
)
def test_when_a_person_cleared_the_task(max_tries: int, retries: int, cleared_after: int) -> None:
    assert clearings(max_tries=max_tries, retries=retries) == cleared_after


NEW, OLD = "base#2", "base"


@pytest.mark.parametrize(
    ("runs", "cleared_after", "key", "what"),
    [
        pytest.param({}, 0, OLD, "report", id="no run yet"),
        pytest.param({}, 2, OLD, "report", id="nothing was triggered before the clearing"),
        pytest.param(
            {OLD: ("succeeded", 1)}, 0, OLD, "report", id="the worker died after the run: the same report again"
        ),
        pytest.param(
            {OLD: ("succeeded", 1)}, 2, NEW, "report", id="cleared after success: a person asked for a new run"
        ),
        pytest.param(
            {OLD: ("succeeded", 3)}, 2, OLD, "report", id="cleared after failure, and the next try has succeeded"
        ),
        pytest.param({OLD: ("succeeded", 1), NEW: ("succeeded", 3)}, 2, NEW, "report", id="the new run has succeeded"),
        pytest.param({OLD: ("succeeded", 1), NEW: ("failed", 3)}, 2, NEW, "retry", id="the new run has failed"),
        pytest.param({OLD: ("succeeded", 1), NEW: (None, None)}, 2, NEW, "report", id="the new run is under way"),
        pytest.param(
            {OLD: ("succeeded", 1), "base#1": (None, None)}, 2, "base#1", "report", id="an older one is under way"
        ),
        pytest.param(
            {OLD: ("succeeded", None)}, 2, OLD, "report", id="ended by the command line: Airflow has not seen it"
        ),
        pytest.param({OLD: ("failed", 1)}, 0, OLD, "retry", id="a further try: what failed"),
        pytest.param({OLD: ("failed", 1)}, 2, OLD, "retry", id="cleared after a failure: what failed"),
        pytest.param({OLD: ("unknown", 1)}, 0, OLD, "report", id="unknown: a person has to look"),
        pytest.param({OLD: ("timed_out", 1)}, 2, OLD, "report", id="timed out: a person has to look"),
        pytest.param({OLD: ("interrupted", 1)}, 0, OLD, "report", id="interrupted: it has not ended, so it goes on"),
    ],
)
def test_what_a_try_works_on(
    runs: dict[str, tuple[str | None, int | None]], cleared_after: int, key: str, what: WhenEnded
) -> None:
    known = {name: Earlier(*run) for name, run in runs.items()}
    assert key_and_wish("base", cleared_after=cleared_after, look_up=known.get) == (key, what)


@pytest.mark.parametrize(
    ("code", "command", "told"),
    [
        pytest.param(1, "retry 1", "clearing the task, gives new attempts", id="failed: Airflow's own words"),
        pytest.param(5, "adopt 1", "`adopt 1`; then clear the task", id="unknown, in a store of the command line"),
        pytest.param(5, None, "mark the task as success, or trigger", id="unknown, in Airflow's own store"),
        pytest.param(4, None, "look in Spectrum", id="timed out"),
        pytest.param(143, "resume 1", "a further try goes on", id="interrupted"),
        pytest.param(None, None, "a further try goes on", id="lost to another process"),
        pytest.param(6, None, "nothing was triggered: a further try", id="busy"),
        pytest.param(3, None, "nothing was triggered: a further try", id="unreachable"),
        pytest.param(7, None, "mend login, certificate or rights", id="login refused: no further try"),
        pytest.param(2, None, "mend that first", id="a broken file"),
    ],
)
def test_what_a_person_can_do(code: int | None, command: str | None, told: str) -> None:
    assert told in what_next(None if code is None else ExitCode(code), command)
