"""A report of this run after any end: also of one that never began, or that ended in a bug of ours.

A delivery is armed before anything can fail. Where no report was handed out by the time an exception comes through, one is made:
from the journal if the run has one, else from what was asked for. So yesterday's report never stands beside a run of today.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from spectrum_pipelines.app.front import Delivery
from spectrum_pipelines.app.recorded import recorded_report
from spectrum_pipelines.clock import Clock, rfc3339
from spectrum_pipelines.document.diagnostic import Diagnostic, InvalidFile, Severity
from spectrum_pipelines.errors import ExitCode, SpectrumPipelinesError
from spectrum_pipelines.redaction import Redact, plain
from spectrum_pipelines.report.file import ReportFile
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.report.unstarted import Unstarted, status_of_end, unstarted_report
from spectrum_pipelines.store.interface import RunStore, Store

_TOLD = 5  # findings in a reason


class Armed:
    """A delivery that knows what it has delivered, and which run it is about."""

    def __init__(self, inner: Delivery, asked: Unstarted, *, clock: Clock, redact: Redact) -> None:
        self._inner = inner
        self._redact = redact
        self._asked = asked
        self._clock = clock
        self._about: tuple[RunStore, Store] | None = None
        self._is_under_way = False
        self._is_delivered = False

    def files(self, read: Iterable[str]) -> Sequence[ReportFile]:
        """The files that are kept current while the run goes on."""
        return self._inner.files(read)

    def about(self, run: RunStore, store: Store, *, is_under_way: bool) -> None:
        """The run of this command; `is_under_way`: this process works on it, so that its report is ours to write."""
        self._about, self._is_under_way = (run, store), is_under_way
        self._inner.about(run, store, is_under_way=is_under_way)

    def deliver(self, report: Mapping[str, Any], *, kept: str | None, lost: Sequence[str] = ()) -> bool:
        """Hand a report out."""
        self._is_delivered = True
        return self._inner.deliver(report, kept=kept, lost=lost)

    def abandon(self, report: Mapping[str, Any], *, kept: str | None) -> None:
        """Hand the report of a run out that ended with an exception."""
        self._is_delivered = True
        self._inner.abandon(report, kept=kept)

    def failed(self, error: BaseException) -> None:
        """The command ends with this exception. Never raises."""
        if self._is_delivered:
            return
        report = self._report(error)
        run = self._about[0] if self._about is not None else None
        if run is not None and self._is_under_way and report["jobs"]:
            with suppress(Exception):  # the error that is on its way matters more
                run.put_report(report_json(report).encode("ascii"))
        self.abandon(report, kept=run.report_path if run is not None and report["jobs"] else None)

    def _report(self, error: BaseException) -> Mapping[str, Any]:
        code, reason = end_of(error)
        if code is ExitCode.BUG:
            reason = self._redact(reason)
        if self._about is not None:
            with suppress(
                Exception
            ):  # no journal, or one that cannot be read: what was asked for is known all the same
                report = recorded_report(*self._about, clock=self._clock)
                ended = {"status": status_of_end(code).value, "exit_code": int(code), "reason": reason}
                return {**report, **ended, "finished_at": report["finished_at"] or rfc3339(self._clock.now())}
        return unstarted_report(self._asked, code=code, reason=reason, next_=None, now=self._clock.now())


@contextmanager
def armed(inner: Delivery, asked: Unstarted, *, clock: Clock, redact: Redact = plain) -> Iterator[Armed]:
    """See to it that a report is handed out however the command ends. `redact` is for the text of a bug, which may be anything."""
    delivery = Armed(inner, asked, clock=clock, redact=redact)
    try:
        yield delivery
    except BaseException as error:
        delivery.failed(error)
        raise


def end_of(error: BaseException) -> tuple[ExitCode, str]:
    """Exit code and reason of a command that ends with this exception."""
    match error:
        case InvalidFile(diagnostics=found) if found:
            return error.exit_code, f"{error.message}: {_named(found)}"
        case SpectrumPipelinesError():
            return error.exit_code, "; ".join([error.message, *error.details])
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED, "interrupted; nothing was triggered"
        case _:
            return ExitCode.BUG, f"a bug of spectrum-pipelines: {type(error).__name__}: {error}"


def _named(found: Sequence[Diagnostic]) -> str:
    errors = [it for it in found if it.severity is Severity.ERROR] or list(found)
    told = [f"{it.file}:{it.span.start.line}:{it.span.start.column}: {it.message}" for it in errors[:_TOLD]]
    more = [f"and {len(errors) - _TOLD:,} more"] if len(errors) > _TOLD else []
    return "; ".join([*told, *more])
