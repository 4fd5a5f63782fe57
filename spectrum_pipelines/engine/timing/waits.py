"""The wait before a job's next attempt, with a jitter that replays. Seconds throughout.

The jitter is drawn from the run id, the job and the attempt, so that a folded journal and a replayed simulation come to the
same wait, and two runs do not march in step.
"""

import random

from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.policy import Retry


def retry_wait(retry: Retry, *, run_id: str, job: JobId, attempt: int) -> float:
    """Seconds between the end of `attempt` (1-based) and the start of the next one, never more than `max_interval`."""
    base = _exponential(retry.interval, retry.factor, retry.max_interval, attempt)
    least, most = max(0.0, base * (1.0 - retry.jitter)), min(base * (1.0 + retry.jitter), retry.max_interval)
    # Drawn between the two, not cut off at the edge: waits that have reached `max_interval` are spread, too.
    return random.Random(f"{run_id}/{job}/{attempt}").uniform(least, most)  # noqa: S311 - spreads load


def backoff(interval: float, tries: int, *, cap: float = 60.0) -> float:
    """Seconds before the same unsent request is tried again, after `tries` failures."""
    return _exponential(interval, 2.0, cap, max(1, tries))


def _exponential(interval: float, factor: float, cap: float, attempt: int) -> float:
    try:
        return max(0.0, min(interval * factor ** (attempt - 1), cap))
    except OverflowError:
        return cap
