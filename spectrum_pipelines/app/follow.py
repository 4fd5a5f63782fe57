"""Follow one execution to its end. Starts nothing and stops nothing."""

from spectrum_pipelines.app.notices import Notices
from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import Refused
from spectrum_pipelines.spectrum import ExecutionId, JobDetails

_SHORTEST, _LONGEST, _FACTOR = 0.25, 10.0, 0.05
#: An execution may be accepted a moment before its details can be asked for.
_GRACE = 15.0


def follow(
    api: SpectrumApi, execution: ExecutionId, *, timeout: float | None, clock: Clock, notices: Notices
) -> JobDetails | None:
    """The details of the execution at its end; None if `timeout` seconds came first. Raises ClientError."""
    began = clock.monotonic()
    word = None
    while True:
        answer = _asked(api, execution, patient=clock.monotonic() - began < _GRACE)
        if answer is not None and answer.job_status != word:
            word = answer.job_status
            notices.note(f"execution {execution}: {word}")
        if answer is not None and answer.phase.is_final:
            return answer
        age = clock.monotonic() - began
        pause = min(_LONGEST, max(_SHORTEST, age * _FACTOR))
        if timeout is not None and age + pause > timeout:
            if age >= timeout:
                return None
            pause = timeout - age
        clock.sleep(pause)


def _asked(api: SpectrumApi, execution: ExecutionId, *, patient: bool) -> JobDetails | None:
    try:
        return api.details(execution)
    except Refused:
        if patient:
            return None
        raise
