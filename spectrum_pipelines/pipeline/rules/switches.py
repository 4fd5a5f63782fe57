"""Rules on jobs that are switched off: nobody may refer to what they would have done."""

from collections.abc import Collection, Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.pipeline.fill.places import phrases
from spectrum_pipelines.pipeline.fill.reference import MatrixReference, VariableReference, read_references
from spectrum_pipelines.pipeline.fill.variables import VariableType
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch
from spectrum_pipelines.pipeline.model.action import JobOutput

_JOBS = ("jobs", "finally")


def check_switches(draft: Draft) -> Iterator[Diagnostic]:
    """Check `enabled`, and references to jobs that are off in every run of this form."""
    for job in draft.jobs.values():
        path = (*job.path, "enabled")
        for written, part in read_references(str(job.body.get("enabled", ""))):
            if isinstance(part, MatrixReference):
                message = f"`{written}` cannot switch a job off: all combinations of a matrix are on, or none is"
                yield draft.view.fault(
                    path, "misplaced-reference", message, hint="leave the value out of the list", part=written
                )
            elif isinstance(part, VariableReference) and (kind := _other_type(draft, part.name)):
                message = f"`enabled` takes a boolean, and `{part.name}` is of type {kind}"
                hint = f"declare `{part.name}: {{type: boolean}}`"
                yield draft.view.fault(path, "wrong-type", message, hint=hint, part=written)
    yield from check_off(draft, draft.off)


def _other_type(draft: Draft, name: str) -> str | None:
    """The type of a variable that is no boolean. Of a list, and of a name that is not declared, others tell."""
    declared = draft.declared.get(name)
    if declared is None or declared.type in (VariableType.BOOLEAN, VariableType.LIST):
        return None
    return str(declared.type.value)


def check_off(draft: Draft, off: Collection[str]) -> Iterator[Diagnostic]:
    """Report references to jobs that are off. Where a missing id is good enough, one of a job that is off is missing."""
    if not off:
        return
    if not any(not job.is_finally and job.id not in off for job in draft.jobs.values()):
        message = "all jobs are switched off: there is nothing to run"
        yield draft.view.fault(("jobs",), "nothing-to-do", message, hint="switch one on", at_key=True)
    for path, text in phrases(draft.view.written):
        if path[0] not in _JOBS or len(path) < 3:
            continue
        job = draft.jobs.get(str(path[1]))
        if job is None or job.id in off or job.path != path[:2] or takes_missing(job, str(path[2])):
            continue
        for written, part in read_references(text):
            if isinstance(part, JobOutput) and part.job.partition("[")[0] in off:
                name = part.job.partition("[")[0]
                message = f"`{job.id}` refers to `{name}`, which is switched off"
                hint = f"switch `{job.id}` off, too" + (
                    ", or write `if_missing: ok`" if path[2] == "delete_data" else f", or let it do without `{name}`"
                )
                related = (((*draft.jobs[name].path, "enabled"), f"`{name}` is switched off here"),)
                yield draft.view.fault(path, "switched-off", message, hint=hint, part=written, related=related)


def takes_missing(job: JobSketch, key: str) -> bool:
    """Whether an id that is missing is good enough there."""
    return key == "delete_data" and job.body.get("if_missing") == "ok"
