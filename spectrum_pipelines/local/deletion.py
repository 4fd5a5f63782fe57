"""Deleting the data of a run. Only runs of imports and workbooks that succeeded have data; its id is the run's."""

from collections.abc import Callable
from dataclasses import replace

from .execution import SUCCESS, Execution
from .ledger import Ledger
from .model import File, Import, Kind, Workbook

DropTable = Callable[[str], None]


class Waste:
    """Marks data as deleted, and drops the table when the run is the one that wrote what is in it."""

    def __init__(self, ledger: Ledger, drop_table: DropTable) -> None:
        self._ledger = ledger
        self._drop_table = drop_table

    def has_data(self, file: File, execution: Execution) -> bool:
        """Whether the run ever had data, deleted or not."""
        return file.kind is not Kind.EXPORT and execution.status in SUCCESS

    def discard(self, file: File, execution: Execution) -> bool:
        """Mark the data; False when it already was."""
        if execution.data_deleted:
            return False
        self._ledger.put(replace(execution, data_deleted=True))
        self.sweep(file)
        return True

    def sweep(self, file: File) -> None:
        """Drop a table whose content is marked; also at start, for what a kill left between mark and drop."""
        writer = next((one for one in self._ledger.newest_first(file.id) if one.status in SUCCESS), None)
        if writer and writer.data_deleted and isinstance(file.action, Import | Workbook):
            self._drop_table(file.action.table)
