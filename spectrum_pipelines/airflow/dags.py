"""One task for each job of a pipeline file: a whole DAG, or a group of tasks in a DAG of one's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, AirflowException, TaskGroup

from spectrum_pipelines.airflow.faults import in_words
from spectrum_pipelines.airflow.mapping import not_mapped, task_specs
from spectrum_pipelines.airflow.operators import SpectrumJobOperator
from spectrum_pipelines.errors import SpectrumPipelinesError
from spectrum_pipelines.pipeline.model.pipeline import Pipeline


def spectrum_dag(
    file: str | Path,
    *,
    environment: str | None = None,
    variables: Mapping[str, Any] | None = None,
    conn_id: str = "spectrum_default",
    state: str = "auto",
    deferrable: bool | None = None,
    **dag: Any,
) -> DAG:
    """Make a DAG with one task for each job of a pipeline file.

    `conn_id`, `state` and `deferrable` are those of each task (see `SpectrumPipelineOperator`), `dag` the arguments of Airflow's
    own DAG; without `dag_id` it has the name of the pipeline, without `schedule` it has none.

    `max_parallel` becomes `max_active_tasks`, `timeouts.pipeline` `dagrun_timeout`. Raises AirflowException naming each fault of
    the file at its line: Airflow shows it as the import error of this DAG alone.
    """
    from datetime import timedelta  # noqa: PLC0415

    pipeline = _pipeline(file, environment, variables)
    settings: dict[str, Any] = {
        "dag_id": pipeline.name,
        "schedule": None,
        "catchup": False,
        "doc_md": _doc(pipeline, file),
    }
    if pipeline.concurrency.max_parallel is not None:
        settings["max_active_tasks"] = pipeline.concurrency.max_parallel
    if pipeline.timeout is not None:
        settings["dagrun_timeout"] = timedelta(seconds=pipeline.timeout)
    made = DAG(**(settings | dag))
    with made:
        _tasks(pipeline, file, environment, variables, {"conn_id": conn_id, "state": state, "deferrable": deferrable})
    return made


class SpectrumTaskGroup(TaskGroup):
    """A group with one task for each job of a pipeline file, to stand among other tasks of a DAG.

    The group is made within `with DAG(...)`. Without `group_id` the group has the name of the pipeline. The other arguments, and
    what is raised, are those of `spectrum_dag`.
    """

    def __init__(
        self,
        file: str | Path,
        *,
        group_id: str | None = None,
        environment: str | None = None,
        variables: Mapping[str, Any] | None = None,
        conn_id: str = "spectrum_default",
        state: str = "auto",
        deferrable: bool | None = None,
        **group: Any,
    ) -> None:
        pipeline = _pipeline(file, environment, variables)
        super().__init__(group_id=group_id or pipeline.name, **group)
        with self:
            _tasks(
                pipeline, file, environment, variables, {"conn_id": conn_id, "state": state, "deferrable": deferrable}
            )


def _pipeline(file: str | Path, environment: str | None, variables: Mapping[str, Any] | None) -> Pipeline:
    from spectrum_pipelines import load  # noqa: PLC0415 - its parts are imported lazily

    try:
        # The address is the connection's, and only a worker knows it.
        return load(file, environment=environment, variables=variables or {}, server="http://airflow.invalid").pipeline
    except SpectrumPipelinesError as error:
        raise AirflowException(in_words(error)) from None


def _tasks(
    pipeline: Pipeline,
    file: str | Path,
    environment: str | None,
    variables: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> None:
    specs = task_specs(pipeline)
    tasks: dict[str, SpectrumJobOperator] = {}
    for spec in specs:
        rule: dict[str, Any] = {} if spec.is_teardown else {"trigger_rule": spec.trigger_rule}
        tasks[spec.task_id] = SpectrumJobOperator(
            task_id=spec.task_id,
            job=spec.job,
            pipeline=file,
            environment=environment,
            variables=variables,
            doc=spec.doc,
            **settings,
            **rule,
        )
    ids = {spec.job: tasks[spec.task_id].task_id for spec in specs}
    for spec in specs:
        task = tasks[spec.task_id]
        task.parents = {job: ids[job] for job in spec.references if job in ids}
        for needed in spec.needs:
            tasks[needed] >> task
    _finally_last(specs, tasks)


def _finally_last(specs: Any, tasks: Mapping[str, SpectrumJobOperator]) -> None:
    """`finally` jobs run after all others, whatever became of those, and their failure is the run's."""
    ends = [tasks[it.task_id] for it in specs if not it.is_teardown and not tasks[it.task_id].downstream_list]
    for spec in specs:
        if spec.is_teardown:
            task = tasks[spec.task_id]
            if not spec.needs:
                ends >> task
            task.as_teardown(on_failure_fail_dagrun=True)


def _doc(pipeline: Pipeline, file: str | Path) -> str:
    lines = [pipeline.description or "", f"One task for each job of `{file}`."]
    lines += [f"- {sentence}" for sentence in not_mapped(pipeline)]
    return "\n\n".join(filter(None, lines))
