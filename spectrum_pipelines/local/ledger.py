"""The ledger: all executions in memory, with an index for each question of the API. The store has the same on disk."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import islice

from .execution import Execution
from .model import ExecutionId, FileId
from .store import Store


class Ledger:
    """All executions. Ids grow by one; no id is used twice."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._all: dict[ExecutionId, Execution] = {}
        self._active: dict[ExecutionId, Execution] = {}
        self._of_file: defaultdict[FileId, list[ExecutionId]] = defaultdict(list)
        self._active_of: defaultdict[FileId, dict[ExecutionId, Execution]] = defaultdict(dict)
        for execution in store.load():
            self._index(execution)

    @property
    def next_id(self) -> ExecutionId:
        """The id of the next execution."""
        return ExecutionId(next(reversed(self._all), 0) + 1)

    def put(self, *executions: Execution) -> None:
        """Record executions, new or changed, on disk first."""
        self._store.save(*executions)
        for execution in executions:
            self._index(execution)

    def remember(self, execution: Execution) -> None:
        """Record a new state in memory alone, for a disk that takes no more."""
        self._index(execution)

    def get(self, execution_id: int) -> Execution | None:
        """Find an execution by its id."""
        return self._all.get(ExecutionId(execution_id))

    def everything(self) -> list[Execution]:
        """List all executions, oldest first. Any thread may call this: the copy of a dict is one step."""
        return list(self._all.values())

    def active(self) -> list[Execution]:
        """List the executions that have not ended, oldest first."""
        return list(self._active.values())

    def latest(self, file_id: FileId) -> Execution | None:
        """Find the newest execution of a file, ended or not."""
        ids = self._of_file[file_id]
        return self._all[ids[-1]] if ids else None

    def newest_first(self, file_id: FileId) -> Iterable[Execution]:
        """List the executions of a file, newest first."""
        return (self._all[one] for one in reversed(self._of_file[file_id]))

    def page(self, file_id: FileId, start: int, length: int) -> list[Execution]:
        """Return a page of a file's history, newest first."""
        return list(islice(self.newest_first(file_id), start, start + length))

    def active_of(self, file_id: FileId) -> list[Execution]:
        """List the executions of a file that have not ended, oldest first."""
        return list(self._active_of[file_id].values())

    def _index(self, execution: Execution) -> None:
        if execution.id not in self._all:
            self._of_file[execution.file_id].append(execution.id)
        self._all[execution.id] = execution
        if execution.is_active:
            self._active[execution.id] = execution
            self._active_of[execution.file_id][execution.id] = execution
        else:
            self._active.pop(execution.id, None)
            self._active_of[execution.file_id].pop(execution.id, None)
