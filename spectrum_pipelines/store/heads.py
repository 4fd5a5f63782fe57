"""What a store knows of a run from the two ends of its journal; and what is a run id, and what a run key."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from spectrum_pipelines.engine.facts import RunEnded, RunStarted, Stamped
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ExitCode, UserError
from spectrum_pipelines.store.holder import Holder
from spectrum_pipelines.store.interface import RunHead

#: These exit codes promise that nothing was triggered.
_NOTHING_TRIGGERED = frozenset({ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.CONFLICT, ExitCode.LOGIN_REFUSED})
_MAX_KEY = 500
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4,16}", re.ASCII)


def is_run_id(text: str) -> bool:
    """`20261123T150405Z-7f3a`, and nothing that could be a path."""
    return _RUN_ID.fullmatch(text) is not None


def run_id_of(started: datetime, token: str) -> str:
    """The id of a run that starts at that moment; `token` is four random hex digits."""
    run_id = f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{token}"
    assert is_run_id(run_id), run_id
    return run_id


_UNSET = "is the variable of your CI system set that it is made of?"
#: What shells, Kubernetes, Argo, Helm, Go templates and JSON leave in the place of a variable that they do not know.
_UNFILLED = re.compile(r"\$[A-Za-z_]\w*|\$\{[^}]*\}|\$\([^)]*\)|\{\{.*?\}\}|<no value>|^null$", re.ASCII)


def began_at(run_id: str) -> datetime:
    """When a run began, as its id says: to the second. The end of time for an id that no clock has made."""
    try:
        return datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def check_key(key: str) -> None:
    """Raises UserError for what cannot be a run key.

    An empty key, or one with a variable that nobody has filled in, is the same each time: the pipeline would run once for ever.
    """
    if not key.strip():
        raise UserError("the run key is empty", hint=_UNSET)
    unfilled = _UNFILLED.search(key)
    if unfilled is not None:
        raise UserError(f"the run key {key!r} holds `{unfilled[0]}`, which nobody has filled in", hint=_UNSET)
    if len(key) > _MAX_KEY:
        raise UserError(f"the run key has more than {_MAX_KEY} characters", hint="use a commit id or a date, say")


def has_acted(last: Stamped) -> bool:
    """A run with this last fact is not known to have triggered nothing."""
    event = last.event
    return not (isinstance(event, RunEnded) and event.exit_code in _NOTHING_TRIGGERED)


def head_of(
    run_id: str, ends: tuple[Stamped, Stamped] | None, *, is_running: bool, holder: Holder | None = None
) -> RunHead:
    """The line of a list for a run with these ends of its journal; None if it has no journal."""
    if ends is None:
        fault = "about to begin" if is_running else "never began: nothing was triggered"
        return RunHead(run_id=run_id, fault=fault, holder=holder)
    first, last = ends
    if not isinstance(first.event, RunStarted):
        fault = "the journal does not begin with the start of a run"
        return RunHead(run_id=run_id, fault=fault, holder=holder)
    status, ended, code = _end(last.event, is_running=is_running)
    return RunHead(
        run_id=run_id,
        pipeline=first.event.pipeline,
        run_key=first.event.run_key,
        status=status,
        started=first.time,
        ended=last.time if ended else None,
        exit_code=code,
        resumable=status is RunStatus.INTERRUPTED and not is_running,
        holder=holder,
    )


def outlived(heads: Iterable[RunHead], *, before: datetime, keep: int) -> Iterator[str]:
    """The runs, of all from the newest on, that began earlier, have ended and are not among the `keep` newest of their pipeline."""
    seen: Counter[str | None] = Counter()
    for head in heads:
        seen[head.pipeline] += 1
        is_old = began_at(head.run_id) < before
        if head.fault is None and head.holder is None and is_old and seen[head.pipeline] > keep:
            yield head.run_id


def _end(last: object, *, is_running: bool) -> tuple[RunStatus, bool, int | None]:
    """A journal that nobody writes and that has no end is that of a killed process: interrupted, with no exit code."""
    if isinstance(last, RunEnded):
        return last.status, True, last.exit_code
    return (RunStatus.RUNNING if is_running else RunStatus.INTERRUPTED), False, None
