"""The Python API: what another program may use. Its names stand at the package itself: `from spectrum_pipelines import load, run`.

Callable from any thread, several runs at once in one process. Nothing is printed; no environment, argument or terminal is read, and
no signal handler is installed. Functions return values and raise the tree of `errors`.

::

    loaded = load("nightly.yaml", environment="prod", variables={"region": "emea"})
    report = run(loaded, Connection(url, username="ci", password=secret), store=open_store("state"), run_key="2026-11-22")
    if not report.succeeded:
        print(report.reason, report.next)
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from spectrum_pipelines.app.abort import Abort
from spectrum_pipelines.app.connection import Connection, Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.loading import Loaded, given_values, load
from spectrum_pipelines.app.outcome import JobReport, Report, Waiting
from spectrum_pipelines.app.prepare import Circumstances, WhenEnded
from spectrum_pipelines.document.diagnostic import Diagnostic, InvalidFile
from spectrum_pipelines.runner.loop import Observer
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.folder.places import group_locks_of_user
from spectrum_pipelines.store.interface import Store
from spectrum_pipelines.store.where import open_store as opened

if TYPE_CHECKING:
    from spectrum_pipelines.app.recall import Again

__all__ = [
    "Abort",
    "Connection",
    "Diagnostic",
    "InvalidFile",
    "JobReport",
    "Loaded",
    "Observer",
    "Report",
    "Store",
    "Waiting",
    "adopt",
    "advance",
    "load",
    "open_store",
    "resume",
    "retry",
    "run",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def open_store(where: str | Path, *, password: str | None = None) -> Store:
    """Open the place where runs are kept: a folder, or a database, `postgresql://[user@]host[:port]/db`.

    `password` is that of the database. Nothing is connected and no folder is made before the first use. Raises UserError for a text
    that names no such place, and for a database without the extra `postgres`.
    """
    return opened(where, password=password, groups=group_locks_of_user())


def run(
    loaded: Loaded,
    connection: Connection,
    *,
    store: Store,
    run_key: str | None = None,
    when_ended: WhenEnded = "report",
    origin: Mapping[str, str] = MappingProxyType({}),
    observers: Sequence[Observer] = (),
    abort: Abort | None = None,
) -> Report:
    """Run a pipeline to its end, or go on with the run that the key stands for.

    The same key never triggers anew what was triggered under it. A key whose run has ended gives its report; with
    `when_ended="retry"` a failed run goes on from what failed, with "again" a new run begins. `origin` holds texts that say what
    began the run, for its report: the URL of a CI job, a DAG. Each observer is called with every fact after the fact is durable, in
    the thread that called `run`. `abort` ends the run from another thread.

    Returns the report, also of a run that failed, timed out, was interrupted, or found no server (exit code 3). An exception means
    that this call has triggered nothing: UserError for a run key or a connection that cannot be used, ConflictError where another
    process works on the run or holds its group, StateError where the store fails, Interruption for an early `abort`.
    """
    from spectrum_pipelines.app.start import start  # noqa: PLC0415 - the network

    return start(
        loaded,
        _reach(connection),
        store=store,
        run_key=run_key,
        when_ended=when_ended,
        front=_front(abort, observers),
        circumstances=Circumstances(origin=dict(origin), state=store.name),
    )


def resume(
    run_id: str,
    connection: Connection,
    *,
    store: Store,
    loaded: Loaded | None = None,
    variables: Mapping[str, Any] = _NOTHING,
    abort: Abort | None = None,
) -> Report:
    """Go on with a run that was interrupted or killed. A run that has ended is left alone, and its report returned.

    `variables` gives secret ones again: no journal holds their values. A pipeline that reads `${env.X}` is gone on with by `run`
    and its run key, which know the environment. With `loaded`, a pipeline whose policy alone has changed (timeouts, retries and the
    like): the run goes on under that policy. UserError refuses one of which more has changed, and says what.
    """
    from spectrum_pipelines.app.go_on import go_on  # noqa: PLC0415 - the network
    from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

    again = _again(loaded, connection, variables)
    run_ = named_run(store, run_id)
    return go_on(run_, _reach(connection), store=store, again=again, front=_front(abort))


def retry(
    run_id: str,
    connection: Connection,
    *,
    store: Store,
    loaded: Loaded | None = None,
    variables: Mapping[str, Any] = _NOTHING,
    abort: Abort | None = None,
) -> Report:
    """Give new attempts to the jobs that failed and to those that were skipped because of them: same run, new round, one report.

    With `loaded`, a pipeline that was mended: what succeeded stays if what it did is unchanged, and what is new or changed runs.
    `variables` may give new values, in the same way, and give secret ones again; all other values stay those of the first start.
    """
    from spectrum_pipelines.app import retry as retrying  # noqa: PLC0415 - the network
    from spectrum_pipelines.store.leasing import named_run  # noqa: PLC0415

    again = _again(loaded, connection, variables)
    run_ = named_run(store, run_id)
    return retrying.retry(run_, _reach(connection), store=store, again=again, front=_front(abort))


def advance(
    loaded: Loaded,
    connection: Connection,
    *,
    store: Store,
    run_key: str,
    when_ended: WhenEnded = "report",
    origin: Mapping[str, str] = MappingProxyType({}),
    observers: Sequence[Observer] = (),
    abort: Abort | None = None,
) -> Report | Waiting:
    """Work on the run of the key until each job under way has an execution id; then return instead of waiting for its end.

    For schedulers that must not block. Returns Waiting, whose `execution_ids` are under way: call `advance` again when one of them
    is no longer active, or at `wake_at`. Returns the Report when the run has ended. The other arguments, and what is raised: `run`.
    """
    from spectrum_pipelines.app.start import start  # noqa: PLC0415 - the network
    from spectrum_pipelines.engine.run.advance import is_settled  # noqa: PLC0415

    return start(
        loaded,
        _reach(connection),
        store=store,
        run_key=run_key,
        when_ended=when_ended,
        front=_front(abort, observers),
        circumstances=Circumstances(origin=dict(origin), state=store.name),
        until=is_settled,
    )


def adopt(run_id: str, job: str, execution_id: int | None, connection: Connection, *, store: Store) -> None:
    """Settle a job that is `unknown`: `execution_id` is what the job started; None: somebody has looked, and it never started.

    `job` is the id of the job in the pipeline. `resume` then goes on with the run. Raises UserError for a job that is not unknown,
    and for an execution of which Spectrum does not say that it is the job's; ClientError where Spectrum cannot be asked.
    """
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415 - the network
    from spectrum_pipelines.app.settle import settle  # noqa: PLC0415

    named = () if execution_id is None else (ExecutionId(execution_id),)
    again = Again(given=given_values(server=connection.url))
    settle(run_id, job, named, _reach(connection), store=store, again=again, front=_front(None))


def _again(loaded: Loaded | None, connection: Connection, variables: Mapping[str, Any]) -> "Again":
    """The values and the file with which a run is gone on with."""
    from spectrum_pipelines.app.recall import Again  # noqa: PLC0415 - the network

    given = given_values(variables=variables, server=connection.url)
    if loaded is None:
        return Again(given=given)
    both = replace(
        loaded.given,
        vars_file={**loaded.given.vars_file, **given.vars_file},
        command_line={**loaded.given.command_line, **given.command_line},
    )
    return Again(given=both, source=loaded.source)


def _reach(connection: Connection) -> Reach:
    return lambda _: connection


def _front(abort: Abort | None, observers: Sequence[Observer] = ()) -> Front:
    return Front(abort=abort or Abort(), observers=tuple(observers))
