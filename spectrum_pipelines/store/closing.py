"""What a block does at its end to what it has opened: a journal or a store is closed, a lease or a place is released."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """Closed at the end of a block."""

    @abstractmethod
    def close(self) -> None:
        """Take nothing any more. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Releasing(ABC):
    """Released at the end of a block."""

    @abstractmethod
    def release(self) -> None:
        """Let others have it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
