"""One list-running for all triggers of a server in one process.

A triggerer runs its triggers on one event loop. The first trigger of a connection starts a task that looks every few seconds; each
look wakes all triggers that wait for it; the last trigger to leave ends the task. The look itself runs in a thread, since the
client and the look-up of the connection block.

A server that is away is asked again: it ends no execution. Any other failure ends the looking and reaches every waiter: a refused
login that is repeated locks an account, and the engine of the task that wakes up says what is wrong.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from spectrum_pipelines.errors import Throttled, Unanswered, Unsent

#: Seconds between two looks after a look that failed, at the least.
_AFTER_A_FAILURE = 15.0


class Looks:
    """The looks of one connection; every waiter gets each look that is made while it waits."""

    def __init__(self, conn_id: str, pause: float) -> None:
        self.waiters = 0
        self.pause = pause
        self._conn_id = conn_id
        self._next: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._look(), name=f"spectrum {conn_id}")

    async def next(self) -> frozenset[int]:
        """The execution ids that the next look shows as active."""
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End the looking."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.pause)
            try:
                active = await asyncio.to_thread(_active, self._conn_id)
            except (Unsent, Unanswered, Throttled):
                await asyncio.sleep(_AFTER_A_FAILURE)
                continue
            except Exception as error:  # noqa: BLE001 - handed to the waiters
                _forget(self)
                if not self._next.done():
                    self._next.set_exception(error)
                    self._next.exception()  # nobody may be waiting
                return
            told, self._next = self._next, loop.create_future()
            if not told.done():
                told.set_result(active)


_LOOKS: dict[str, Looks] = {}


@asynccontextmanager
async def lookout(conn_id: str, pause: float) -> AsyncIterator[Looks]:
    """The looks of a connection, shared while somebody wants them. The shortest pause that was asked for holds."""
    looks = _LOOKS.get(conn_id)
    if looks is None:
        looks = _LOOKS[conn_id] = Looks(conn_id, pause)
    looks.waiters += 1
    looks.pause = min(looks.pause, pause)
    try:
        yield looks
    finally:
        looks.waiters -= 1
        if looks.waiters == 0:
            _forget(looks)
            await looks.close()


def _forget(looks: Looks) -> None:
    for conn_id, known in list(_LOOKS.items()):
        if known is looks:
            del _LOOKS[conn_id]


def _active(conn_id: str) -> frozenset[int]:
    from spectrum_pipelines.airflow.hook import SpectrumHook, list_active  # noqa: PLC0415 - Airflow's look-up, in a thread

    return list_active(SpectrumHook(conn_id).get_conn())
