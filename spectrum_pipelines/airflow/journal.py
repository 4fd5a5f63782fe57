"""Where the journal of a task is: a store by its folder or URL, or Airflow's own task state store (3.3 and later)."""

import math
from typing import Any

from spectrum_pipelines.airflow.task_state.store import TaskStateStore
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import Fenced, StateError, StoreUnreachable, UserError
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.memory import Memory, MemoryStore
from spectrum_pipelines.store.where import open_store

AUTO, NONE = "auto", "none"
_GIVE_ONE = "give `state` a folder that all workers share or a postgresql:// URL, on the operator or on the connection"


def store_for(state: str, connection_state: str | None, context: Any, *, password: str | None = None) -> Store:
    """The store of a task. `state` is the operator's, `connection_state` that of the connection's extra fields.

    `auto` takes the connection's, else Airflow's task state store. Raises UserError where there is neither: a try that knows
    nothing of the try before would start everything again.
    """
    if state == NONE:
        # One try, one process: nothing renews a lease here, and nobody else can see it.
        return MemoryStore(Memory(SystemClock(), lease=math.inf), SystemClock())
    where = connection_state if state == AUTO else state
    if where:
        return open_store(where, password=password)
    accessor = context.get("task_state_store")
    if accessor is None:
        told = "there is no place for the journal of the run: this Airflow has no task state store (3.3 and later have one)"
        raise UserError(
            told, hint=f'{_GIVE_ONE}; `state="none"` runs without one, and a further try starts everything again'
        )
    return TaskStateStore(TaskValues(accessor), SystemClock())


class TaskValues:
    """The values of a task, through the process that supervises it."""

    def __init__(self, accessor: Any) -> None:
        self._accessor = accessor

    def get(self, key: str) -> Any:
        """The value; None if there is none. Raises StateError."""
        try:
            return self._accessor.get(key)
        except Exception as error:
            raise _in_words(error) from error

    def set(self, key: str, value: Any) -> None:
        """Put a value in place, for good. Raises StateError, and Fenced where Airflow has given the task to a further try."""
        from airflow.sdk.execution_time.context import NEVER_EXPIRE  # noqa: PLC0415 - 3.3 and later

        try:
            self._accessor.set(key, value, retention=NEVER_EXPIRE)
        except Exception as error:
            raise _in_words(error) from error

    def delete(self, key: str) -> None:
        """Remove a value that may be missing. Raises StateError."""
        try:
            self._accessor.delete(key)
        except Exception as error:
            raise _in_words(error) from error


def _in_words(error: Exception) -> StateError:
    """Airflow's answer. The id of a task instance that is unknown is that of an earlier try."""
    answer = getattr(error, "error", None)
    detail = getattr(answer, "detail", None)
    code = detail.get("status_code") if isinstance(detail, dict) else None
    if code in {401, 403, 404, 409, 410}:
        return Fenced("Airflow has given this task to a further try", hint="this process does nothing more")
    told = f"Airflow's task state store does not answer: {type(error).__name__}: {str(error)[:300]}"
    return StoreUnreachable(told, hint="is Airflow's API server up?")
