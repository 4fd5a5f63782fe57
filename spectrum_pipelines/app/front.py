"""What a front end hands in: who is told, who watches, where the report goes, and how the run can be ended."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct, field

from spectrum_pipelines.app.abort import Abort
from spectrum_pipelines.app.notices import Notices, Silence
from spectrum_pipelines.clock import Clock, SystemClock
from spectrum_pipelines.progress.base import NoProgress, Progress
from spectrum_pipelines.report.file import ReportFile
from spectrum_pipelines.runner.loop import Observer
from spectrum_pipelines.store.interface import RunStore, Store


class Delivery(Protocol):
    """Where the report of a run goes, beside the store."""

    def files(self, read: Iterable[str]) -> Sequence[ReportFile]:
        """The files that are kept current while the run goes on. Before anything is triggered: raises StateError and UserError.

        `read` are the files of which the pipeline is made: none of them may be written.
        """
        ...

    def about(self, run: RunStore, store: Store, *, is_under_way: bool) -> None:
        """The run that this is about is known; `is_under_way`: this process works on it from now on."""
        ...

    def deliver(self, report: Mapping[str, Any], *, kept: str | None, lost: Sequence[str] = ()) -> bool:
        """The run has ended, or had ended before: hand its report out. `kept` is where the store has it, `lost` what went wrong.

        False if something that was asked for could not be handed out. Never raises.
        """
        ...

    def abandon(self, report: Mapping[str, Any], *, kept: str | None) -> None:
        """The command ends with an exception, which somebody else tells: hand the report out to files. Never raises."""
        ...


class Nowhere:
    """No delivery: whoever called takes the report as a value."""

    def files(self, read: Iterable[str]) -> Sequence[ReportFile]:  # noqa: ARG002
        """None."""
        return ()

    def about(self, run: RunStore, store: Store, *, is_under_way: bool) -> None:
        """Nothing is done."""

    def deliver(self, report: Mapping[str, Any], *, kept: str | None, lost: Sequence[str] = ()) -> bool:  # noqa: ARG002
        """Nothing is handed out."""
        return True

    def abandon(self, report: Mapping[str, Any], *, kept: str | None) -> None:
        """Nothing is handed out."""


def _no_progress(recorded: int) -> Progress:  # noqa: ARG001 - of a signature
    return NoProgress()


class Front(Struct, frozen=True, kw_only=True):
    """One front end. `progress` makes the display of a run with this many facts on record.

    `patience`: so many seconds a server that cannot be reached is waited for before a run begins or goes on.
    """

    notices: Notices = field(default_factory=Silence)
    delivery: Delivery = field(default_factory=Nowhere)
    abort: Abort = field(default_factory=Abort)
    progress: Callable[[int], Progress] = _no_progress
    observers: tuple[Observer, ...] = ()
    patience: float = 0.0
    clock: Clock = field(default_factory=SystemClock)
