"""A job's turn has come: look at its target, then trigger, attach, judge, stop, or wait for somebody else's run."""

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from spectrum_pipelines.engine.facts import (
    Adopted,
    AttemptEnded,
    Baseline,
    Event,
    StartedExecution,
    StopRequested,
    TriggerIntended,
)
from spectrum_pipelines.engine.job.verdict import Verdict, judge
from spectrum_pipelines.engine.outcome import LEFT_OUT, UNSEEN_ENDS, AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.requests import AskStatus, Purpose, Request
from spectrum_pipelines.engine.sightings import LookedInVain, Sighting
from spectrum_pipelines.engine.state.run import JobState, RunState, Step
from spectrum_pipelines.engine.targets import in_the_way
from spectrum_pipelines.engine.timing.pace import blind_pause
from spectrum_pipelines.pipeline.model.action import (
    Check,
    DeleteData,
    IfMissing,
    JobId,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    Value,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, OnRunning
from spectrum_pipelines.spectrum import FileReference, Phase, StatusAnswer

Decision = Event | Sighting | Request

_LOST_PLAN = "what the sequential trigger has started is not known in full: its answer was lost, or named less than was asked for"


_ABOUT_TO_RUN = frozenset({Step.INTENDED, Step.RECONCILING})
_RUNS = frozenset({Step.FOLLOWING, Step.STOPPING})


class Unresolvable(Exception):
    """A template names an output that is not there: its job has no execution, or the server did not report the number."""

    def __init__(self, wanted: JobOutput) -> None:
        super().__init__(wanted)
        self.job = wanted.job
        self.wanted = wanted

    def __str__(self) -> str:
        if self.wanted.output == "execution_id":
            return f"job {self.job} has no execution whose id could be used"
        counter = self.wanted.counter
        what = self.wanted.output if counter is None else f"counter {counter}"
        return f"job {self.job} has no {what} that could be used"


def resolve(state: RunState, value: Value) -> str | int | float | bool:
    """Fill a template from the executions of the jobs it names. Raises Unresolvable."""
    if not isinstance(value, Template):
        return value
    return value.resolve({part: _output(state, part) for part in value.parts if isinstance(part, JobOutput)})


def _output(state: RunState, wanted: JobOutput) -> int:
    """What the last execution of a job says. Raises Unresolvable."""
    executions = state.jobs[wanted.job].executions
    if not executions:
        raise Unresolvable(wanted)
    last = executions[-1]
    match wanted.output:
        case "execution_id":
            return last.execution_id
        case "success_count":
            found = last.success_count
        case "failure_count":
            found = last.failure_count
        case _:
            found = last.counters.get(wanted.counter or "")
    if found is None:
        raise Unresolvable(wanted)
    return found


def gates(state: RunState, job: JobState) -> Expect | None:
    """The gates of a job with the outputs of other jobs filled in. Raises Unresolvable."""
    expect = job.job.expect
    if expect is None or not expect.outputs:
        return expect
    return replace(
        expect,
        success_count=_filled(state, expect.success_count),
        failure_count=_filled(state, expect.failure_count),
        counters={name: _bound(state, it) for name, it in expect.counters.items()},
        total=expect.total
        and replace(
            expect.total,
            success_count=_filled(state, expect.total.success_count),
            failure_count=_filled(state, expect.total.failure_count),
            counters={name: _bound(state, it) for name, it in expect.total.counters.items()},
        ),
    )


def _filled(state: RunState, bound: Bound | None) -> Bound | None:
    return None if bound is None else _bound(state, bound)


def _bound(state: RunState, bound: Bound) -> Bound:
    least = bound.min if bound.min_of is None else _output(state, bound.min_of)
    most = bound.max if bound.max_of is None else _output(state, bound.max_of)
    return Bound(min=least, max=most)


def judged(state: RunState, job: JobState) -> Verdict:
    """What the job's executions amount to. A sequence has not succeeded while a file that it names has no execution."""
    try:
        verdict = judge(job.current, job.job.policy, gates(state, job))
    except Unresolvable as missing:  # the job began before its journal was read by a version that knows outputs
        return Verdict(status=JobStatus.FAILED, cause=Cause.INPUT, reason=str(missing))
    if verdict.status.is_success and (left_out := _left_out(job)):
        reason = f"{LEFT_OUT} {', '.join(left_out)}"
        return Verdict(status=JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS, reason=reason)
    return verdict


def _left_out(job: JobState) -> list[str]:
    """Files of a sequence that no execution is of, where each of them has told its file and no person has vouched for them."""
    shown = [str(one.file_id) for one in job.current if one.file_id is not None]
    if not isinstance(job.job.action, Sequence) or job.attempt.settled or len(shown) < len(job.current):
        return []
    return [one.target for one in job.attempt.baselines if one.target not in shown]


def resolved_targets(state: RunState, job: JobState) -> tuple[FileReference, ...]:
    """The files that a job acts on, templates filled in. Raises Unresolvable."""
    match job.job.action:
        case Trigger(target=target) | WaitFor(target=target) | Check(target=target) | Stop(target=target):
            return (FileReference(str(resolve(state, target))),)
        case Sequence(file_ids=file_ids):
            return tuple(FileReference(str(resolve(state, one))) for one in file_ids)
        case DeleteData():
            return ()


def ended(job: JobState, status: JobStatus, cause: Cause, reason: str | None) -> AttemptEnded:
    """End the job's attempt. However it ends, what a lost execution plan has started besides stays unknown."""
    if not job.attempt.complete:
        message = f" ({reason})" if reason else ""
        status, reason = JobStatus.UNKNOWN, f"{_LOST_PLAN}{message}"
        cause = cause if cause in UNSEEN_ENDS else Cause.AMBIGUOUS
    return AttemptEnded(job=job.job.id, attempt=job.attempt.number, status=status, cause=cause, reason=reason)


def decide_looking(state: RunState, job: JobState, now: float) -> Iterator[Decision]:
    """Ask for what is not known yet; with everything known, act."""
    if job.attempt.busy:
        return
    if over := _gave_up(state, job, now):
        yield ended(job, JobStatus.FAILED, Cause.UNREACHABLE, over)
        return
    limit = job.job.policy.queue_timeout or job.job.policy.timeout
    if job.attempt.began_at is not None and now >= job.attempt.began_at + limit:
        if job.attempt.missing_since is not None or job.attempt.unsent:
            # Nobody was in the way, nobody answered or took it: nothing of this attempt runs anywhere.
            message = f"no usable answer within {format_duration(limit)}: {job.reason}"
            yield ended(job, JobStatus.FAILED, Cause.UNREACHABLE, message)
            return
        whose = (
            "somebody else's run"
            if job.attempt.behind is None
            else f"job {job.attempt.behind}, which has the same file,"
        )
        reason = job.reason or f"waited {format_duration(limit)} for {whose} to end"
        yield ended(job, JobStatus.TIMED_OUT, Cause.QUEUE_TIMEOUT, reason)
        return
    if job.attempt.wake_at is not None and job.attempt.wake_at > now:
        return
    if (other := _ahead(state, job)) is not None:
        yield LookedInVain(job=job.job.id, wait=state.patience.behind_look, behind=other)
        return
    try:
        targets = resolved_targets(state, job)
        # Whatever the job will need is there, or it does not begin.
        gates(state, job)
        if isinstance(job.job.action, Sequence):
            for value in job.job.action.variables.values():
                resolve(state, value)
    except Unresolvable as missing:
        yield ended(job, JobStatus.FAILED, Cause.INPUT, str(missing))
        return
    seen: dict[FileReference, StatusAnswer | str] = {}
    for target in targets:
        answer = _known(state, job, target, now)
        if answer is None:
            yield AskStatus(job=job.job.id, turn=job.turn + 1, target=target, purpose=Purpose.BASELINE)
            return
        seen[target] = answer
    yield from _act(state, job, seen, now)


def _ahead(state: RunState, job: JobState) -> JobId | None:
    """Another job of this run that has the same file now: jobs of one run on the same file never run at once.

    Of two that are about to look the first in the pipeline goes first. Once the other one's execution is there, only `wait` waits
    for it; the other words of `on_running` are about what the server shows.
    """
    shared = state.sharing.get(job.job.id, ())
    is_before = True
    for job_id in shared:
        other = state.jobs[job_id]
        if other is job:
            is_before = False
        elif (
            other.step in _ABOUT_TO_RUN
            or (other.step is Step.LOOKING and is_before and not _is_behind(state, other))
            or (other.step in _RUNS and job.job.policy.on_running is OnRunning.WAIT and other.open_executions)
        ):
            return job_id
    return None


def _is_behind(state: RunState, job: JobState) -> bool:
    """The job waits for another one of this run that has not ended."""
    return job.attempt.behind is not None and not state.jobs[job.attempt.behind].is_done


def _gave_up(state: RunState, job: JobState, now: float) -> str | None:
    if job.attempt.unsent > state.pipeline.http.retry_limit:
        return f"the trigger could not be sent, {job.attempt.unsent} tries: {job.reason}"
    if job.attempt.missing_since is not None and now >= job.attempt.missing_since + state.patience.longest_silence:
        return f"no usable answer for {format_duration(state.patience.longest_silence)}: {job.reason}"
    return None


def _known(state: RunState, job: JobState, target: FileReference, now: float) -> StatusAnswer | str | None:
    if target in job.attempt.seen:
        return job.attempt.seen[target]
    seen_at = state.targets_seen_at.get(target)
    # What we have triggered since may be the latest execution now, here or downstream.
    comes_later = state.triggers or job.job.needs or job.attempt.number > 1
    if isinstance(job.job.action, Stop):
        return None  # what a stop hits is looked at right before it
    if comes_later or job.attempt.unsent or job.attempt.wake_at is not None or seen_at is None:
        return None
    return state.targets[target] if now - seen_at <= state.patience.preflight_is_fresh else None


def _act(
    state: RunState, job: JobState, seen: Mapping[FileReference, StatusAnswer | str], now: float
) -> Iterator[Decision]:
    refusals = [f"{target}: {answer}" for target, answer in seen.items() if isinstance(answer, str)]
    answers = {target: answer for target, answer in seen.items() if isinstance(answer, StatusAnswer)}
    match job.job.action:
        case WaitFor(if_missing=if_missing):
            yield _attach(job, answers, AdoptedBy.WAITED_FOR) or _missing(
                job, if_missing, refusals, "nothing is running"
            )
        case Stop(if_missing=if_missing):
            yield _attach(job, answers, AdoptedBy.STOPPED) or _missing(job, if_missing, refusals, "nothing is running")
        case _ if refusals:
            yield ended(job, JobStatus.FAILED, Cause.REFUSED, "; ".join(refusals))
        case Check():
            yield _check(job, answers)
        case _:
            yield from _trigger(state, job, answers, now)


def _wait(state: RunState, job: JobState, now: float) -> LookedInVain:
    """Look again after a while."""
    return LookedInVain(job=job.job.id, wait=blind_pause(state.pipeline.poll, age=now - (job.attempt.began_at or now)))


def _attach(job: JobState, answers: Mapping[FileReference, StatusAnswer], by: AdoptedBy) -> Adopted | None:
    executions = tuple(
        StartedExecution(execution_id=answer.execution_id, file_id=answer.file_id)
        for answer in answers.values()
        if answer.phase.is_active and answer.execution_id is not None
    )
    if not executions:
        return None
    return Adopted(job=job.job.id, attempt=job.attempt.number, executions=executions, by=by)


def _missing(job: JobState, if_missing: IfMissing, refusals: list[str], reason: str) -> AttemptEnded:
    message = "; ".join(refusals) or reason
    if if_missing is IfMissing.OK:
        return ended(job, JobStatus.SUCCEEDED, Cause.MISSING, message)
    return ended(job, JobStatus.FAILED, Cause.MISSING, f"{message} (set `if_missing: ok` if that is good enough)")


def _check(job: JobState, answers: Mapping[FileReference, StatusAnswer]) -> Decision:
    ((target, answer),) = answers.items()
    if answer.execution_id is None or answer.phase is Phase.NEVER_RUN:
        return ended(job, JobStatus.FAILED, Cause.MISSING, f"{target} has never run")
    if answer.phase.is_active:
        reason = (
            f"{target} has not ended: execution {answer.execution_id} is {answer.job_status}; put a `wait_for` before"
        )
        return ended(job, JobStatus.FAILED, Cause.SPECTRUM, reason)
    execution = StartedExecution(execution_id=answer.execution_id, file_id=answer.file_id)
    return Adopted(job=job.job.id, attempt=job.attempt.number, executions=(execution,), by=AdoptedBy.CHECKED)


def _trigger(
    state: RunState, job: JobState, answers: Mapping[FileReference, StatusAnswer], now: float
) -> Iterator[Decision]:
    running = {target: answer for target, answer in answers.items() if answer.phase.is_active}
    if not running:
        baselines = tuple(
            Baseline(
                target=target,
                execution_id=answer.execution_id,
                file_id=answer.file_id,
                is_known=answer.execution_id is not None or answer.phase is Phase.NEVER_RUN,
            )
            for target, answer in answers.items()
        )
        yield TriggerIntended(job=job.job.id, attempt=job.attempt.number, baselines=baselines)
        return
    target, answer = next(iter(running.items()))
    message = in_the_way(target, answer)
    match job.job.policy.on_running:
        case OnRunning.ATTACH if adopted := _attach(job, answers, AdoptedBy.ATTACHED):
            # A sequence of which only some files run: to follow those would leave the others undone.
            yield adopted if len(running) == len(answers) else _wait(state, job, now)
        case OnRunning.WAIT:
            yield _wait(state, job, now)
        case OnRunning.STOP:
            yield StopRequested(job=job.job.id, cause=Cause.ON_RUNNING, reason=message)
        case _:
            yield ended(job, JobStatus.FAILED, Cause.BUSY, message)
