"""P6 for looks: whoever is followed is asked for just now, or there is a time at which that will be."""

import math
from collections.abc import Iterable

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
