"""Every wait ends: whoever is followed is asked for just now or at a known time, and no time to decide is over already."""

import math
from collections.abc import Iterable

from spectrum_pipelines.engine.decide import wake_ups
from spectrum_pipelines.engine.requests import AskDetails, AskStatus, Request
from spectrum_pipelines.engine.state.run import Followed, RunState


def forgotten(state: RunState, under_way: Iterable[Request]) -> list[Followed]:
    """Executions that nobody would ever look at again. `under_way`: requests without an outcome yet."""
    if state.list_poll.asked_at is not None:
        return []  # its answer, or the lack of one, puts everybody back on the agenda
    asked = {(one.job, one.execution_id) for one in under_way if isinstance(one, AskStatus | AskDetails)}
    on_agenda = {followed for _, _, followed in state.polls._times} | set(state.polls._awake)
    return [
        followed
        for followed, how in state.following.items()
        if followed not in asked
        and not (how.next_poll_at < math.inf and followed in on_agenda)
        and not (how.listed and state.list_poll.due_at < math.inf)
    ]


def overdue(state: RunState, now: float) -> list[float]:
    """Times to decide that are not later than `now`, the second of a decision that has found nothing: the loop would spin."""
    return [time for time in wake_ups(state, now) if time <= now]
