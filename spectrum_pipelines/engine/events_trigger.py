"""Facts about how a job comes by its executions."""

from dataclasses import dataclass

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.pipeline.action import JobId
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The latest execution of a file just before our trigger.

    None if it never ran or, where it is not `is_known`, if the server named none.
    """

    target: str
    execution_id: ExecutionId | None
    file_id: FileId | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerIntended(Fact):
    """Written before the POST. A journal that ends here means: it may have been sent."""

    is_promise = True
    job: JobId
    attempt: int
    baselines: tuple[Baseline, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedExecution:
    """An execution that we follow from now on."""

    execution_id: ExecutionId
    configuration_id: ConfigurationId | None = None
    name: str | None = None
    file_id: FileId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered(Fact):
    """Spectrum accepted the trigger under these ids. `complete`: they are all that was asked for."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    user: str | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerNotHandled(Fact):
    """Provably unsent or refused before handling: it may be sent again after `wait` seconds."""

    job: JobId
    attempt: int
    reason: str
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerAmbiguous(Fact):
    """Sent, and nobody knows: from now on only looking, never another POST for this attempt."""

    is_promise = True
    job: JobId
    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatesFound(Fact):
    """Executions above the baseline that may be ours."""

    job: JobId
    attempt: int
    execution_ids: tuple[ExecutionId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted(Fact):
    """We follow an execution that no trigger answer named. `complete`: no other execution of the attempt can be missing."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    by: AdoptedBy
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Fact):
    """A person settled an `unknown`: this execution is the job's."""

    is_promise = True
    job: JobId
    execution_id: ExecutionId
