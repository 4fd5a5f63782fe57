"""The jobs of a run report as they will be written, kept from one report to the next."""

from collections.abc import Iterator
from datetime import datetime

from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.secrets import secrets_of
from spectrum_pipelines.report.jobs import job_entry
from spectrum_pipelines.report.json_text import job_text


class JobTexts:
    """A text is made once for each version of its job, so an update costs what has changed, and memory only what is written."""

    def __init__(self) -> None:
        self._kept: dict[JobId, tuple[int, bool, bytes]] = {}

    def of(self, state: RunState, started_at: datetime) -> Iterator[bytes]:
        """The JSON text of every job, in the order of the pipeline."""
        is_over = state.ended is not None
        secrets = secrets_of(state.pipeline)
        for job_id, job in state.jobs.items():
            kept = self._kept.get(job_id)
            if kept is None or kept[0] != job.version or kept[1] is not is_over:
                kept = (job.version, is_over, job_text(job_entry(job, started_at, secrets, is_over=is_over)))
                self._kept[job_id] = kept
            yield kept[2]
