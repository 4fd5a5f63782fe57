"""Facts about how a job comes by its executions."""

from msgspec import Struct

from spectrum_pipelines.engine.fact import Fact
from spectrum_pipelines.engine.outcome import AdoptedBy
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId


class Baseline(Struct, frozen=True, kw_only=True):
    """The latest execution of a file just before our trigger.

    None if it never ran or, where it is not `is_known`, if the server named none.
    """

    target: str
    execution_id: ExecutionId | None
    file_id: FileId | None = None
    is_known: bool = True


class TriggerIntended(Fact, frozen=True, kw_only=True):
    """Written before the POST. A journal that ends here means: it may have been sent."""

    is_promise = True
    job: JobId
    attempt: int
    baselines: tuple[Baseline, ...]


class StartedExecution(Struct, frozen=True, kw_only=True):
    """An execution that we follow from now on."""

    execution_id: ExecutionId
    configuration_id: ConfigurationId | None = None
    name: str | None = None
    file_id: FileId | None = None


class Triggered(Fact, frozen=True, kw_only=True):
    """Spectrum accepted the trigger under these ids. `complete`: they are all that was asked for."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    user: str | None = None
    complete: bool = True


class TriggerNotHandled(Fact, frozen=True, kw_only=True):
    """Provably unsent or refused before handling: it may be sent again after `wait` seconds."""

    job: JobId
    attempt: int
    reason: str
    wait: float


class TriggerAmbiguous(Fact, frozen=True, kw_only=True):
    """Sent, and nobody knows: from now on only looking, never another POST for this attempt."""

    is_promise = True
    job: JobId
    attempt: int
    reason: str


class CandidatesFound(Fact, frozen=True, kw_only=True):
    """Executions above the baseline that may be ours."""

    job: JobId
    attempt: int
    execution_ids: tuple[ExecutionId, ...]


class Adopted(Fact, frozen=True, kw_only=True):
    """We follow an execution that no trigger answer named. `complete`: no other execution of the attempt can be missing."""

    is_promise = True
    job: JobId
    attempt: int
    executions: tuple[StartedExecution, ...]
    by: AdoptedBy
    complete: bool = True


class Settled(Fact, frozen=True, kw_only=True):
    """A person settled an `unknown`: this execution is the job's."""

    is_promise = True
    job: JobId
    execution_id: ExecutionId
