"""Before the first trigger: every target is asked for once, so that what cannot work stops the run while nothing has happened."""

from collections.abc import Iterable, Iterator

from spectrum_pipelines.engine.facts import Finding, PreflightFailed, PreflightPassed
from spectrum_pipelines.engine.job.identity import names_other_file
from spectrum_pipelines.engine.outcome import Cause
from spectrum_pipelines.engine.requests import AskTarget, Outcome
from spectrum_pipelines.engine.sightings import TargetSeen
from spectrum_pipelines.engine.state.run import Preflight, RunState
from spectrum_pipelines.engine.targets import in_the_way, targets_of
from spectrum_pipelines.errors import ClientError, ExitCode, Forbidden, Refused
from spectrum_pipelines.pipeline.model.action import Action, IfMissing, Sequence, Stop, Trigger, WaitFor
from spectrum_pipelines.pipeline.model.pipeline import Job
from spectrum_pipelines.pipeline.model.policy import OnRunning
from spectrum_pipelines.spectrum import StatusAnswer


def decide_preflight(state: RunState) -> Iterable[AskTarget | PreflightPassed | PreflightFailed]:
    """Ask for what was not asked; when all is in, pass or fail."""
    asked, wanted = len(state.targets_asked), state.targets_wanted
    if asked < len(wanted):
        # The first one alone: if the server is away or refuses us, ten thousand more questions would not help.
        if asked and not state.targets:
            return []
        return [AskTarget(target=target) for target in wanted[asked:]][: None if asked else 1]
    if len(state.targets) < len(wanted):
        return []
    findings = tuple(_findings(state))
    return [PreflightFailed(findings=findings) if findings else PreflightPassed()]


def _findings(state: RunState) -> Iterator[Finding]:
    for job in state.jobs.values():
        for target in () if job.is_done else targets_of(job.job.action):
            answer = state.targets[target]
            if isinstance(answer, StatusAnswer):
                if _is_in_the_way(job.job, answer):
                    yield Finding(job=job.job.id, cause=Cause.BUSY, message=in_the_way(target, answer))
            elif not tolerates_missing(job.job.action):
                yield Finding(job=job.job.id, cause=Cause.MISSING, message=f"{target}: {answer}")


def _is_in_the_way(job: Job, answer: StatusAnswer) -> bool:
    starts_one = isinstance(job.action, Trigger | Sequence)
    return starts_one and answer.phase.is_active and job.policy.on_running is OnRunning.FAIL


def tolerates_missing(action: Action) -> bool:
    """`if_missing: ok` on an action that can live without its target."""
    return isinstance(action, WaitFor | Stop) and action.if_missing is IfMissing.OK


def interpret_target(state: RunState, request: AskTarget, outcome: Outcome) -> list[TargetSeen | PreflightFailed]:
    """A refusal concerns this target; every other failure concerns the server, and ends the run before it began."""
    if isinstance(outcome, StatusAnswer) and names_other_file(request.target, outcome):
        message = f"the server's answer is about file {outcome.file_id}"
        return [TargetSeen(target=request.target, answer=message)]
    if isinstance(outcome, StatusAnswer):
        return [TargetSeen(target=request.target, answer=outcome)]
    if isinstance(outcome, Refused) and not isinstance(outcome, Forbidden):
        return [TargetSeen(target=request.target, answer=outcome.message)]
    if state.preflight is not Preflight.ASKING:
        return []  # another target's failure has ended it
    assert isinstance(outcome, ClientError)
    error = outcome
    cause = Cause.UNAUTHORIZED if error.exit_code is ExitCode.LOGIN_REFUSED else Cause.UNREACHABLE
    hint = f" ({error.hint})" if error.hint else ""
    return [PreflightFailed(findings=(Finding(job=None, cause=cause, message=f"{error.message}{hint}"),))]
