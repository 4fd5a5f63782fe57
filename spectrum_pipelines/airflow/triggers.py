"""The trigger of a deferred task: it wakes the task up and judges nothing.

It fires when one of its executions is no longer active, or when the engine asked to be woken. What the execution came to is for the
engine to find out, under its own id. All triggers of one server in a triggerer share one list-running.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import TaskInstanceState
from airflow.triggers.base import BaseTrigger, TriggerEvent

from spectrum_pipelines.airflow.lookout import lookout
from spectrum_pipelines.errors import SpectrumPipelinesError

_CLASS_PATH = f"{__name__}.SpectrumTrigger"


class SpectrumTrigger(BaseTrigger):
    """Wakes a deferred task up once: when one of its executions is no longer active, or at `wake_at`.

    `conn_id` is an Airflow connection of type `spectrum`. `wake_at` is a time in RFC 3339, UTC; None: no such time. `poll` is the
    number of seconds between two looks at the list of active jobs. `stops` says what happens when a person ends the deferred task:
    the executions are stopped (`on_abort: stop`), or left.
    """

    def __init__(
        self, *, conn_id: str, execution_ids: list[int], wake_at: str | None, stops: bool, poll: float = 5.0
    ) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.execution_ids = execution_ids
        self.wake_at = wake_at
        self.stops = stops
        self.poll = poll

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The path of this class, and the arguments from which a triggerer makes the trigger again."""
        return _CLASS_PATH, {
            "conn_id": self.conn_id,
            "execution_ids": self.execution_ids,
            "wake_at": self.wake_at,
            "stops": self.stops,
            "poll": self.poll,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait until the task is to wake up; the one event says why, under `reason`."""
        try:
            yield TriggerEvent({"reason": await self._reason()})
        except asyncio.CancelledError:
            # Airflow 2 cancels for a person and for a restart alike; Airflow 3 calls `on_kill` for a person.
            if not hasattr(BaseTrigger, "on_kill") and not await self._is_still_deferred():
                await self.on_kill()
            raise

    async def on_kill(self) -> None:
        """Stop the executions, if `stops` says so. Airflow calls this when a person ends the deferred task.

        An execution that cannot be stopped is told in the log of the triggerer; nothing is raised.
        """
        if not self.stops:
            return
        try:
            stopped = await asyncio.to_thread(_stop, self.conn_id, self.execution_ids)
        except SpectrumPipelinesError as error:
            self.log.warning("executions %s could not be stopped: %s", self.execution_ids, error.message)
        else:
            self.log.info("stopped executions %s", stopped)

    async def _reason(self) -> str:
        until = None if self.wake_at is None else datetime.fromisoformat(self.wake_at)
        watched = frozenset(self.execution_ids)
        async with lookout(self.conn_id, self.poll) as looks:
            while (left := _left(until)) is None or left > 0:
                try:
                    active = await asyncio.wait_for(looks.next(), timeout=left)
                except TimeoutError:
                    break
                except Exception as error:  # noqa: BLE001 - told by the task, whose engine meets it as well
                    return f"the list of active jobs cannot be read: {error}"
                if watched - active:
                    return "an execution is no longer active"
        return "the time to look again has come"

    async def _is_still_deferred(self) -> bool:
        """Airflow 2.11 only: whether the task still waits for this trigger. A triggerer may ask its database there."""
        return bool(await asyncio.to_thread(self._state_in_database) == TaskInstanceState.DEFERRED)

    def _state_in_database(self) -> str | None:
        from airflow.models.taskinstance import TaskInstance  # noqa: PLC0415 - Airflow 2 only
        from airflow.utils.session import create_session  # noqa: PLC0415

        mine: Any = self.task_instance
        with create_session() as session:
            found = (
                session.query(TaskInstance.state)
                .filter(
                    TaskInstance.dag_id == mine.dag_id,
                    TaskInstance.task_id == mine.task_id,
                    TaskInstance.run_id == mine.run_id,
                    TaskInstance.map_index == mine.map_index,
                )
                .one_or_none()
            )
        return None if found is None else found[0]


def _left(until: datetime | None) -> float | None:
    return None if until is None else (until - datetime.now(UTC)).total_seconds()


def _stop(conn_id: str, execution_ids: list[int]) -> list[int]:
    from spectrum_pipelines.airflow.hook import SpectrumHook, stop_executions  # noqa: PLC0415 - Airflow's look-up, in a thread

    return stop_executions(SpectrumHook(conn_id).get_conn(), execution_ids)
