"""One execution that we follow, and when to look at it again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.pipeline.model import Poll
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId, Phase, phase_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What the journal knows of it. Times are run-clock seconds, but `start_time` and `stop_time` are the server's own strings."""

    execution_id: ExecutionId
    attempt: int
    accepted_at: float
    job_status: str = "QUEUED"
    adopted: AdoptedBy | None = None
    name: str | None = None
    configuration_id: ConfigurationId | None = None
    file_id: FileId | None = None
    running_at: float | None = None
    ended_at: float | None = None
    start_time: str | None = None
    stop_time: str | None = None
    success_count: int | None = None
    failure_count: int | None = None
    run_seconds: float | None = None
    stop_age: float | None = None
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def phase(self) -> Phase:
        """What its status word means."""
        return phase_of(self.job_status)

    @property
    def is_final(self) -> bool:
        """Its end was seen under its own id."""
        return self.ended_at is not None

    @property
    def is_ours(self) -> bool:
        """Started by this run, so this run may stop it."""
        return self.adopted is None or self.adopted.is_ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How we look at an execution that has not ended: nothing of this outlives the process. Times are run-clock seconds.

    `heard_at` is the last usable answer about it, `next_poll_at` is infinite while an answer is awaited. `doubted`: ask its details
    next. `unlisted`: list-running does not show it, so it is asked for on its own. `final_word`: a status answer under its own id
    has shown this end, its details have not yet. `progress` is in percent. `unseen`: this process took it over and has not heard
    of it yet, so it may have ended long ago, within its limits. `hinted`: the next look comes early, because the server expects the
    end; `misled` counts such looks that came too early.
    """

    heard_at: float
    next_poll_at: float
    doubted: bool = False
    unlisted: bool = False
    refusals: int = 0
    final_word: str | None = None
    progress: float | None = None
    estimate_seconds: float | None = None
    unseen: bool = False
    hinted: bool = False
    misled: int = 0


def poll_interval(poll: Poll, *, age: float) -> float:
    """Seconds until the next look when nothing is known but the age: `factor` times the age at which that look will come.

    So a job that ends at a random moment is seen after half of that on average. Young ones are asked for every `min` seconds, and
    the two meet in a curve, not in a corner, which saves a tenth of the questions.
    """
    factor = min(poll.factor, 0.5)
    return min(math.hypot(poll.min, factor / (1.0 - factor) * age), max(poll.max, poll.min))


def remaining_seconds(*, age: float, progress: float | None, estimate_seconds: float | None) -> float | None:
    """The server's own idea of the time left. Its estimate has whole seconds only; near the end its progress is finer."""
    if estimate_seconds is not None and estimate_seconds > _COARSE:
        return estimate_seconds
    if progress is not None and _TELLING <= progress < 100.0 and age > 0:
        return age * (100.0 - progress) / progress
    return estimate_seconds or None


_COARSE = 10.0  # seconds
_TELLING = 5.0  # percent
