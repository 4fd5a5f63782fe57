"""Getting what a run needs from a store: itself, its lease, its group; waiting where it is worth it, and saying who holds it."""

from collections.abc import Callable
from contextlib import suppress

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import Fenced, StateError, UserError
from spectrum_pipelines.pipeline.model.pipeline import GroupBehavior
from spectrum_pipelines.store.heads import is_run_id
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import (
    Busy,
    Existing,
    Lease,
    NewRun,
    RunStore,
    Store,
    group_lease,
    run_lease,
)
from spectrum_pipelines.words.shell import shell_word

#: Seconds between two looks: what a waiting run loses at most, and how fast it hears that it shall stop waiting.
_STEP = 0.2
_SHARED_STEP = 1.0
#: Less than this may be lost in rounding, and the wait would never end.
_LEAST = 0.001
#: CI systems take a job that says nothing for dead: seconds between two words.
_WORD_EVERY = 30.0
#: Who only asks whether a run goes on holds a lock of a folder for an instant, and a lease may end after it was refused and
#: before its holder is looked up: come again this often before calling it taken for good.
_GLANCES = 5
_INSTANT = 0.02
#: Seconds by which the end of a lease may seem to move because an answer about it took long.
_NOISE = 0.1
#: Seconds that a lease may have left when it is told, and a bit: a clean end and a lost one look the same until then.
_SLACK = 0.5

#: What commands look at where no store is named.
USUAL = ".spectrum-pipelines"

#: Told at the first look that it is taken, by whom (None: unknown) and for how many seconds we have waited; then every 30 s.
OnWait = Callable[[Holder | None, float], None]


def named_run(store: Store, run_id: str) -> RunStore:
    """The run that a user names. Raises UserError, and StateError."""
    run = store.find(run_id)
    if run is not None:
        return run
    from spectrum_pipelines.document.suggest import closest  # noqa: PLC0415 - only a failure needs it

    near = closest(run_id, (head.run_id for head in store.newest(limit=1000)))
    hint = f"list the runs with {_command('runs', store=store.name)}"
    hint = f"did you mean `{near}`? {hint}" if near else hint
    if not is_run_id(run_id):
        raise UserError(f"`{run_id}` is not a run id: they look like 20261123T150405Z-7f3a", hint=hint)
    raise UserError(f"there is no run {run_id} in {store.name}", hint=hint)


def take_run(
    store: Store, run_id: str, who: Who, *, clock: Clock, on_wait: OnWait, stopping: Callable[[], bool]
) -> Lease:
    """The lease of a run, before its journal is read or written.

    A holder whose lease ends by itself is waited for, once and as long as that takes: in CI it usually is a machine that is gone.
    Raises Busy naming the holder, and StateError.
    """
    patience = _Patience(clock, on_wait)
    while True:
        lease = store.lease(run_lease(run_id), who, run_id=run_id)
        if lease is not None:
            return lease
        holder = store.holder(run_lease(run_id))
        if stopping() or not patience.waits_for(holder):
            raise busy(run_id, holder, store=store.name)


def claim_key(
    store: Store,
    key: str,
    new_run: Callable[[], RunStore],
    who: Who,
    *,
    clock: Clock,
    on_wait: OnWait,
    stopping: Callable[[], bool],
) -> NewRun | Existing:
    """`Store.claim`; a holder whose lease ends by itself is waited for, once and as long as that takes. Raises as `claim`."""
    patience = _Patience(clock, on_wait)
    while True:
        try:
            return store.claim(key, new_run, who)
        except Busy as error:
            if stopping() or not patience.waits_for(error.holder):
                raise


class _Patience:
    """Waits for the end of the lease that was seen first: a holder that goes on renewing it is alive.

    One renewal proves nothing: the last one of a process that was killed may reach the store after its death.
    """

    def __init__(self, clock: Clock, on_wait: OnWait) -> None:
        self._clock = clock
        self._on_wait = on_wait
        self._began = clock.monotonic()
        self._until: float | None = None
        self._ends_at = 0.0
        self._renewals = 0
        self._glances = 0

    def waits_for(self, holder: Holder | None) -> bool:
        """Sleep a bit, or False when it is of no use."""
        if holder is None or holder.lease_left is None:
            self._glances += 1
            if self._glances >= _GLANCES:
                return False
            self._clock.sleep(_INSTANT)
            return True
        self._glances = 0
        now = self._clock.monotonic()
        ends_at = now + holder.lease_left
        if self._until is None:
            self._until, self._ends_at = ends_at + _SLACK, ends_at
            self._on_wait(holder, 0.0)
        if ends_at > self._ends_at + _NOISE:
            self._renewals += 1
            self._ends_at = ends_at
            if self._renewals == 1:
                self._until = ends_at + _SLACK
        if now >= self._until:
            return False
        self._clock.sleep(max(_LEAST, min(_SHARED_STEP, self._until - now)))
        return True


def busy(run_id: str, holder: Holder | None, *, store: str) -> Busy:
    """The refusal to touch a run that somebody else works on. `store` is the name of the store."""
    hint = f"wait for its end; {_command('report', run_id, store=store)} shows how far it is"
    return Busy(f"run {run_id} is already being worked on by {_in_words(holder)}", holder=holder, hint=hint)


def fenced(run_id: str, holder: Holder | None, *, store: str) -> Fenced:
    """The refusal of a fact, naming who works on the run now. `store` is the name of the store."""
    hint = f"nothing more was done here; {_command('report', run_id, store=store)} shows how the run goes on"
    return Fenced(f"run {run_id} was taken over by {_in_words(holder)}", hint=hint)


def _command(*words: str, store: str) -> str:
    """A command that finds what is in this store. No command can open one whose name stands in angle brackets."""
    at = () if store == USUAL or store.startswith("<") else ("--state", store)
    line = " ".join(map(shell_word, ("spectrum-pipelines", *words, *at)))
    return f"`{line}`"


def _in_words(holder: Holder | None) -> str:
    return f"process {holder.pid} on {holder.host}, since {holder.since}" if holder else "another process"


def take_group(
    store: Store,
    group: str,
    behavior: GroupBehavior,
    who: Who,
    *,
    run_id: str,
    clock: Clock,
    timeout: float | None,
    on_wait: OnWait,
    stopping: Callable[[], bool],
) -> Lease | None:
    """Be the only run of a group, waiting for `timeout` seconds (None: as long as it takes) if the group queues.

    First come, first served. None once `stopping()`. Raises Busy naming the holder, and StateError.
    """
    began = clock.monotonic()
    told: float | None = None
    step = _SHARED_STEP if store.is_shared else _STEP
    with store.line_up(group_lease(group), who, run_id=run_id) as place:
        while not stopping():
            lease = place.take()
            if lease is not None:
                return lease
            waited = clock.monotonic() - began
            if behavior is GroupBehavior.FAIL:
                raise _taken(store, group, "run it later, or let it wait with `concurrency: {behavior: queue}`")
            if timeout is not None and waited >= timeout:
                raise _taken(store, group, f"it was not let go within {waited:.0f}s; run it later")
            if told is None or waited - told >= _WORD_EVERY:
                told = waited
                on_wait(store.holder(group_lease(group)), waited)
            clock.sleep(step if timeout is None else max(_LEAST, min(step, timeout - waited)))
    return None


def _taken(store: Store, group: str, hint: str) -> Busy:
    holder = None
    with suppress(StateError):  # the refusal matters more than the name in it
        holder = store.holder(group_lease(group))
    message = f"concurrency group `{group}` is held by {holder or 'another process'}"
    return Busy(message, holder=holder, hint=hint)
