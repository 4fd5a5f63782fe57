"""Lessons: how long a job took before. For a job that runs for long and gives no hints this is worth five questions.

Theory of operation
-------------------
An execution that is still running after `LESSON_AFTER`, of which neither the server nor an earlier run says how long it will go on,
is worth a lesson: its details name the job's configuration, the configuration's history names executions before it, and the details
of the last few that succeeded tell how long they took. The median paces the looks from then on, and nothing else: server times
never decide anything. Whatever goes wrong ends the lesson without a word.
"""

from collections.abc import Iterator
from statistics import median

from msgspec.structs import replace

from spectrum_pipelines.engine.requests import AskDetails, AskHistory, Outcome, Purpose
from spectrum_pipelines.engine.sightings import LessonSeen
from spectrum_pipelines.engine.state.run import RunState, Step
from spectrum_pipelines.engine.timing.patience import LESSON_EXECUTIONS, LESSON_HISTORY, LESSONS_MOST
from spectrum_pipelines.engine.watching.lesson import Lesson
from spectrum_pipelines.pipeline.model.action import JobId, Trigger, WaitFor
from spectrum_pipelines.spectrum import HistoryEntry, JobDetails, Phase, phase_of

#: A server may let a question about its history hang; so it never takes the only connection.
_CONNECTIONS = 2
_GOOD = frozenset({Phase.SUCCEEDED, Phase.WARNED})


def decide_lessons(state: RunState, now: float) -> Iterator[AskDetails | AskHistory]:
    """The next question of one lesson, if the poll budget has room: it must never keep the looks at running jobs waiting."""
    if state.lesson_asked or state.pipeline.http.max_connections < _CONNECTIONS:
        return
    for job_id in state.lesson_times.take(now):
        lesson = state.lessons.get(job_id) or _first(state, job_id)
        if lesson is None or lesson.is_over:
            continue
        if state.lesson_asked:
            state.lesson_times.wake_at(now, job_id)
            continue
        if (free_at := state.budget.free_at(now)) > now:
            state.lesson_times.wake_at(free_at, job_id)
            continue
        state.budget.spend(now)
        state.lessons[job_id] = lesson
        state.lesson_asked = True
        yield _question(job_id, lesson)


def next_lesson_at(state: RunState) -> float | None:
    """The run-clock second at which there may be something to ask."""
    if state.lesson_asked or state.pipeline.http.max_connections < _CONNECTIONS:
        return None
    return state.lesson_times.next_at(state.is_done)


def _first(state: RunState, job_id: JobId) -> Lesson | None:
    job = state.jobs[job_id]
    running = job.open_executions
    is_one = len(running) == 1 and isinstance(job.job.action, Trigger | WaitFor) and job.step is Step.FOLLOWING
    if not is_one or job_id in state.past or len(state.lessons) >= LESSONS_MOST:
        return None
    watch = state.following.get((job_id, running[0].execution_id))
    if watch is None or watch.is_hinted:
        return None
    return Lesson(execution_id=running[0].execution_id, configuration_id=running[0].configuration_id)


def _question(job_id: JobId, lesson: Lesson) -> AskDetails | AskHistory:
    if lesson.configuration_id is None:
        return AskDetails(job=job_id, turn=0, execution_id=lesson.execution_id, purpose=Purpose.LESSON)
    if lesson.todo is None:
        configuration_id, length = lesson.configuration_id, LESSON_HISTORY
        return AskHistory(job=job_id, turn=0, configuration_id=configuration_id, length=length, purpose=Purpose.LESSON)
    return AskDetails(job=job_id, turn=0, execution_id=lesson.todo[0], purpose=Purpose.LESSON)


def interpret_lesson(state: RunState, request: AskDetails | AskHistory, outcome: Outcome) -> LessonSeen:
    """The lesson with an answer added. An answer that is of no use ends the lesson."""
    lesson = state.lessons[request.job]
    match outcome:
        case JobDetails(configuration_id=configuration_id) if lesson.configuration_id is None:
            seen = replace(lesson, configuration_id=configuration_id, given_up=configuration_id is None)
        case JobDetails() if lesson.todo:
            took = outcome.run_seconds if outcome.phase in _GOOD else None
            seconds = (took,) if took is not None and took > 0 else ()
            seen = replace(lesson, todo=lesson.todo[1:], seconds=lesson.seconds + seconds)
        case tuple():
            entries = [one for one in outcome if isinstance(one, HistoryEntry) and phase_of(one.job_status) in _GOOD]
            before = [one.execution_id for one in entries if one.execution_id < lesson.execution_id]
            seen = replace(lesson, todo=tuple(before[:LESSON_EXECUTIONS]))
        case _:
            seen = replace(lesson, given_up=True)
    return LessonSeen(job=request.job, lesson=seen)


def lesson_seen(state: RunState, event: LessonSeen, _: float) -> None:
    """Fold an answer in; the last one gives the job its past."""
    state.lesson_asked = False
    state.lessons[event.job] = event.lesson
    if not event.lesson.is_over:
        state.lesson_times.wake(event.job)
    elif event.lesson.seconds:
        state.past[event.job] = past = median(event.lesson.seconds)
        for followed, watch in state.following.items():
            if followed[0] == event.job:
                watch.past = past
