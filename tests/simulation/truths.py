"""P4: what the run says of executions and jobs, held against what Spectrum knows."""

from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import Sequence, Trigger
from spectrum_pipelines.pipeline.model.policy import Warnings
from spectrum_pipelines.spectrum import Phase, phase_of
from tests.simulation.answers import Details, Manners
from tests.simulation.kernel import Kernel
from tests.simulation.ledger import Attempt, BrokenPromise, Ledger, attempt_of
from tests.simulation.spectrum import Execution, SimulatedSpectrum

#: An abort has to be over in five seconds of wall clock (P6).
_ABORT_TAKES = 5.0


class Truths:
    """Checks facts as they are shown.

    `vouched_for`: jobs that a person has settled. `adopters`: which job has found which execution again. `confused`: attempts that
    follow an execution which their trigger did not start.
    """

    def __init__(self, kernel: Kernel, spectrum: SimulatedSpectrum, manners: Manners, ledger: Ledger) -> None:
        self.vouched_for: set[str] = set()
        self.adopters: dict[int, str] = {}
        self.confused: set[Attempt] = set()
        self._kernel = kernel
        self._spectrum = spectrum
        self._manners = manners
        self._ledger = ledger
        self._searched_at: dict[str, float] = {}
        self._aborted_at: float | None = None

    def searched(self, job: str) -> None:
        """A round of the search after a lost trigger begins."""
        self._searched_at[job] = self._kernel.now

    def taken_up(self) -> None:
        """A new process knows of no abort."""
        self._aborted_at = None

    def observed(self, event: ev.Event, state: RunState) -> None:
        """A fact is shown."""
        match event:
            case ev.ExecutionEnded():
                self._ended(event)
            case ev.Adopted(by=AdoptedBy.RECONCILED):
                self._adopted(event, state.jobs[event.job])
            case ev.JobEnded(status=JobStatus.SUCCEEDED | JobStatus.WARNED):
                self._succeeded(state.jobs[event.job])
            case ev.AbortRequested():
                self._aborted_at = self._kernel.now
            case ev.RunEnded():
                self._run_ended(event, state)
            case _:
                pass

    def _ended(self, event: ev.ExecutionEnded) -> None:
        truth = self._spectrum.executions.get(event.execution_id)
        said = f"P4: execution {event.execution_id} is said to have ended {event.job_status}"
        if truth is None or truth.final is None:
            raise BrokenPromise(f"{said}; it has not")
        if phase_of(truth.final) is not phase_of(event.job_status):
            raise BrokenPromise(f"{said}; it ended {truth.final}")

    def _adopted(self, event: ev.Adopted, job: JobState) -> None:
        """A stranger's execution may be taken for ours only as long as ours cannot be seen."""
        attempt = (event.job, event.attempt)
        chosen = {one.execution_id for one in event.executions}
        self.adopters.update((one, event.job) for one in chosen)
        if any(attempt_of(self._spectrum.executions[one]) != attempt for one in chosen):
            self.confused.add(attempt)
        seen_until = self._searched_at.get(event.job, 0.0) - self._manners.list_lag - self._manners.status_lag
        for ours in self._ledger.started_by(attempt):
            was_there = ours.queued_at < seen_until and self._is_asked_for(ours, job) and self._is_visible(ours)
            if ours.id in chosen or not was_there or self._ledger.came_twice(ours):
                continue
            if any(e.id in chosen for e in ours.file.executions):
                raise BrokenPromise(f"P4: {sorted(chosen)} is taken for ours, and {ours.id} was to be seen")

    def _is_asked_for(self, execution: Execution, job: JobState) -> bool:
        return any(self._spectrum.find(one.target.strip("/")) is execution.file for one in job.attempt.baselines)

    def _is_visible(self, execution: Execution) -> bool:
        return execution is execution.file.executions[-1] or self._manners.details is Details.ALL

    def _succeeded(self, job: JobState) -> None:
        if not isinstance(job.job.action, Trigger | Sequence):
            return
        name = f"P4: job {job.job.id} succeeded"
        if not job.current:
            raise BrokenPromise(f"{name} without any execution")
        attempt = (job.job.id, job.attempt.number)
        for execution in job.current:
            truth = self._spectrum.executions[execution.execution_id]
            phase = None if truth.final is None else phase_of(truth.final)
            if phase not in {Phase.SUCCEEDED, Phase.WARNED}:
                raise BrokenPromise(f"{name}, its execution {truth.id} is {truth.final}")
            if phase is Phase.WARNED and job.job.policy.warnings is Warnings.FAIL:
                raise BrokenPromise(f"{name} in spite of warnings")
            if execution.adopted is None and attempt_of(truth) != attempt:
                raise BrokenPromise(f"{name} by execution {truth.id} of {truth.origin}")
        followed = {execution.execution_id for execution in job.current}
        if isinstance(job.job.action, Sequence) and all(e.adopted is None for e in job.current):
            started = [e for e in self._ledger.started_by(attempt) if not self._ledger.came_twice(e)]
            if missing := [e.id for e in started if e.id not in followed]:
                raise BrokenPromise(f"{name} without executions {missing} of its plan")

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

    def mentioned(self, report: dict[str, Any]) -> None:
        """Whatever of ours still runs is named in the report, or its job is said to be unknown, or still open for `resume`.

        Who settles an unknown job by hand vouches for it; nothing is said of what else its trigger may have started. And where a
        stranger's execution was taken for ours while ours could not be seen, nothing is known of ours at all.
        """
        entries = {entry["id"]: entry for entry in report["jobs"]}
        for execution in self._spectrum.active:
            attempt = attempt_of(execution)
            if attempt is None or attempt[0] in self.vouched_for or attempt in self.confused:
                continue
            entry = entries[attempt[0]]
            named = {one["execution_id"] for one in entry["executions"]} | set(entry["candidates"])
            doubted = entry["status"] in {"unknown", "running"} or "unknown" in {a["status"] for a in entry["attempts"]}
            if execution.id not in named and not doubted and not self._ledger.came_twice(execution):
                raise BrokenPromise(f"P4: execution {execution.id} of {attempt} runs on, and nobody says so")
