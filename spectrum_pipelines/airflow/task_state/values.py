"""The values that Airflow keeps for a task, as this store needs them."""

from typing import Any, Protocol

#: Characters of one value: Airflow warns above 64 kB.
VALUE = 48_000


class Values(Protocol):
    """The values of one task. Each method raises StateError."""

    def get(self, key: str) -> Any:
        """The value; None if there is none."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Put a value that is not None in place, for good."""
        ...

    def delete(self, key: str) -> None:
        """Remove a value that may be missing."""
        ...
