"""Who works on something, for people."""

from msgspec import Struct

from spectrum_pipelines.clock import Clock, rfc3339


class Holder(Struct, frozen=True, kw_only=True):
    """Who holds a lease: process `pid` on `host`, for `run_id`, `since` (RFC 3339).

    `lease_left`: seconds until the lease ends unless it is renewed; None for a lease that lasts as long as its process.
    """

    pid: int
    host: str
    run_id: str
    since: str
    lease_left: float | None = None

    def __str__(self) -> str:
        return f"run {self.run_id} (process {self.pid} on {self.host}, since {self.since})"


class Who(Struct, frozen=True, kw_only=True):
    """Ourselves, as others shall see us: process `pid` on `host`."""

    pid: int
    host: str

    def holding(self, run_id: str, clock: Clock) -> Holder:
        """The note to leave in a lock file."""
        return Holder(pid=self.pid, host=self.host, run_id=run_id, since=rfc3339(clock.now()))
