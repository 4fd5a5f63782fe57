"""What is promised, held against the truth at every step of a simulation.

P1 never two triggers for one attempt, P2 an id on disk before anything else, P3 a valid report after any end, P4 never green without a
success under its own id (and no end that did not happen), P5 no secret anywhere, P6 every wait ends.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from spectrum_pipelines.engine import events as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, JobStatus, RunStatus
from spectrum_pipelines.engine.requests import AskStatus, PostSequence, PostStop, PostTrigger, Purpose, Request
from spectrum_pipelines.engine.state import JobState, RunState
from spectrum_pipelines.pipeline.action import JobId, Stop, Trigger
from spectrum_pipelines.pipeline.action import Sequence as SequenceAction
from spectrum_pipelines.pipeline.model import Pipeline
from spectrum_pipelines.pipeline.policy import OnRunning, Warnings
from spectrum_pipelines.runner import Heard, Interrupted, Stamped
from spectrum_pipelines.spectrum import ExecutionPlan, Phase, Triggered, phase_of
from tests.simulation.answers import Details, Manners
from tests.simulation.disk import Disk
from tests.simulation.kernel import Kernel
from tests.simulation.network import Passage
from tests.simulation.spectrum import Execution, SimulatedSpectrum
from tests.simulation.weather import PROVABLY_UNHANDLED, Fate

#: An abort has to be over in five seconds of wall clock.
_ABORT_TAKES = 5.0
_AGE_OF_A_LOOK = 5.0
_SUCCESS = frozenset({JobStatus.SUCCEEDED, JobStatus.WARNED})

Attempt = tuple[str, int]


class BrokenPromise(AssertionError):
    """A promise is broken; the text begins with its number."""


class Promises:
    """The judge of one simulation. It hears of everything and touches nothing."""

    def __init__(
        self, kernel: Kernel, spectrum: SimulatedSpectrum, disk: Disk, manners: Manners, pipeline: Pipeline
    ) -> None:
        self.posts: dict[Attempt, list[Passage]] = defaultdict(list)
        self._kernel = kernel
        self._spectrum = spectrum
        self._disk = disk
        self._manners = manners
        self._pipeline = pipeline
        self._submitted: Counter[Attempt] = Counter()
        self._intents: Counter[Attempt] = Counter()
        self._ids_on_disk: set[int] = set()
        self._read = 0
        self._owed: set[int] = set()
        self._searched_at: dict[str, float] = {}
        self._verified_at: dict[str, float] = {}
        self._aborted_at: float | None = None

    # --- P1 -----------------------------------------------------------------------------------------------------------------

    def sent(self, passage: Passage) -> None:
        """A request leaves us."""
        if not isinstance(passage.request, PostTrigger | PostSequence):
            return
        attempt = (passage.request.job, passage.request.attempt)
        for earlier in self.posts[attempt]:
            if earlier.fate in PROVABLY_UNHANDLED:
                continue
            if earlier.process == passage.process:
                raise BrokenPromise(f"P1: {attempt} is triggered again after a trigger [{earlier.fate.value}]")
            if earlier.touched or earlier.is_pending:
                raise BrokenPromise(f"P1: {attempt} is triggered again, and the first trigger was or will be handled")
        self.posts[attempt].append(passage)

    def handled(self, passage: Passage) -> None:
        """Spectrum has done what a request wanted."""
        if isinstance(passage.request, PostStop):
            self._stopped(passage, passage.request)

    # --- P2 -----------------------------------------------------------------------------------------------------------------

    def moved(self) -> None:
        """The loop is about to do something: whatever we owe the disk must be there."""
        self._read_disk()
        if lost := self._owed - self._ids_on_disk:
            if not self._disk.failed:
                raise BrokenPromise(f"P2: execution {min(lost)} was answered and is not on disk")
        self._owed.clear()

    def submitted(self, request: Request) -> None:
        """A request goes to the workers."""
        match request:
            case PostTrigger(job=job, attempt=number) | PostSequence(job=job, attempt=number):
                self._submitted[job, number] += 1
                if self._submitted[job, number] > self._intents[job, number]:
                    raise BrokenPromise(f"P2: job {job} attempt {number} is triggered without an intent on disk")
            case AskStatus(job=job, purpose=Purpose.LOOKUP):
                self._searched_at[job] = self._kernel.now
            case AskStatus(job=job, purpose=Purpose.VERIFY_STOP):
                self._verified_at[job] = self._kernel.now
            case _:
                pass

    def collected(self, arrived: Sequence[Heard | Interrupted]) -> None:
        """Outcomes reach the loop."""
        for one in arrived:
            match one:
                case Heard(outcome=Triggered(execution_id=execution_id)):
                    self._owed.add(execution_id)
                case Heard(outcome=ExecutionPlan(executions=executions)):
                    self._owed.update(e.execution_id for e in executions if e.execution_id is not None)
                case _:
                    pass

    def taken_up(self) -> None:
        """A new process has read the journal."""
        self._read = 0
        self._owed.clear()
        self._intents.clear()
        self._ids_on_disk.clear()
        self._read_disk()
        # What an earlier process has sent from an intent that is gone with the power was never promised; P1 judges that.
        self._submitted = Counter({key: min(n, self._intents[key]) for key, n in self._submitted.items()})
        self._aborted_at = None

    def _read_disk(self) -> None:
        for fact in self._disk.kept[self._read :]:
            if fact["event"] == "trigger_intended":
                self._intents[fact["job"], fact["attempt"]] += 1
            elif fact["event"] == "triggered":
                self._ids_on_disk.update(one["execution_id"] for one in fact["executions"])
        self._read = len(self._disk.kept)

    # --- facts --------------------------------------------------------------------------------------------------------------

    def observed(self, fact: Stamped, state: RunState) -> None:
        """A fact is shown."""
        event = fact.event
        if event.is_promise and not self._disk.is_settled and not self._disk.failed:
            raise BrokenPromise(f"P2: {event} is shown before it is on disk")
        match event:
            case ev.ExecutionEnded():
                self._ended(event)
            case ev.Adopted(by=AdoptedBy.RECONCILED):
                self._adopted(event, state.jobs[event.job])
            case ev.JobEnded(status=JobStatus.SUCCEEDED | JobStatus.WARNED):
                self._succeeded(event, state.jobs[event.job])
            case ev.AbortRequested():
                self._aborted_at = self._kernel.now
            case ev.RunEnded():
                self._run_ended(event, state)
            case _:
                pass

    def _ended(self, event: ev.ExecutionEnded) -> None:
        truth = self._spectrum.executions.get(event.execution_id)
        if truth is None or truth.final is None:
            raise BrokenPromise(
                f"P4: execution {event.execution_id} is said to have ended {event.job_status}; it has not"
            )
        if phase_of(truth.final) is not phase_of(event.job_status):
            told = f"execution {event.execution_id} is said to have ended {event.job_status}"
            raise BrokenPromise(f"P4: {told}; it ended {truth.final}")

    def _adopted(self, event: ev.Adopted, job: JobState) -> None:
        """A stranger's execution may be taken for ours only as long as ours cannot be seen."""
        chosen = {one.execution_id for one in event.executions}
        seen_until = self._searched_at.get(event.job, 0.0) - self._manners.list_lag - self._manners.status_lag
        for ours in self._started_by((event.job, event.attempt)):
            if (
                self._came_twice(ours)
                or ours.id in chosen
                or ours.queued_at >= seen_until
                or not self._is_asked_for(ours, job)
            ):
                continue
            if any(e.id in chosen for e in ours.file.executions) and self._is_visible(ours):
                raise BrokenPromise(f"P4: {sorted(chosen)} is taken for ours, and {ours.id} was to be seen")

    def _is_asked_for(self, execution: Execution, job: JobState) -> bool:
        return any(self._spectrum.find(one.target.strip("/")) is execution.file for one in job.baselines)

    def _is_visible(self, execution: Execution) -> bool:
        return execution is execution.file.executions[-1] or self._manners.details is Details.ALL

    def _succeeded(self, event: ev.JobEnded, job: JobState) -> None:
        if not isinstance(job.job.action, Trigger | SequenceAction):
            return
        if not job.current:
            raise BrokenPromise(f"P4: job {event.job} succeeded without any execution")
        attempt = (event.job, job.attempt)
        for execution in job.current:
            truth = self._spectrum.executions[execution.execution_id]
            if truth.final is None or phase_of(truth.final) not in {Phase.SUCCEEDED, Phase.WARNED}:
                raise BrokenPromise(f"P4: job {event.job} succeeded, its execution {truth.id} is {truth.final}")
            if phase_of(truth.final) is Phase.WARNED and job.job.policy.warnings is Warnings.FAIL:
                raise BrokenPromise(f"P4: job {event.job} succeeded in spite of warnings")
            if execution.adopted is None and (
                truth.origin is None or (truth.origin.job, truth.origin.attempt) != attempt
            ):
                raise BrokenPromise(f"P4: job {event.job} succeeded by execution {truth.id} of {truth.origin}")
        followed = {execution.execution_id for execution in job.current}
        if isinstance(job.job.action, SequenceAction) and all(e.adopted is None for e in job.current):
            missing = [e.id for e in self._started_by(attempt) if e.id not in followed and not self._came_twice(e)]
            if missing:
                raise BrokenPromise(f"P4: job {event.job} succeeded without executions {missing} of its plan")

    def _came_twice(self, execution: Execution) -> bool:
        """Something on the way sent our one request twice: its answer names one execution, and nobody can know of the other."""
        return any(execution in p.touched and p.fate is Fate.REPEATED for p in self.posts[_attempt_of(execution)])

    def _started_by(self, attempt: Attempt) -> list[Execution]:
        return [e for passage in self.posts[attempt] for e in passage.touched]

    # --- ends ---------------------------------------------------------------------------------------------------------------

    def _run_ended(self, event: ev.RunEnded, state: RunState) -> None:
        if self._aborted_at is not None and self._kernel.now > self._aborted_at + _ABORT_TAKES:
            raise BrokenPromise(f"P6: the abort took {self._kernel.now - self._aborted_at:.1f}s")
        if (event.status is RunStatus.SUCCEEDED) != (event.exit_code == 0):
            raise BrokenPromise(f"P4: the run ended {event.status.value} with exit code {event.exit_code}")
        if event.status is not RunStatus.SUCCEEDED:
            return
        for job in state.jobs.values():
            failed = job.status.is_failure and (not job.job.allow_failure or job.status is JobStatus.UNKNOWN)
            if failed or job.tainted or not job.is_done:
                raise BrokenPromise(f"P4: the run is green, and job {job.job.id} is {job.status.value}")

    def mentioned(self, state: RunState, report: dict[str, Any]) -> None:
        """Whatever of ours still runs is named in the report, or its job is said to be unknown."""
        entries = {entry["id"]: entry for entry in report["jobs"]}
        for execution in self._spectrum.active:
            if execution.origin is None or self._came_twice(execution):
                continue
            entry = entries[execution.origin.job]
            named = {one["execution_id"] for one in entry["executions"]} | set(entry["candidates"])
            doubted = entry["status"] == "unknown" or any(one["status"] == "unknown" for one in entry["attempts"])
            if execution.id not in named and not doubted:
                raise BrokenPromise(f"P4: execution {execution.id} of {execution.origin} runs on, and nobody says so")

    def kept_secret(self, secret: str, journal: bytes, report: dict[str, Any]) -> None:
        """P5."""
        if secret.encode() in journal:
            line = next(line for line in journal.splitlines() if secret.encode() in line)
            raise BrokenPromise(f"P5: the journal holds the secret: {line.decode()}")
        if secret in json.dumps(report):
            raise BrokenPromise("P5: the report holds the secret")

    def _may_stop_blindly(self, job_id: JobId) -> bool:
        """Whatever runs there is meant."""
        job = self._pipeline.jobs[job_id]
        return isinstance(job.action, Stop) or job.policy.on_running is OnRunning.STOP

    def _stopped(self, passage: Passage, request: PostStop) -> None:
        """A look must have come before each stop, and a stranger who ran already then is not to be hit."""
        looked_at = self._verified_at.pop(request.job, None)
        if looked_at is None and not self._may_stop_blindly(request.job):
            raise BrokenPromise(f"P4: {request.job} stops whatever runs in {request.target} without having looked")
        for hit in passage.touched:
            is_strange = hit.id != request.execution_id and hit.origin is None
            if looked_at is None or not is_strange or hit.started_at is None:
                continue
            if hit.started_at < looked_at - self._manners.list_lag - self._manners.status_lag - _AGE_OF_A_LOOK:
                raise BrokenPromise(f"P4: the stop of {request.execution_id} hits a stranger's {hit.id}")


def _attempt_of(execution: Execution) -> Attempt:
    assert execution.origin is not None
    return execution.origin.job, execution.origin.attempt
