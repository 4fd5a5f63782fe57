"""`--only`: a part of a pipeline. `a` is a job, `+a` also everything it needs, `a+` also everything that needs it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.graph.order import dependents, reach
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, JobOutput, Sequence, Template
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline

#: A comma within brackets separates the values of a combination, not two jobs.
_SEPARATOR = re.compile(r",(?![^\[\]]*\])")


def select(pipeline: Pipeline, selection: str | Iterable[str]) -> Pipeline:
    """Keep the selected jobs; what they need outside of the selection is taken as done. Raises UserError.

    An id stands for all combinations of its matrix. Jobs under `finally` run only if they are selected as well: nothing happens
    that was not named.
    """
    texts = [selection] if isinstance(selection, str) else selection
    terms = [term.strip() for text in texts for term in _SEPARATOR.split(text)]
    needs = {job.id: job.needs for job in pipeline.jobs.values()}
    families = _families(pipeline)
    chosen: set[JobId] = set()
    for term in filter(None, terms):
        found = _find(term.removeprefix("+").removesuffix("+"), families)
        chosen |= found
        if term.startswith("+"):
            chosen |= reach(found, needs)
        if term.endswith("+"):
            chosen |= reach(found, dependents(needs))
    if not chosen:
        raise UserError("no job is selected", hint="name one or more jobs, such as `--only sales,+publish`")
    jobs = {
        job.id: replace(job, needs=tuple(name for name in job.needs if name in chosen))
        for job in pipeline.jobs.values()
        if job.id in chosen
    }
    for job in jobs.values():
        _refuse_missing_output(job, chosen)
    return replace(pipeline, jobs=jobs)


def _families(pipeline: Pipeline) -> dict[str, set[JobId]]:
    """Every id, and every id of a matrix without its brackets."""
    families: dict[str, set[JobId]] = {}
    for name in pipeline.jobs:
        families.setdefault(name, set()).add(name)
        families.setdefault(name.partition("[")[0], set()).add(name)
    return families


def _find(name: str, families: Mapping[str, set[JobId]]) -> set[JobId]:
    if name in families:
        return set(families[name])
    near = closest(name, families)
    hint = f"did you mean `{near}`?" if near else "see `plan` for the ids of all jobs"
    raise UserError(f"there is no job `{name}` to select", hint=hint)


def _refuse_missing_output(job: Job, chosen: set[JobId]) -> None:
    for output in outputs_of(job):
        if output.job not in chosen:
            message = f"`{job.id}` refers to the execution of `{output.job}`, which is not selected"
            raise UserError(message, hint=f"select it too: `--only {output.job},{job.id}`")


def outputs_of(job: Job) -> Iterator[JobOutput]:
    """What the action and the gates of a job use of other jobs."""
    yield from (part for value in _values(job) for part in value.parts if isinstance(part, JobOutput))
    yield from job.expect.outputs if job.expect else ()


def with_execution_ids(pipeline: Pipeline, known: Mapping[JobId, int]) -> Pipeline:
    """The pipeline with the execution ids of these jobs in place of references to them."""
    outputs = {JobOutput(job=job): number for job, number in known.items()}

    def filled(value: Any) -> Any:
        match value:
            case Template(parts=parts) if all(isinstance(it, str) or it in outputs for it in parts):
                return value.resolve(outputs)
            case tuple():
                return tuple(map(filled, value))
            case Mapping():
                return {name: filled(one) for name, one in value.items()}
        return value

    def with_ids(job: Job) -> Job:
        if not any(output in outputs for output in outputs_of(job)):
            return job
        old = job.action
        changed = {name: filled(getattr(old, name)) for name in old.__struct_fields__}
        return replace(job, action=replace(old, **changed))

    return replace(pipeline, jobs={name: with_ids(job) for name, job in pipeline.jobs.items()})


def _values(job: Job) -> Iterator[Template]:
    match job.action:
        case Sequence(file_ids=ids, variables=variables):
            values: list[object] = [*ids, *variables.values()]
        case DeleteData(data_ids=ids):
            values = [*ids]
        case action:
            values = [action.target]
    yield from (value for value in values if isinstance(value, Template))
