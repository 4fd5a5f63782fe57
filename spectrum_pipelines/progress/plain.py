"""Progress where there is no terminal: one line per change, and a sign of life every minute, safe for the log of any CI system."""

from datetime import datetime, timedelta
from itertools import islice
from typing import TextIO

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.progress.base import Lines
from spectrum_pipelines.progress.doing import doing, jobs_underway
from spectrum_pipelines.progress.lines import Said, said_of
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import many, paint, span_in_words

#: Seconds of silence before a sign of life. CI systems and people take a minute for a hang; a tick may come a second late.
HEARTBEAT = 55.0
_LISTED = 5


class PlainProgress:
    """Lines such as `15:04:05Z sales: RUNNING (execution 11)`, in UTC like the report; `color` only for those who ask for it."""

    def __init__(self, stream: TextIO, *, color: bool = False, is_held: bool = False) -> None:
        self._lines = Lines(stream, is_held=is_held)
        self._color = color
        self._secrets: tuple[str, ...] | None = None
        self._spoke_at = 0.0
        self._last: Stamped | None = None

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """Say what the fact changes."""
        self._last = fact
        said = [self._line(one, fact.time, state) for one in said_of(fact.event, state)]
        if said:
            self._lines.write(*said)
            self._spoke_at = fact.at

    def tick(self, state: RunState, now_at: float) -> None:
        """Say what is held; give a sign of life when nothing was said for a minute."""
        self._lines.flush()
        if self._last is None or now_at - self._spoke_at < HEARTBEAT:
            return
        now = self._last.time + timedelta(seconds=now_at - self._last.at)
        self._lines.write(self._line(Said(_alive(state, now_at)), now, state))
        self._spoke_at = now_at

    def close(self) -> None:
        """Say what is held."""
        self._lines.flush()

    def _line(self, said: Said, time: datetime, state: RunState) -> str:
        if self._secrets is None:
            self._secrets = secrets_of(state.pipeline)
        text = clean(masked(said.text, self._secrets))
        shown = paint(text, said.style, color=self._color) if said.style else text
        return f"{time:%H:%M:%S}Z {f'{clean(said.job)}: ' if said.job else ''}{shown}"


def _alive(state: RunState, now_at: float) -> str:
    done = len(state.jobs) - state.left - state.left_finally
    told = f"still running after {span_in_words(now_at)}, {done:,} of {many(len(state.jobs), 'job')} done"
    running = [
        f"{job.job.id} for {span_in_words(now_at - (job.started_at or now_at))}: {doing(state, job, now_at)}"
        for job in islice(jobs_underway(state), _LISTED)
    ]
    more = [f"and {len(state.underway) - _LISTED:,} more"] if len(state.underway) > _LISTED else []
    return "; ".join([told, *running, *more])
