"""The deletion of data. Imports and workbooks that succeeded have data; the data id is the execution id."""

from collections.abc import Callable
from dataclasses import replace

from .execution import SUCCESS, Execution
from .ledger import Ledger
from .model import File, Import, Kind, Workbook

DropTable = Callable[[str], None]


class Deletions:
    """Marks data as deleted, and drops the table if the execution was the last to write it."""

    def __init__(self, ledger: Ledger, drop_table: DropTable) -> None:
        self._ledger = ledger
        self._drop_table = drop_table

    def has_data(self, file: File, execution: Execution) -> bool:
        """Tell whether the execution has data, deleted or not."""
        return file.kind is not Kind.EXPORT and execution.status in SUCCESS

    def delete(self, file: File, execution: Execution) -> bool:
        """Mark the data as deleted. Returns False if the data is marked already."""
        if execution.data_deleted:
            return False
        self._ledger.put(replace(execution, data_deleted=True))
        self.drop_deleted(file)
        return True

    def drop_deleted(self, file: File) -> None:
        """Drop the table of a file if its data is marked. A start does so too: a kill may come between mark and drop."""
        writer = next((one for one in self._ledger.newest_first(file.id) if one.status in SUCCESS), None)
        if writer and writer.data_deleted and isinstance(file.action, Import | Workbook):
            self._drop_table(file.action.table)
