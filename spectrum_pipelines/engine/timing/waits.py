"""How long a job rests before its next attempt: tenacity's wait strategies, with a jitter that replays.

The jitter is drawn from the run id, the job and the attempt, so that a folded journal and a replayed simulation come to the
same wait, and two runs do not march in step.
"""

import random
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.policy import Retry

if TYPE_CHECKING:
    from tenacity import RetryCallState


def retry_wait(retry: Retry, *, run_id: str, job: JobId, attempt: int) -> float:
    """Seconds between the end of `attempt` (1-based) and the start of the next one."""
    base = _exponential(retry.interval, retry.factor, retry.max_interval, attempt)
    drawn = random.Random(f"{run_id}/{job}/{attempt}").uniform(-retry.jitter, retry.jitter)  # noqa: S311 - spreads load
    return max(0.0, base * (1.0 + drawn))


def backoff(interval: float, tries: int, *, cap: float = 60.0) -> float:
    """Seconds before the same unsent request is tried again, after `tries` failures."""
    return _exponential(interval, 2.0, cap, max(1, tries))


def _exponential(interval: float, factor: float, cap: float, attempt: int) -> float:
    from tenacity import wait_exponential  # noqa: PLC0415 - most runs wait for nothing

    # A wait strategy looks at nothing of the call but its attempt number.
    strategy = wait_exponential(multiplier=interval, exp_base=factor, max=cap)
    return float(strategy(cast("RetryCallState", SimpleNamespace(attempt_number=attempt))))
