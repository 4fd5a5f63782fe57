"""Which executions to look at now, and with which call.

One list-running call shows all of them; a status call shows one, with the server's hints; details settle every doubt. So many are
looked at together, and the last few, who decide when the run ends, each on its own as long as the server gives hints. The budget
holds back repeated looks only: a doubt (an execution may have ended) is settled at once.
"""

import math
from collections.abc import Iterator

from spectrum_pipelines.engine.facts import Event, Warned
from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskStatus, Purpose, Request
from spectrum_pipelines.engine.sightings import ListMissed, Sighting
from spectrum_pipelines.engine.state.run import Followed, RunState
from spectrum_pipelines.engine.state.watch import Watch
from spectrum_pipelines.engine.stopping.decide import file_of
from spectrum_pipelines.engine.timing.patience import FEW
from spectrum_pipelines.pipeline.model.action import Check, Sequence
from spectrum_pipelines.pipeline.model.durations import format_duration


def decide_polls(state: RunState, now: float) -> Iterator[Request | Event | Sighting]:
    """Requests for everything that is due; what may not be asked yet goes back on the agenda.

    Polls need no turn of their job: what they bring is true of the execution whatever the job is about to do.
    """
    yield from _give_up_list(state, now)
    due: list[Followed] = []
    for followed in state.polls.take(now):
        watch = state.following.get(followed)
        if watch is None or watch.next_poll_at > now:
            continue  # an old time; a later one has its own place on the agenda
        if (watch.doubted and not watch.doubt_can_wait) or isinstance(state.jobs[followed[0]].job.action, Check):
            yield _details(followed)
        else:
            due.append(followed)
    if now >= state.list_poll.due_at:
        state.list_poll.due_at = math.inf
        due += [followed for followed, watch in state.following.items() if watch.listed]
    if due:
        yield from _look(state, due, now)


def _look(state: RunState, due: list[Followed], now: float) -> Iterator[Request]:
    many = _is_crowd(state, now)
    hinted = _few_hinted(state) if many else set()
    together, alone = list[Followed](), list[Followed]()
    for one in due:
        is_one_of_many = many and one not in hinted and not _wants_its_own(state.following[one])
        (together if is_one_of_many or _is_only_listed(state, one, now) else alone).append(one)
    together += _unlisted_too_long(state, now)
    # While the shared call is out its answer is awaited: it will put every execution back on the agenda.
    if together and state.list_poll.asked_at is None:
        if (free_at := _end_of_rest(state, now) or _free_at(state, now)) is None:
            state.list_poll.again_at = now + state.patience.list_again
            yield AskAllRunning()
        else:
            state.list_poll.due_at = free_at
            for followed in together:
                state.polls.wake_at(free_at, followed)
    # Whoever was heard of longest ago comes first: those who want to be asked often must not take every question.
    for followed in sorted(alone, key=lambda it: state.last_heard(state.following[it])):
        if (free_at := _free_at(state, now)) is None:
            yield _alone(state, followed)
        elif state.following[followed].listed:
            state.list_poll.due_at = min(state.list_poll.due_at, free_at)
        else:
            state.polls.wake_at(free_at, followed)


def _unlisted_too_long(state: RunState, now: float) -> list[Followed]:
    """Many that the list has left out: perhaps it was only wrong for once."""
    if now < max(state.list_poll.again_at, state.list_poll.off_until) or state.list_poll.asked_at is not None:
        return []
    unlisted = [followed for followed, watch in state.following.items() if watch.unlisted]
    return unlisted if len(unlisted) > FEW else []


def poll_times(state: RunState) -> Iterator[float | None]:
    """Run-clock seconds at which there may be something to ask."""
    yield state.polls.next_at(lambda followed: _is_old(state, followed))
    yield state.list_poll.due_at if state.list_poll.due_at < math.inf else None
    if state.list_poll.asked_at is not None and not state.list_poll.is_late:
        yield state.list_poll.asked_at + state.patience.list_patience


def _is_old(state: RunState, followed: Followed) -> bool:
    watch = state.following.get(followed)
    return watch is None or watch.next_poll_at == math.inf


def _is_crowd(state: RunState, now: float) -> bool:
    """One call for all executions is cheaper than one for each, and can be had."""
    going_on = sum(not (watch.doubted or watch.unlisted) for watch in state.following.values())
    return _is_list_to_be_had(state, now) and going_on > (FEW if state.gives_hints else 1)


def _is_list_to_be_had(state: RunState, now: float) -> bool:
    return now >= state.list_poll.off_until and not state.list_poll.is_late


def _wants_its_own(watch: Watch) -> bool:
    return watch.expects_end or watch.unlisted or watch.overtaken or watch.doubted


def _is_only_listed(state: RunState, followed: Followed, now: float) -> bool:
    """Details of the execution are refused, and nothing has told its file, whose status could show it: the list may."""
    watch = state.following[followed]
    if not watch.details_refused or watch.unlisted or watch.doubted or not _is_list_to_be_had(state, now):
        return False
    return file_of(state.jobs[followed[0]], state.execution(followed)) is None


def _few_hinted(state: RunState) -> set[Followed]:
    """Executions that keep the times of their hints: a few. A crowd of them would cost too much, one list shows them all."""
    hinted = {followed for followed, watch in state.following.items() if watch.is_hinted and not watch.listed}
    return hinted if len(hinted) <= FEW else set()


def _give_up_list(state: RunState, now: float) -> Iterator[Event | Sighting]:
    """Ask for each execution while the list is late. A list that is late twice in a row counts as unusable."""
    poll = state.list_poll
    if poll.asked_at is None or poll.is_late or now < poll.asked_at + state.patience.list_patience:
        return
    message = f"no answer within {format_duration(state.patience.list_patience)}"
    yield ListMissed(unusable=poll.was_late, late=True, message=message)
    if poll.was_late:
        yield from list_unusable(state, message)


def list_unusable(state: RunState, message: str) -> Iterator[Warned]:
    """Say once that there is no shared poll here, and why."""
    if ("list-unusable", None) not in state.warned:
        told = f"list-running does not work here, asking for each execution instead: {message}"
        yield Warned(code="list-unusable", message=told)


def _end_of_rest(state: RunState, now: float) -> float | None:
    """When the list may be asked for again, if it rests."""
    is_resting = now < state.list_poll.rests_until and state.abort is None and state.is_anybody_starting
    return state.list_poll.rests_until if is_resting else None


def _free_at(state: RunState, now: float) -> float | None:
    """Take a call out of the budget; otherwise when there will be one."""
    free_at = state.budget.free_at(now)
    if free_at > now:
        return free_at
    state.budget.spend(now)
    return None


def _alone(state: RunState, followed: Followed) -> Request:
    job, watch = state.jobs[followed[0]], state.following[followed]
    target = file_of(job, state.execution(followed))
    is_told_by_details = isinstance(job.job.action, Sequence) and not watch.details_refused
    if watch.expects_end or watch.doubted or watch.overtaken or target is None or is_told_by_details:
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
