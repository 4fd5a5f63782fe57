"""Never a lie: what the run says of executions and jobs, held against what Spectrum knows."""

from collections.abc import Iterable
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import Check, Sequence, Stop, Trigger, WaitFor
from spectrum_pipelines.pipeline.model.policy import Warnings
from spectrum_pipelines.spectrum import Phase, phase_of
from tests.promises import Promise
from tests.simulation.answers import Details, History, Manners
from tests.simulation.kernel import Kernel
from tests.simulation.ledger import Attempt, BrokenPromise, Ledger, attempt_of
from tests.simulation.spectrum import Execution, SimulatedSpectrum

#: An abort has to be over in five seconds of wall clock.
_ABORT_TAKES = 5.0

#: Seconds by which two sums of the same times may differ.
_ROUNDING = 0.01


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
        self._unknown: dict[Attempt, float] = {}
        self._candidates: dict[Attempt, set[int]] = {}
        self._identified: set[tuple[str, int]] = set()
        self._judged_with: dict[Attempt, Warnings] = {}
        self._worked = 0.0
        self._began_at = 0.0
        self._aborted_at: float | None = None
        self._frozen = 0.0

    def searched(self, job: str) -> None:
        """A round of the search after a lost trigger begins."""
        self._searched_at[job] = self._kernel.now

    def taken_up(self) -> None:
        """A new process knows of no abort."""
        self._aborted_at = None
        self._began_at = self._kernel.now

    def frozen(self, seconds: float) -> None:
        """A process stands still: it cannot end while it does."""
        self._frozen += seconds

    def put_down(self) -> None:
        """A process is over."""
        self._worked += self._kernel.now - self._began_at

    def retried(self, job: str, number: int) -> None:
        """Another attempt is triggered. Nothing may be left of one that is unknown, unless nobody could have seen it."""
        attempt = (job, number - 1)
        searched_at = self._unknown.get(attempt)
        if searched_at is None or job in self.vouched_for:
            return
        for ours in self._ledger.started_by(attempt):
            was_there = ours.queued_at < searched_at - self._manners.list_lag - self._manners.status_lag
            if was_there and not ours.is_lost and self.adopters.get(ours.id, job) == job:
                raise BrokenPromise(
                    Promise.NEVER_TWICE,
                    f"{attempt} started {ours.id}, and nobody found it; another attempt is triggered",
                )

    def observed(self, event: ev.Event, state: RunState, *, is_kept: bool) -> None:
        """A fact is shown. `is_kept`: and will be there for the next process."""
        if is_kept and isinstance(event, ev.Triggered | ev.Adopted):
            self._identify(event.job, event.executions)
            self._unknown.pop((event.job, event.attempt), None)  # it was, for a process whose disk has lost that
        if isinstance(event, ev.AttemptEnded):
            self._judged_with[event.job, event.attempt] = state.jobs[event.job].job.policy.warnings
        match event:
            case ev.CandidatesFound() if is_kept:
                self._still_found(event, state)
            case ev.ExecutionEnded():
                self._ended(event, state.jobs[event.job])
            case ev.AttemptEnded(status=JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS) if event.job in self._searched_at:
                self._unknown[event.job, event.attempt] = self._searched_at[event.job]
            case ev.PipelineTimedOut(during_finally=False):
                self._timed_out(state)
            case ev.Adopted(by=AdoptedBy.RECONCILED):
                self._adopted(event, state.jobs[event.job])
            case ev.JobEnded(status=JobStatus.SUCCEEDED | JobStatus.WARNED):
                self._succeeded(state.jobs[event.job])
            case ev.AbortRequested():
                self._aborted_at, self._frozen = self._kernel.now, 0.0
            case ev.Retried():
                self._worked, self._began_at = 0.0, self._kernel.now
            case ev.RunEnded():
                self._run_ended(event, state)
            case _:
                pass

    def _still_found(self, event: ev.CandidatesFound, state: RunState) -> None:
        """What a look has found stays found, unless it turns out to be another job's."""
        attempt = (event.job, event.attempt)
        lost = self._candidates.get(attempt, set()) - set(event.execution_ids) - set(state.owners)
        if lost:
            raise BrokenPromise(Promise.NEVER_A_LIE, f"{attempt} has forgotten its candidates {sorted(lost)}")
        self._candidates[attempt] = set(event.execution_ids)

    def _identify(self, job: str, executions: Iterable[ev.StartedExecution]) -> None:
        known = (one for one in executions if one.file_id is not None or one.configuration_id is not None)
        self._identified.update((job, one.execution_id) for one in known)

    def _timed_out(self, state: RunState) -> None:
        worked = self._worked + self._kernel.now - self._began_at
        limit = state.pipeline.timeout
        if limit is None or worked < limit - _ROUNDING:
            raise BrokenPromise(
                Promise.NEVER_A_LIE, f"the pipeline timed out after {worked:.3f}s in which somebody worked on it"
            )

    def _ended(self, event: ev.ExecutionEnded, job: JobState) -> None:
        if self._cannot_be_told(job, event.execution_id):
            return
        said = f"execution {event.execution_id} is said to have ended {event.job_status}"
        truths = self._meant(event.execution_id, job)
        if not truths:
            raise BrokenPromise(Promise.NEVER_A_LIE, f"{said}; it is another file's")
        ends = [truth.final for truth in truths if truth.final is not None]
        if not ends:
            raise BrokenPromise(Promise.NEVER_A_LIE, f"{said}; it has not")
        if all(phase_of(end) is not phase_of(event.job_status) for end in ends):
            raise BrokenPromise(Promise.NEVER_A_LIE, f"{said}; it ended {ends}")

    def _cannot_be_told(self, job: JobState, number: int) -> bool:
        """Something mixes the answers up, and no name gives it away; or the id is another's, mixed up with one of ours."""
        if not self._manners.mixed_up:
            return False
        return not self._is_file_known(job, number) or len(self._spectrum.named(number)) > 1

    def _is_file_known(self, job: JobState, execution_id: int) -> bool:
        """The journal has a name for the file of this execution that details can be held against."""
        target = str(getattr(job.job.action, "target", ""))
        is_only = len(job.attempt.baselines) == 1 and not isinstance(job.job.action, Sequence)
        is_named = target.isdigit() or "-" in target or (is_only and job.attempt.baselines[0].file_id is not None)
        return is_named or (job.job.id, execution_id) in self._identified

    def _meant(self, number: int, job: JobState) -> list[Execution]:
        """What this id may be for the job: one execution, unless the server has lost its counter.

        A server that does not tell of which file its details are may show another one's.
        """
        named = self._spectrum.named(number)
        if self._manners.details is Details.SPARSE or not isinstance(job.job.action, Trigger | WaitFor | Check | Stop):
            return named
        file = self._spectrum.find(str(job.job.action.target).strip("/"))
        return [one for one in named if one.file is file or job.job.id in self.vouched_for]

    def _adopted(self, event: ev.Adopted, job: JobState) -> None:
        """A stranger's execution may be taken for ours only where there is none of ours: nobody can tell them apart."""
        attempt = (event.job, event.attempt)
        chosen = {one.execution_id for one in event.executions}
        self.adopters.update((one, event.job) for one in chosen)
        if any(all(attempt_of(e) != attempt for e in self._spectrum.named(one)) for one in chosen):
            self.confused.add(attempt)
        seen_until = self._searched_at.get(event.job, 0.0) - self._manners.list_lag - self._manners.status_lag
        for ours in self._ledger.started_by(attempt):
            was_there = ours.queued_at < seen_until and self._is_asked_for(ours, job) and not self._is_hidden(job)
            if ours.id in chosen or ours.is_lost or not was_there or self._ledger.came_twice(ours):
                continue
            if any(e.id in chosen for e in ours.file.executions):
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"{sorted(chosen)} is taken for ours, and {ours.id} was to be seen"
                )

    def _is_asked_for(self, execution: Execution, job: JobState) -> bool:
        return any(self._spectrum.find(one.target.strip("/")) is execution.file for one in job.attempt.baselines)

    def _is_hidden(self, job: JobState) -> bool:
        """Of a file that had never run before, a history that is cut looks like a whole one."""
        never_ran = any(baseline.execution_id is None for baseline in job.attempt.baselines)
        return never_ran and self._manners.history is History.SHORT

    def _succeeded(self, job: JobState) -> None:
        if not isinstance(job.job.action, Trigger | Sequence):
            return
        name = f"job {job.job.id} succeeded"
        if not job.current:
            raise BrokenPromise(Promise.NEVER_A_LIE, f"{name} without any execution")
        attempt = (job.job.id, job.attempt.number)
        for execution in job.current:
            if self._cannot_be_told(job, execution.execution_id):
                continue
            truths = self._meant(execution.execution_id, job)
            phases = {phase_of(truth.final) for truth in truths if truth.final is not None}
            if not phases & {Phase.SUCCEEDED, Phase.WARNED}:
                raise BrokenPromise(Promise.NEVER_A_LIE, f"{name}, its execution {execution.execution_id} is {phases}")
            # A policy that came when the attempt had ended changes nothing of it.
            warnings = self._judged_with.get(attempt, job.job.policy.warnings)
            if phases == {Phase.WARNED} and warnings is Warnings.FAIL:
                raise BrokenPromise(Promise.NEVER_A_LIE, f"{name} in spite of warnings")
            if execution.adopted is None and all(attempt_of(truth) != attempt for truth in truths):
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"{name} by execution {execution.execution_id} of {[t.origin for t in truths]}"
                )
        followed = {execution.execution_id for execution in job.current}
        if self._is_whole_plan(job):
            named = [e for e in self._ledger.started_by(attempt) if not e.is_lost]
            started = [e for e in named if not self._ledger.came_twice(e)]
            if missing := [e.id for e in started if e.id not in followed]:
                raise BrokenPromise(Promise.NEVER_A_LIE, f"{name} without executions {missing} of its plan")

    def _is_whole_plan(self, job: JobState) -> bool:
        """The answer to its trigger has named all, and no person has said otherwise."""
        is_named = isinstance(job.job.action, Sequence) and all(e.adopted is None for e in job.current)
        return is_named and job.job.id not in self.vouched_for

    def _run_ended(self, event: ev.RunEnded, state: RunState) -> None:
        if self._aborted_at is not None and self._kernel.now > self._aborted_at + _ABORT_TAKES + self._frozen:
            raise BrokenPromise(Promise.EVERY_WAIT_ENDS, f"the abort took {self._kernel.now - self._aborted_at:.1f}s")
        if (event.status is RunStatus.SUCCEEDED) != (event.exit_code == 0):
            raise BrokenPromise(
                Promise.NEVER_A_LIE, f"the run ended {event.status.value} with exit code {event.exit_code}"
            )
        if event.status is not RunStatus.SUCCEEDED:
            return
        for job in state.jobs.values():
            failed = job.status.is_failure and (not job.job.allow_failure or job.status is JobStatus.UNKNOWN)
            if failed or job.tainted or not job.is_done:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"the run is green, and job {job.job.id} is {job.status.value}"
                )

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
            if attempt[0] not in entries:
                continue  # the pipeline of a later round does not have the job any more
            entry = entries[attempt[0]]
            named = {one["execution_id"] for one in entry["executions"]} | set(entry["candidates"])
            doubted = entry["status"] in {"unknown", "running"} or "unknown" in {a["status"] for a in entry["attempts"]}
            if execution.id not in named and not doubted and not self._ledger.came_twice(execution):
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"execution {execution.id} of {attempt} runs on, and nobody says so"
                )
