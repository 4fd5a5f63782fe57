"""Dates, numbers and ids as no server should write them: nothing that any of them says may end a process."""

import random
from collections.abc import Mapping
from typing import Any

DATES: tuple[Any, ...] = (
    "Dec 31, 9999 11:59:59 PM",
    "Jan 1, 0001 12:00:00 AM",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31 23:59:59",
    "2026-11-23T15:04:05Z",
    "Nov 23, 2016 3:04:05 PM",
    "Feb 30, 2026 3:04:05 PM",
    "Nov 23, 2026 13:04:05 PM",
    "2026-13-45T99:99:99Z",
    "253402300799999",
    "",
    "soon",
    -1,
    0,
    253402300799999,
    10**18,
    -(10**18),
    1.5,
    True,
    None,
    [],
    {"seconds": 5},
)

COUNTS: tuple[Any, ...] = (-1, 0, 10**30, -(10**30), "7", "seven", "", 1.5, 1e308, True, None, [7], {"value": 7})

HINTS: tuple[Any, ...] = (
    "-5s", "99999999999999999999s", "1h", "NaN", "inf", "1e400", "", "soon", -1, 10**30, 1e308, 250, -3.5, True, None, [], {}
)  # fmt: skip

_DATES = {"start-time", "stop-time", "startTime", "stopTime", "creationDate"}
_COUNTS = {"successCount", "failureCount", "IMPORT_RECORDS"}
_HINTS = {"estimate-time", "job-progress", "estimatedTime"}
_IDS = {"file-id", "job-execution-id", "id", "jobExecutionId", "fileId", "jobConfigurationId", "dapJobConfigurationId"}


def with_nonsense(answer: Any, share: float, rng: random.Random) -> Any:
    """The answer with a share of its dates, counts and hints made absurd."""
    if isinstance(answer, list):
        return [with_nonsense(one, share, rng) for one in answer]
    if not isinstance(answer, Mapping):
        return answer
    return {name: _nonsense(name, value, share, rng) for name, value in answer.items()}


def _nonsense(name: str, value: Any, share: float, rng: random.Random) -> Any:
    for names, worst in ((_DATES, DATES), (_COUNTS, COUNTS), (_HINTS, HINTS)):
        if name in names:
            return rng.choice(worst) if rng.random() < share else value
    return with_nonsense(value, share, rng)


def with_text_ids(answer: Any) -> Any:
    """The answer with its ids written as text."""
    if isinstance(answer, list):
        return [with_text_ids(one) for one in answer]
    if not isinstance(answer, Mapping):
        return answer
    return {
        name: str(value) if name in _IDS and isinstance(value, int) else with_text_ids(value)
        for name, value in answer.items()
    }
