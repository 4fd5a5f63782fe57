"""What a runner may still do: whether it may change anything in Spectrum, and how it leaves a run that it has lost.

A run belongs to the process that holds its lease. A process that was frozen, or cut off from the store, may have lost it without
knowing. So before each request that changes something the lease is asked, by our own clock, and a request that is not allowed
counts as unsent. One gap remains: a process that is paused between that question and the kernel's send for longer than the lease.
"""

from collections.abc import Callable

from msgspec import Struct

from spectrum_pipelines.engine.requests import Outcome, PostSequence, PostStop, PostTrigger, Request, SendDelete
from spectrum_pipelines.errors import ExitCode, Fenced, StateError, Unsent

Perform = Callable[[Request], Outcome]

#: Requests that change something in Spectrum; all others only ask.
CHANGES = (PostTrigger, PostSequence, PostStop, SendDelete)


def guarded(perform: Perform, may_change: Callable[[], bool]) -> Perform:
    """`perform`, but nothing that changes something is sent unless `may_change()`."""

    def ask_first(request: Request) -> Outcome:
        if isinstance(request, CHANGES) and not may_change():
            return Unsent("the lease of the run is over or about to end: nothing was sent")
        return perform(request)

    return ask_first


class Left(Struct, frozen=True, kw_only=True):
    """How a run is left whose journal takes nothing any more. `signal` names the reason in the state; `told` is for people."""

    signal: str
    detach: bool
    exit_code: ExitCode
    told: str


def left(error: OSError | StateError) -> Left:
    """What follows from a journal that could not be written.

    A disk that fails is ours alone: what runs is stopped or left, as `on_abort` says. A store that is away, or a successor, means
    that others may work on the run: nothing is stopped or deleted.
    """
    match error:
        case Fenced():
            return Left(signal="FENCED", detach=True, exit_code=ExitCode.TERMINATED, told=error.message)
        case StateError():
            told = f"the journal could not be written: {error.message}; nothing more was triggered, stopped or deleted"
            return Left(signal="STORE", detach=True, exit_code=ExitCode.UNKNOWN, told=told)
        case _:
            told = f"the journal could not be written: {error.strerror or error}; nothing more was triggered"
            return Left(signal="DISK", detach=False, exit_code=ExitCode.UNKNOWN, told=told)
