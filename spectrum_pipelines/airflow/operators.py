"""The operators: a task that is a whole run, and a task that is one job of a pipeline."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    BaseOperator,
    BaseOperatorLink,
    XCom,
    conf,
)

from spectrum_pipelines.airflow.faults import in_words
from spectrum_pipelines.airflow.journal import AUTO, NONE
from spectrum_pipelines.airflow.pages import Pages
from spectrum_pipelines.airflow.task import Try
from spectrum_pipelines.airflow.verdict import (
    Earlier,
    TaskEnd,
    WhenEnded,
    clearings,
    key_and_wish,
    run_key,
    task_end,
    what_next,
)
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import SpectrumPipelinesError, UserError
from spectrum_pipelines.pipeline.model.pipeline import OnAbort

if TYPE_CHECKING:
    from spectrum_pipelines import Abort, Connection, Loaded, Report, Store, Waiting

_LINK_KEY = "spectrum_report_url"


class _Work(NamedTuple):
    """What a try has to do, and what must be known when it is done. `stops`: a person who ends the task stops what runs."""

    do: "Callable[[], Report | Waiting]"
    stops: bool
    pages: Pages | None


class SpectrumReportLink(BaseOperatorLink):
    """The link beside a task: to the page of its run, or to the Spectrum server where the connection names no place for pages."""

    name = "Spectrum run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's signature
        """The URL that the task has left in XCom; empty before that."""
        return str(XCom.get_value(ti_key=ti_key, key=_LINK_KEY) or "")


class SpectrumPipelineOperator(BaseOperator):
    """Runs a pipeline file. One task is one run, whatever the number of tries: nothing is triggered twice.

    `pipeline` is the file; `environment`, `variables` and `only` are those of `spectrum-pipelines run`. `conn_id` is an Airflow
    connection of type `spectrum`. `state` is where the journal is: a folder or a `postgresql://` URL; `auto` takes the `state` of
    the connection, else Airflow's task state store (3.3 and later), and refuses to run where there is neither; `none` keeps a
    journal for this try alone, so that a further try would start everything again. `deferrable` frees the worker while executions
    run.

    XCom: `return_value` is a dict of run_id, status, exit_code, execution_ids (job to ids) and started_at, finished_at.
    """

    template_fields: ClassVar[Sequence[str]] = ("pipeline", "environment", "variables", "only", "conn_id", "state")
    template_fields_renderers: ClassVar[dict[str, str]] = {"variables": "json"}
    operator_extra_links = (SpectrumReportLink(),)
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        pipeline: str | Path,
        environment: str | None = None,
        variables: Mapping[str, Any] | None = None,
        only: Sequence[str] = (),
        conn_id: str = "spectrum_default",
        state: str = AUTO,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = str(pipeline)
        self.environment = environment
        self.variables = dict(variables or {})
        self.only = list(only)
        self.conn_id = conn_id
        self.state = state
        default = conf.getboolean("operators", "default_deferrable", fallback=False)
        self.deferrable = default if deferrable is None else deferrable
        self._try: Try[Any] | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Start the run of this task, or go on with it; returns the value described at the class.

        With `deferrable` the task defers itself as soon as each job under way has an execution id. Raises AirflowFailException for
        an end that a further try must not hide, and AirflowException for one that a further try may mend.
        """
        return self._go_on(context)

    def wake_up(self, context: Any, event: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Go on after a trigger has fired. `event` is told in the log; how the executions ended is asked anew."""
        self.log.info("woken up: %s", (event or {}).get("reason", "the trigger is gone"))
        return self._go_on(context)

    def on_kill(self) -> None:
        """Stop or leave what the run has under way, as `on_abort` says. Airflow calls this when the task is ended while it runs."""
        if self._try is not None:
            self._try.kill()

    def outputs(self, context: Any) -> Mapping[str, int]:  # noqa: ARG002 - of a subclass
        """The execution ids of jobs that other tasks of the DAG ran, by job id: values for `${jobs.<id>.execution_id}`."""
        return {}

    def key(self, context: Any) -> str:
        """The run key of this task: the same for all its tries, another one for each DAG run, task and map index."""
        ti = context["ti"]
        return run_key(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)

    def _go_on(self, context: Any) -> dict[str, Any]:
        from spectrum_pipelines import Abort, Waiting  # noqa: PLC0415 - when a task runs

        abort = Abort()
        try:
            work = self._work(context, abort)
            self._try = Try(work.do, abort)
            result = self._try.result()
        except SpectrumPipelinesError as error:
            raise self._failure(task_end(int(error.exit_code)), in_words(error)) from error
        finally:
            self._try = None
        if isinstance(result, Waiting):
            self._defer(result, work)
        return self._delivered(result, work, context)

    def _work(self, context: Any, abort: "Abort") -> "_Work":
        """Everything that asks Airflow is asked here, in the main thread; what there is to do runs in another."""
        from spectrum_pipelines import advance, run  # noqa: PLC0415
        from spectrum_pipelines.airflow.hook import SpectrumHook  # noqa: PLC0415
        from spectrum_pipelines.airflow.journal import store_for  # noqa: PLC0415

        connection, place, password, pages = SpectrumHook(self.conn_id).access()
        if self.deferrable and self.state == NONE:
            raise UserError('`deferrable` needs a journal, and `state="none"` keeps none', hint="give one of them up")
        store = store_for(self.state, place, context, password=password)
        loaded = self._loaded(connection, context)
        key, ended = self._key_and_wish(store, context)
        go_on = advance if self.deferrable else run

        def work() -> "Report | Waiting":
            with store:
                return go_on(
                    loaded,
                    connection,
                    store=store,
                    run_key=key,
                    when_ended=ended,
                    origin=origin_of(context["ti"]),
                    observers=(TaskLog(self.log),),
                    abort=abort,
                )

        stops = loaded.pipeline.on_abort is OnAbort.STOP
        return _Work(work, stops=stops, pages=pages)

    def _loaded(self, connection: "Connection", context: Any) -> "Loaded":
        from spectrum_pipelines import load  # noqa: PLC0415

        return load(
            self.pipeline,
            environment=self.environment,
            variables=self.variables,
            server=connection.url,
            only=tuple(self.only),
            outputs=self.outputs(context),
        )

    def _key_and_wish(self, store: "Store", context: Any) -> tuple[str, WhenEnded]:
        """What this try works on, told by the journals of earlier ones and by Airflow's count of tries."""
        from spectrum_pipelines.app.recorded import last_of_key  # noqa: PLC0415

        def look_up(key: str) -> Earlier | None:
            last = last_of_key(store, key)
            return None if last is None else Earlier(last.status and last.status.value, _number(last.origin.get("try")))

        cleared_after = clearings(max_tries=context["ti"].max_tries, retries=self.retries or 0)
        return key_and_wish(self.key(context), cleared_after=cleared_after, look_up=look_up)

    def _defer(self, waiting: "Waiting", work: "_Work") -> None:
        from spectrum_pipelines.airflow.triggers import SpectrumTrigger  # noqa: PLC0415

        self.log.info("waiting for executions %s", ", ".join(map(str, waiting.execution_ids)))
        self.defer(
            trigger=SpectrumTrigger(
                conn_id=self.conn_id,
                execution_ids=list(waiting.execution_ids),
                wake_at=None if waiting.wake_at is None else waiting.wake_at.astimezone(UTC).isoformat(),
                stops=work.stops,
            ),
            method_name="wake_up",
        )

    def _delivered(self, report: "Report", work: "_Work", context: Any) -> dict[str, Any]:
        """The report as the task's value; raises what a bad end means for the task."""
        document = report.document
        context["ti"].xcom_push(key=_LINK_KEY, value=self._shown_at(report, work.pages))
        small = {
            "run_id": report.run_id,
            "status": report.status.value,
            "exit_code": None if report.exit_code is None else int(report.exit_code),
            "execution_ids": {
                job["id"]: [one["execution_id"] for one in job["executions"]]
                for job in document["jobs"]
                if job["executions"]
            },
            "started_at": document["started_at"],
            "finished_at": document["finished_at"],
        }
        if (end := _end_of(report)) is not TaskEnd.SUCCESS:
            context["ti"].xcom_push(key="spectrum_run", value=small)
            why = f": {report.reason}" if report.reason else ""
            then = what_next(report.exit_code, report.next)
            raise self._failure(end, f"run {report.run_id} {report.status.value}{why}; {then}")
        return small

    def _shown_at(self, report: "Report", pages: Pages | None) -> str:
        """The URL of the run's page; of the server, where no place for pages is configured or none can be written."""
        if pages is not None and report.run_id is not None:
            try:
                return pages.put(report.document)
            except Exception as error:  # noqa: BLE001 - a page must not take the run's outcome away
                self.log.warning("there is no page of the run: %s: %s", type(error).__name__, error)
        return str(report.document["server"])

    def _failure(self, end: TaskEnd, message: str) -> AirflowException:
        kind = AirflowFailException if end is TaskEnd.FAILED_FOR_GOOD else AirflowException
        return kind(message)


class SpectrumJobOperator(SpectrumPipelineOperator):
    """Runs one job of a pipeline file: a task of `spectrum_dag` and `SpectrumTaskGroup`.

    `job` is its id, `parents` maps ids of the jobs that it names in references to the tasks that run them.
    """

    def __init__(self, *, job: str, parents: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(only=(job,), **kwargs)
        self.job = job
        self.parents = dict(parents or {})

    def outputs(self, context: Any) -> Mapping[str, int]:
        """The last execution id of each job that this one names, as its task has left it."""
        found: dict[str, int] = {}
        for job, task_id in self.parents.items():
            value = context["ti"].xcom_pull(task_ids=task_id) or context["ti"].xcom_pull(
                task_ids=task_id, key="spectrum_run"
            )
            ids = (value or {}).get("execution_ids", {}).get(job)
            if ids:
                found[job] = int(ids[-1])
        return found


class TaskLog:
    """An observer: the lines of plain progress, in the task's log."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def __call__(self, fact: Any, state: Any) -> None:
        """Write what the fact changes."""
        from spectrum_pipelines.pipeline.secrets import masked, secret_texts  # noqa: PLC0415
        from spectrum_pipelines.progress.lines import said_of  # noqa: PLC0415
        from spectrum_pipelines.words.clean import clean  # noqa: PLC0415

        secrets = secret_texts(state.pipeline.variables.values())
        for said in said_of(fact.event, state):
            who = "" if said.job is None else f"{said.job}: "
            self._log.info("%s", clean(masked(f"{who}{said.text}", secrets)))


def _end_of(report: "Report") -> TaskEnd:
    # A run that this process has lost, or that somebody stopped, has not ended: the next try goes on with it.
    if report.exit_code is None or report.status is RunStatus.INTERRUPTED:
        return TaskEnd.FAILED
    return task_end(report.exit_code)


def origin_of(ti: Any) -> dict[str, str]:
    """What the journal says of the process: the task and the try."""
    return {
        "scheduler": "airflow",
        "dag": str(ti.dag_id),
        "run": str(ti.run_id),
        "task": str(ti.task_id),
        "map_index": str(ti.map_index),
        "try": str(ti.try_number),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
