"""How long a lease must last for a request to be sent under it."""

import math
from collections.abc import Callable

from spectrum_pipelines.store.interface import Lease

#: A request is sent only if the lease lasts for this part of its time, or for the whole connect timeout if that is shorter.
_PART = 3


def connect_timeout_under(lease: Lease, wanted: float) -> float:
    """The connect timeout for requests under a lease: a request that waited longer could leave when the lease is over."""
    return wanted if math.isinf(lease.seconds) else min(wanted, lease.seconds / _PART)


def may_change(lease: Lease, connect_timeout: float) -> Callable[[], bool]:
    """Whether something that changes Spectrum may be sent: the lease stays ours until the request has left."""
    needed = connect_timeout_under(lease, connect_timeout)
    return lambda: lease.is_ours(for_seconds=needed)
