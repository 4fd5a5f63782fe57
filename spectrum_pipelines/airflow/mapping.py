"""The jobs of a pipeline as tasks of Airflow: ids, edges, trigger rules, and what has no counterpart. Pure.

Airflow's trigger rules look at the direct parents of a task. Where a pipeline's `run_if` looks further back, and a task between
could hide what it is to see, the pipeline is refused: one task for the whole pipeline keeps every meaning.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.graph.selection import outputs_of
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf

_RULES = {
    RunIf.ALL_SUCCESS: "all_success",
    RunIf.ALL_DONE: "all_done",
    RunIf.ANY_FAILED: "one_failed",
    RunIf.NONE_FAILED: "none_failed",
}
#: A task that runs under one of these succeeds although something before it failed.
_HIDES_FAILURES = frozenset({RunIf.ALL_DONE, RunIf.ANY_FAILED})
_NO_TASK_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_ONE_TASK = "use SpectrumPipelineOperator: one task for the whole pipeline keeps its meaning"


class TaskSpec(Struct, frozen=True, kw_only=True):
    """One task: the job that it runs, its direct parents, and the words of Airflow for when it runs."""

    task_id: str
    job: JobId
    needs: tuple[str, ...]
    trigger_rule: str
    is_teardown: bool
    references: tuple[JobId, ...]
    doc: str | None


def task_specs(pipeline: Pipeline) -> tuple[TaskSpec, ...]:
    """A task for each job, in the order of the file. Raises UserError where Airflow's rules would mean something else."""
    ids = _task_ids(list(pipeline.jobs))
    return tuple(
        TaskSpec(
            task_id=ids[job.id],
            job=job.id,
            needs=tuple(ids[needed] for needed in job.needs),
            trigger_rule=_RULES[_checked(job, pipeline.jobs)],
            is_teardown=job.is_finally,
            references=tuple(dict.fromkeys(_named(job))),
            doc=job.description,
        )
        for job in pipeline.jobs.values()
    )


def not_mapped(pipeline: Pipeline) -> Iterator[str]:
    """What the pipeline says and separate tasks cannot keep: a sentence each, for the DAG's documentation."""
    if pipeline.concurrency.group is not None:
        yield f"`concurrency.group` ({pipeline.concurrency.group}) holds for each task alone; use `max_active_runs` or a pool"
    if pipeline.timeout is not None:
        yield "`timeouts.pipeline` is the DAG's `dagrun_timeout`"
    if pipeline.fail_fast and any(not job.is_finally for job in pipeline.jobs.values()):
        yield "`fail_fast` has no counterpart: tasks beside a failed one go on"


def _checked(job: Job, jobs: Mapping[JobId, Job]) -> RunIf:
    if job.run_if in {RunIf.ANY_FAILED, RunIf.NONE_FAILED}:
        for before in _before(job, jobs):
            allowed = before.allow_failure and job.run_if is RunIf.ANY_FAILED
            hidden = before.run_if in _HIDES_FAILURES and bool(before.needs)
            if allowed or hidden:
                why = "may fail and count as a success" if allowed else f"has `run_if: {before.run_if.value}`"
                raise UserError(
                    f"`{job.id}` with `run_if: {job.run_if.value}` cannot be a task of its own: `{before.id}` before it {why}, "
                    "and Airflow looks at the direct parents only",
                    hint=_ONE_TASK,
                )
    return job.run_if


def _named(job: Job) -> Iterator[JobId]:
    """The jobs of whose executions this one uses the id."""
    for output in outputs_of(job):
        if output.output != "execution_id":
            told = f"`{job.id}` cannot be a task of its own: it uses `{output}`, and a task hands on execution ids only"
            raise UserError(told, hint=_ONE_TASK)
        yield output.job


def _before(job: Job, jobs: Mapping[JobId, Job]) -> Iterator[Job]:
    """All jobs before a job, each once."""
    seen: set[JobId] = set()
    todo = list(job.needs)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            yield jobs[name]
            todo.extend(jobs[name].needs)


def _task_ids(names: Sequence[JobId]) -> dict[JobId, str]:
    """`load[emea]` becomes `load__emea`; two names that would become the same get a number."""
    ids: dict[JobId, str] = {}
    taken: set[str] = set()
    for name in names:
        plain = _NO_TASK_ID.sub("__", name).strip("_") or "job"
        candidate, number = plain[:240], 2
        while candidate in taken:
            candidate, number = f"{plain[:240]}_{number}", number + 1
        taken.add(candidate)
        ids[name] = candidate
    return ids
