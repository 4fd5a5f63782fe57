"""`plan --online`: ask the server about every target of a pipeline. Only questions, and a bounded number of them."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.prepare import line_to
from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.client.dates import parse_server_date
from spectrum_pipelines.engine.targets import targets_of
from spectrum_pipelines.errors import NotSpectrum, Refused, ServerFault, Undecodable
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.plan.outlook import Outlook, Target
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ExecutionId,
    FileId,
    FileReference,
    JobDetails,
    Phase,
    StatusAnswer,
    phase_of,
)

#: Past runs of a file that are looked at, as long as all questions stay below `_MOST_QUESTIONS`.
PAST_RUNS = 10
_MOST_QUESTIONS = 1000
#: Asked of each file beside its past runs: status, details of the latest, history.
_BESIDE = 3

#: The past is a hint: a server that will not tell it is no reason to tell nothing.
_NO_ANSWER = (Refused, ServerFault, Undecodable, NotSpectrum)


def look_ahead(pipeline: Pipeline, reach: Reach, front: Front) -> Outlook:
    """Ask about every target. Raises ClientError if the server cannot be asked, UserError for what is missing to ask it."""
    hidden = secrets_of(pipeline)
    with ExitStack() as stack:
        line = line_to(pipeline, reach, front, stack)
        running = line.api.list_running()  # the first question alone: the server may be away
        targets = _survey(pipeline, line.api, running)
        shown = {key: replace(it, reference=FileReference(masked(key, hidden))) for key, it in targets.items()}
        return Outlook(
            pipeline=pipeline,
            targets=shown,
            server=masked(line.url, hidden),
            active_jobs=sum(it.phase.is_active for it in running),
            requests=line.api.requests,
        )


def _survey(pipeline: Pipeline, api: SpectrumApi, running: Iterable[ActiveJob]) -> dict[FileReference, Target]:
    wanted = list(dict.fromkeys(it for job in pipeline.jobs.values() for it in targets_of(job.action)))
    past = min(PAST_RUNS, max(_MOST_QUESTIONS // max(len(wanted), 1) - _BESIDE, 0))
    survey = _Survey(api=api, running=tuple(running), past=past)
    pool = ThreadPoolExecutor(max_workers=max(1, min(pipeline.http.max_connections, len(wanted))))
    try:
        return dict(zip(wanted, pool.map(survey.target, wanted), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


class _Survey(Struct, frozen=True, kw_only=True):
    api: SpectrumApi
    running: tuple[ActiveJob, ...]
    past: int

    def target(self, reference: FileReference) -> Target:
        try:
            status = self.api.status(reference)
        except Refused as refusal:
            return Target(reference=reference, refusal=refusal.message)
        latest = self._details(status.execution_id) if status.execution_id is not None else None
        return Target(
            reference=reference,
            file_id=status.file_id or (latest.file_id if latest else None),
            configuration_id=latest.configuration_id if latest else None,
            job_status=status.job_status,
            execution_id=status.execution_id,
            active=self._active(status, latest),
            durations=self._durations(status, latest),
            name=self._name(status.file_id or (latest.file_id if latest else None), status.execution_id),
        )

    def _name(self, file: FileId | None, execution: ExecutionId | None) -> str | None:
        """The file's name, if it is in the list of what waits or runs."""
        own = (it for it in self.running if it.execution_id == execution or (file is not None and it.file_id == file))
        return next((it.file_name for it in own if it.file_name), None)

    def _active(self, status: StatusAnswer, latest: JobDetails | None) -> tuple[ExecutionId, ...]:
        """What waits or runs of the file. Its status tells of the latest execution only: two may be active."""
        file = status.file_id or (latest.file_id if latest else None)
        listed = [
            it.execution_id for it in self.running if file is not None and it.file_id == file and it.phase.is_active
        ]
        own = [status.execution_id] if status.phase.is_active and status.execution_id is not None else []
        return tuple(sorted({*listed, *own}))

    def _durations(self, status: StatusAnswer, latest: JobDetails | None) -> tuple[float, ...]:
        if latest is None or latest.configuration_id is None or not self.past:
            return ()
        try:
            history = self.api.history(latest.configuration_id, start=0, length=3 * self.past)
        except _NO_ANSWER:
            return ()
        good = [it.execution_id for it in history if _succeeded(it.job_status)][: self.past]
        found = (latest if it == status.execution_id else self._details(it) for it in good)
        return tuple(it for it in map(_seconds, found) if it is not None)

    def _details(self, execution: ExecutionId) -> JobDetails | None:
        try:
            return self.api.details(execution)
        except _NO_ANSWER:
            return None


def _succeeded(word: str) -> bool:
    return phase_of(word) in {Phase.SUCCEEDED, Phase.WARNED}


def _seconds(details: JobDetails | None) -> float | None:
    """From the server's own dates; None where they cannot be read, or where its clock was turned back in between."""
    if details is None:
        return None
    start, stop = parse_server_date(details.start_time), parse_server_date(details.stop_time)
    if start is None or stop is None or (start.tzinfo is None) != (stop.tzinfo is None):
        return None
    return seconds if (seconds := (stop - start).total_seconds()) >= 0 else None
