"""What a run may do under its leases: that of the run itself, and that of its concurrency group, if it has one.

A process that was frozen for long may find its run untouched and its group taken: then another run of the group works, and this
one must change nothing more.
"""

import math
from collections.abc import Callable, Sequence

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.errors import Fenced
from spectrum_pipelines.store.interface import Journal, Lease

#: A request is sent only if the lease lasts for this part of its time, or for the whole connect timeout if that is shorter.
_PART = 3
#: Seconds that a renewal is waited for, and between two looks.
_PATIENCE, _STEP = 2.0, 0.05


def connect_timeout_under(lease: Lease, wanted: float) -> float:
    """The connect timeout for requests under a lease: a request that waited longer could leave when the lease is over."""
    return wanted if math.isinf(lease.seconds) else min(wanted, lease.seconds / _PART)


def may_change(connect_timeout: float, *leases: Lease | None, clock: Clock) -> Callable[[], bool]:
    """Whether something that changes Spectrum may be sent: all leases stay ours until the request has left.

    A lease that is over by our clock may be ours all the same: a process that was away for a while renews it, or hears that it is
    lost. That is waited for, but not for long: what is sent then should not be late behind the look that came before it.
    """
    held = [(lease, connect_timeout_under(lease, connect_timeout)) for lease in leases if lease is not None]

    def ask() -> bool:
        until = clock.monotonic() + min([_PATIENCE, *(lease.seconds / _PART for lease, _ in held)])
        while not all(lease.is_ours(for_seconds=seconds) for lease, seconds in held):
            if any(lease.is_lost for lease, _ in held) or clock.monotonic() >= until:
                return False
            clock.sleep(_STEP)
        return True

    return ask


class UnderGroup:
    """A journal that takes nothing once somebody else has the lease of the run's group."""

    def __init__(self, journal: Journal, group: Lease) -> None:
        self._journal = journal
        self._group = group

    def append(self, facts: Sequence[Stamped]) -> None:
        """As the journal does. Raises Fenced if the group is another run's."""
        if self._group.is_lost:
            told = f"another run has taken {self._group.name.replace('-', ' `', 1)}`"
            raise Fenced(told, hint="`resume` goes on with this run when the group is free")
        self._journal.append(facts)


def under_group(journal: Journal, group: Lease | None) -> Journal | UnderGroup:
    """The journal of a run, for as long as its group is ours."""
    return journal if group is None else UnderGroup(journal, group)
