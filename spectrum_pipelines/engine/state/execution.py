"""One execution that we follow: what the journal knows of it."""

from collections.abc import Mapping

from msgspec import Struct, field

from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId, Phase, phase_of


class Execution(Struct, frozen=True, kw_only=True):
    """Times are run-clock seconds, but `start_time` and `stop_time` are the server's own strings."""

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
