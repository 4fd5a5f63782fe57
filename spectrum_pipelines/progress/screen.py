"""What a terminal shows of a run at one moment: a head line and the jobs that matter most, at most a screenful.

Pure: lines of pieces, each a clean text and a style. Whoever has a terminal draws them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import JobState, Preflight, RunState
from spectrum_pipelines.pipeline.secrets import masked
from spectrum_pipelines.progress.doing import doing, hints, shown_execution
from spectrum_pipelines.report.status import counts, reason_of, status_of
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import cut, width_of
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, counts_in_words, many, span_in_words

#: A text and one of the styles of `wording`; an empty style is plain.
Piece = tuple[str, str]
ScreenLine = list[Piece]

_BAR = 10  # cells
_NAME = 40  # cells of a job's id at most
_SHORT_NAME = 12  # and at least, where the line is short
_REST = 46  # cells of a line that the mark, the time and `RUNNING (execution 12345)` take
_NARROW = 80  # cells of a line that has no room for a bar of its own
_LOW = 12  # lines of a screen that is not worth halving
_KEPT = 10  # rows of failed jobs that stay when the run is over


class Screen(Struct, frozen=True, kw_only=True):
    """The room there is, in cells and lines, and what may be shown in it."""

    width: int
    height: int
    glyphs: bool = True
    secrets: tuple[str, ...] = ()

    def text(self, foreign: str) -> str:
        """Foreign text as it may be shown."""
        return clean(masked(foreign, self.secrets))

    def fit(self, pieces: ScreenLine) -> ScreenLine:
        """A line that does not wrap: what follows the last cell is cut off."""
        left, fitted = self.width, ScreenLine()
        for text, style in pieces:
            shown = cut(text, left, dots="…" if self.glyphs else "...") if left > 0 else ""
            fitted.append((shown, style))
            left -= width_of(text)
        return fitted


def draw(state: RunState, now_at: float, screen: Screen) -> list[ScreenLine]:
    """The run as it stands. `now_at` is the run clock."""
    jobs = list(state.jobs.values())
    room = _room(screen)
    if len(jobs) > room:
        jobs = _most_important(state, room - 1)
    lines = [_head(state, now_at, screen), *_rows(state, jobs, now_at, screen)]
    if len(jobs) < len(state.jobs):
        lines.append([(f"  {len(state.jobs) - len(jobs):,} more{_others(state, jobs)}", "dim")])
    return [screen.fit(line) for line in lines]


def _room(screen: Screen) -> int:
    """Lines for jobs: half of the screen, so that all of them are still on it when it is split in two, in height or in width.

    A terminal that becomes narrower wraps what it shows, and what leaves the screen at the top cannot be taken back.
    """
    return max(1, screen.height - 2 if screen.height <= _LOW else max(_LOW, screen.height // 2) - 2)


def _others(state: RunState, shown: Sequence[JobState]) -> str:
    """`: 29 succeeded, 11 pending`: how the jobs stand that are not shown."""
    left = Counter(counts(state))
    left.subtract(status_of(job, is_over=state.ended is not None) for job in shown)
    return f": {told}" if (told := counts_in_words(+left)) else ""


def draw_end(state: RunState, now_at: float, screen: Screen) -> list[ScreenLine]:
    """What stays on the screen of a run that has not ended: the head line, and the first jobs that failed or may still run."""
    left = [job for job in state.jobs.values() if _needs_a_look(job, is_over=state.ended is not None)]
    return [screen.fit(line) for line in (_head(state, now_at, screen), *_rows(state, left[:_KEPT], now_at, screen))]


def _needs_a_look(job: JobState, *, is_over: bool) -> bool:
    status = status_of(job, is_over=is_over)
    return status.is_failure or status is JobStatus.RUNNING


def _most_important(state: RunState, room: int) -> list[JobState]:
    """The failed ones, the latest first, in at most half of the room; then those underway, the oldest first."""
    running = [state.jobs[job_id] for job_id in list(state.underway)]
    failed = sorted(_failed(state), key=lambda job: job.ended_at or 0.0, reverse=True)
    failed = failed[: max(room // 2, room - len(running))]
    return [*failed, *running[: room - len(failed)]]


def _failed(state: RunState) -> list[JobState]:
    return [job for job in list(state.jobs.values()) if job.is_done and job.status.is_failure]


def _head(state: RunState, now_at: float, screen: Screen) -> ScreenLine:
    look = RUN_LOOKS[RunStatus.RUNNING if state.ended is None else state.ended.status]
    done, total = len(state.jobs) - state.left - state.left_finally, len(state.jobs)
    what = f"{look.mark(glyphs=screen.glyphs)} {screen.text(state.pipeline.name)} {look.word}"
    head = [(what, look.style), (f" {span_in_words(now_at)} ", ""), *_bar(done / max(1, total), look.style, screen)]
    if state.preflight is Preflight.ASKING and state.ended is None:
        return [*head, (f" looking up {many(len(state.targets_wanted), 'target')}", "dim")]
    return [*head, (f" {done:,}/{total:,}", ""), (f"  {counts_in_words(counts(state))}", "dim")]


def _bar(share: float, style: str, screen: Screen) -> Iterator[Piece]:
    full = min(_BAR, max(0, int(share * _BAR)))
    solid, empty = ("━", "─") if screen.glyphs else ("=", "-")
    yield solid * full, style
    yield empty * (_BAR - full), "dim"


def _rows(state: RunState, jobs: Sequence[JobState], now_at: float, screen: Screen) -> Iterator[ScreenLine]:
    names = [screen.text(job.job.id) for job in jobs]
    room = min(_NAME, max(_SHORT_NAME, screen.width - _REST))
    size = min(room, max(map(width_of, names), default=0))
    for job, name in zip(jobs, names, strict=True):
        shown = cut(name, size, dots="…" if screen.glyphs else "...")
        yield _row(state, job, shown + " " * (size - width_of(shown)), now_at, screen)


def _row(state: RunState, job: JobState, name: str, now_at: float, screen: Screen) -> ScreenLine:
    status = status_of(job, is_over=state.ended is not None)
    look = JOB_LOOKS[status]
    took = ""
    if job.started_at is not None:
        took = span_in_words((now_at if job.ended_at is None else job.ended_at) - job.started_at)
    row = [(f"  {look.mark(glyphs=screen.glyphs)} {name}", look.style), (f" {took:>8} ", "")]
    if status is JobStatus.RUNNING and state.ended is None:
        bar = _progress(state, job, screen) if screen.width >= _NARROW else ()
        return [*row, *bar, (screen.text(doing(state, job, now_at)), "")]
    reason = reason_of(job, is_over=state.ended is not None)
    return [*row, (f"{look.word}{f': {screen.text(reason)}' if reason else ''}", "" if status.is_failure else "dim")]


def _progress(state: RunState, job: JobState, screen: Screen) -> Iterator[Piece]:
    """The server's own progress, where it tells one."""
    shown = shown_execution(job)
    watch = None if shown is None else hints(state, job, shown)
    if watch is not None and watch.hint is not None and watch.hint.progress is not None:
        yield from _bar(watch.hint.progress / 100, "cyan", screen)
        yield " ", ""
