"""What a try of a task does with an earlier run of the same task, and what the end of a run means for the task. Pure.

A task has one run key: DAG, DAG run, task and map index, whatever the try. So every try of it works on the same run:

=======================  ============================================================================================
the run                  a try
=======================  ============================================================================================
is not there             starts it
is under way             waits for its holder, then goes on with it: a worker died, or two processes run one try
ended in success         gives its report again; a new run if a person has cleared the task since a try ended it, for that asks for
                         one. A run that the command line has ended is new to Airflow: its report
ended in failure         gives new attempts to the jobs that failed and to those skipped because of them
is unknown or timed out  gives its report again: a person has to look
=======================  ============================================================================================
"""

from collections.abc import Callable
from enum import Enum
from hashlib import sha256
from typing import Literal, NamedTuple

from spectrum_pipelines.errors import ExitCode

#: The longest run key that a store takes, less what a number behind it needs.
_LONGEST_KEY = 490

WhenEnded = Literal["report", "retry", "again"]


class TaskEnd(Enum):
    """How a try ends."""

    SUCCESS = "success"
    FAILED = "failed"  # a further try may help: Airflow's `retries` decide
    FAILED_FOR_GOOD = "failed for good"  # a further try would hide something, or lock an account


_ENDS = {
    ExitCode.SUCCEEDED: TaskEnd.SUCCESS,
    ExitCode.FAILED: TaskEnd.FAILED,
    ExitCode.USAGE: TaskEnd.FAILED_FOR_GOOD,
    ExitCode.UNREACHABLE: TaskEnd.FAILED,
    ExitCode.TIMED_OUT: TaskEnd.FAILED_FOR_GOOD,
    ExitCode.UNKNOWN: TaskEnd.FAILED_FOR_GOOD,
    ExitCode.CONFLICT: TaskEnd.FAILED,
    ExitCode.LOGIN_REFUSED: TaskEnd.FAILED_FOR_GOOD,
    ExitCode.BUG: TaskEnd.FAILED_FOR_GOOD,
    ExitCode.INTERRUPTED: TaskEnd.FAILED,
    ExitCode.TERMINATED: TaskEnd.FAILED,
}


def task_end(exit_code: int) -> TaskEnd:
    """What the exit code of a run means for the task."""
    return _ENDS[ExitCode(exit_code)]


def run_key(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """`airflow/nightly/scheduled__2026-11-24T00:00:00+00:00/sales`, with `/3` behind it for a mapped task."""
    mapped = "" if map_index < 0 else f"/{map_index}"
    key = f"airflow/{dag_id}/{run_id}/{task_id}{mapped}"
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[: _LONGEST_KEY - 65]}-{sha256(key.encode()).hexdigest()}"


def clearings(*, max_tries: int, retries: int) -> int:
    """The number of the last try before a person cleared the task; 0 if nobody has.

    Airflow sets `max_tries` to the tries so far plus `retries` when a task is cleared, and to `retries` before.
    """
    return max(0, max_tries - retries)


class Earlier(NamedTuple):
    """The run of a key. `status` is None while it has no end; `last_try` worked on it last: None if the command line did."""

    status: str | None
    last_try: int | None


def key_and_wish(base: str, *, cleared_after: int, look_up: Callable[[str], Earlier | None]) -> tuple[str, WhenEnded]:
    """The run key of a try, and what to do with its run if that has ended.

    A new run of a task, which a person asked for by clearing it after a success, has a key of its own: `base#3` for the one after
    try 3. `look_up` says what is known of a key; None if it is free.
    """
    keys = [*(f"{base}#{number}" for number in range(cleared_after, 0, -1)), base]
    for key in keys:
        earlier = look_up(key)
        if earlier is None:
            continue
        seen = earlier.last_try is not None and earlier.last_try <= cleared_after
        if earlier.status == "succeeded" and seen and key != keys[0]:
            return keys[0], "report"
        return key, "retry" if earlier.status == "failed" else "report"
    return base, "report"


def what_next(exit_code: ExitCode | None, command: str | None) -> str:
    """What a person can do about a run that did not succeed. `command` is that of its report, if there is one."""
    match exit_code:
        case ExitCode.FAILED:
            return "a further try, or clearing the task, gives new attempts to what failed and to nothing else"
        case ExitCode.LOGIN_REFUSED:
            return "mend login, certificate or rights of the connection first (repeated tries lock accounts); then clear the task"
        case ExitCode.UNREACHABLE | ExitCode.CONFLICT:
            return "nothing was triggered: a further try begins anew"
        case ExitCode.UNKNOWN | ExitCode.TIMED_OUT if command is None:
            return "look in Spectrum what has run; then mark the task as success, or trigger a new DAG run"
        case ExitCode.UNKNOWN | ExitCode.TIMED_OUT:
            return f"look in Spectrum what has run; `{command}`; then clear the task, which goes on with this run"
        case ExitCode.USAGE | ExitCode.BUG:
            return "mend that first; then clear the task"
        case _:
            return "a further try goes on with this run"
