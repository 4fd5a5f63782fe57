"""`job trigger --wait`: follow one execution to its end. Starts nothing and stops nothing."""

from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ExitCode, Refused
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.spectrum import ExecutionId, JobDetails, Phase

_SHORTEST, _LONGEST, _FACTOR = 0.25, 10.0, 0.05
#: An execution may be accepted a moment before its details can be asked for.
_GRACE = 15.0

_VERDICTS = {
    Phase.SUCCEEDED: ExitCode.SUCCEEDED,
    Phase.WARNED: ExitCode.SUCCEEDED,
    Phase.FAILED: ExitCode.FAILED,
    Phase.CANCELED: ExitCode.FAILED,
}


def follow(api: SpectrumApi, execution: ExecutionId, *, timeout: float | None, clock: Clock) -> JobDetails | None:
    """The details of the execution at its end; None if `timeout` seconds came first. Raises ClientError."""
    began = clock.monotonic()
    word = None
    while True:
        answer = _asked(api, execution, patient=clock.monotonic() - began < _GRACE)
        if answer is not None and answer.job_status != word:
            word = answer.job_status
            say("note", f"execution {execution}: {word}")
        if answer is not None and answer.phase.is_final:
            return answer
        age = clock.monotonic() - began
        pause = min(_LONGEST, max(_SHORTEST, age * _FACTOR))
        if timeout is not None and age + pause > timeout:
            if age >= timeout:
                return None
            pause = timeout - age
        clock.sleep(pause)


def verdict(execution: ExecutionId, answer: JobDetails | None, timeout: float | None) -> ExitCode:
    """The exit code of what was seen, with a word on what was not."""
    if answer is None:
        say(
            "error",
            f"execution {execution} has not ended within {format_duration(timeout or 0.0)}, and goes on",
            hint=f"look again with `spectrum-pipelines job details {execution}`; `job stop FILE` ends it",
        )
        return ExitCode.TIMED_OUT
    return _VERDICTS[answer.phase]


def _asked(api: SpectrumApi, execution: ExecutionId, *, patient: bool) -> JobDetails | None:
    try:
        return api.details(execution)
    except Refused:
        if patient:
            return None
        raise
