"""Never a stranger's: Spectrum stops whatever runs in a file, so nobody may be hit who was to be seen there."""

from spectrum_pipelines.engine.requests import PostStop
from spectrum_pipelines.pipeline.model.action import JobId, Stop
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.model.policy import OnRunning
from tests.promises import Promise
from tests.simulation.answers import Listing, Manners
from tests.simulation.kernel import Kernel
from tests.simulation.ledger import BrokenPromise
from tests.simulation.network import Passage
from tests.simulation.weather import Fate

#: Seconds that may pass between a look and what it showed.
_AGE_OF_A_LOOK = 5.0


class Stops:
    """Follows each stop from the look before it to whoever it hits."""

    def __init__(self, kernel: Kernel, pipeline: Pipeline, manners: Manners) -> None:
        self._kernel = kernel
        self.pipeline = pipeline  # of the round that runs now
        self._manners = manners
        self._last_look: dict[JobId, float] = {}
        self._look_before: dict[int, float | None] = {}
        self._found_running: set[JobId] = set()

    def taken_up(self) -> None:
        """A new process has seen nothing itself: what ran when the old one looked may long be over."""
        self._last_look.clear()
        self._found_running.clear()

    def found_running(self, job: JobId) -> None:
        """The job looks at its file before it acts: whatever runs there then is what it means."""
        self._found_running.add(job)
        self._last_look.pop(job, None)  # it was for the stop of an attempt that has ended

    def looked(self, job: JobId) -> None:
        """The job asks what runs there."""
        self._last_look[job] = self._kernel.now

    def decided(self, request: PostStop) -> None:
        """A stop is on its way out; it may wait for a connection, while its job goes on to another attempt."""
        self._look_before[id(request)] = self._last_look.pop(request.job, None)

    def sent(self, request: PostStop) -> None:
        """Each stop wants a look of its own before it."""
        if self._look_before.get(id(request)) is not None:
            self._found_running.discard(request.job)
        elif not (self._may_stop_blindly(request.job) and request.job in self._found_running):
            raise BrokenPromise(
                Promise.NEVER_A_LIE, f"{request.job} stops whatever runs in {request.target} without having looked"
            )

    def _may_stop_blindly(self, job_id: JobId) -> bool:
        """Whatever runs there is meant."""
        job = self.pipeline.jobs[job_id]
        return isinstance(job.action, Stop) or job.policy.on_running is OnRunning.STOP

    def handled(self, passage: Passage, request: PostStop) -> None:
        """A stranger who ran already when we looked is not to be hit, unless the server hides him."""
        looked_at = self._look_before.pop(id(request), None)
        if looked_at is None or passage.fate is Fate.LATE or self._manners.listing is Listing.FLAPPING:
            return
        seen_until = looked_at - self._manners.list_lag - self._manners.status_lag - _AGE_OF_A_LOOK
        for hit in passage.touched:
            is_strange = hit.id != request.execution_id and hit.origin is None
            if is_strange and hit.started_at is not None and hit.started_at < seen_until:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"the stop of {request.execution_id} hits a stranger's {hit.id}"
                )
