"""Which executions to look at now, and with which call.

One list-running call shows all of them; a status call shows one, with the server's estimate; details settle every doubt. The budget
holds back repeated looks only: a doubt (an execution may have ended) is settled at once.
"""

from collections.abc import Iterator

from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskStatus, Purpose, Request
from spectrum_pipelines.engine.state import Followed, RunState
from spectrum_pipelines.engine.stopping import file_of
from spectrum_pipelines.pipeline.action import Check, Sequence


def decide_polls(state: RunState, now: float) -> Iterator[Request]:
    """Requests for everything that is due; what may not be asked yet goes back on the agenda.

    Polls need no turn of their job: what they bring is true of the execution whatever the job is about to do.
    """
    plain: list[Followed] = []
    for followed in state.polls.take(now):
        how = state.following.get(followed)
        if how is None or how.next_poll_at > now:
            continue  # an old time; a later one has its own place on the agenda
        if how.doubted or isinstance(state.jobs[followed[0]].job.action, Check):
            yield _details(followed)
        else:
            plain.append(followed)
    if plain:
        yield from _plain(state, plain, now)


def _plain(state: RunState, due: list[Followed], now: float) -> Iterator[Request]:
    listed = [f for f in due if not state.following[f].unlisted]
    alone = due
    if len(state.following) > 1 and now >= state.list_off_until:
        alone = [f for f in due if f not in listed]
        # While the shared call is out its answer is awaited: it will put every execution back on the agenda.
        if listed and state.list_asked_at is None and _affordable(state, listed, now):
            yield AskAllRunning()
    for followed in alone:
        if _affordable(state, [followed], now):
            yield _alone(state, followed)


def _affordable(state: RunState, due: list[Followed], now: float) -> bool:
    free_at = state.budget.free_at(now)
    if free_at <= now:
        state.budget.spend(now)
        return True
    for followed in due:
        state.polls.wake_at(free_at, followed)
    return False


def _alone(state: RunState, followed: Followed) -> Request:
    job = state.jobs[followed[0]]
    execution = state.execution(followed)
    target = file_of(job, execution)
    if state.following[followed].unlisted or target is None or isinstance(job.job.action, Sequence):
        return _details(followed)
    return AskStatus(
        job=followed[0],
        turn=0,
        target=target,
        purpose=Purpose.POLL,
        execution_id=followed[1],
    )


def _details(followed: Followed) -> Request:
    return AskDetails(job=followed[0], turn=0, execution_id=followed[1], purpose=Purpose.POLL)
