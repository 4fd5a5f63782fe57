"""Rules on outputs such as `${jobs.<id>.execution_id}`: the job must exist, run before, and have exactly one execution."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.reference import holds_reference
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch, Need, has_label, labels_of
from spectrum_pipelines.pipeline.model.action import JobOutput
from spectrum_pipelines.pipeline.rules.lists import check_combination

_NOUNS = {"execution_id": "execution id"}
_WITH_EXECUTION = ("trigger", "wait_for", "check")


class Place(Struct, frozen=True, kw_only=True):
    """Where a reference stands, and the text that it is written as."""

    draft: Draft
    path: Path
    written: str

    def fault(self, code: str, message: str, hint: str) -> Diagnostic:
        """A diagnostic at the reference itself."""
        return self.draft.view.fault(self.path, code, message, hint=hint, part=self.written)


def check_output(place: Place, wanted: JobOutput) -> Iterator[Diagnostic]:
    """Check one reference in a job."""
    draft = place.draft
    reference, output = wanted.job, wanted.output
    name, bracket, rest = reference.partition("[")
    label = rest.removesuffix("]") if bracket else None
    job, other = draft.jobs.get(str(place.path[1])), draft.jobs.get(name)
    if job is None:
        return
    if other is None:
        near = closest(name, draft.ids)
        hint = "refer to a job that this one needs"
        if near and near != job.id:
            hint = f"did you mean `${{jobs.{near}{bracket}{rest}.{output}}}`?"
        yield place.fault("unknown-job", f"there is no job `{name}`", hint)
        return
    if holds_reference(label) and other.matrix:
        yield from _check_own(place, job, Need(job=name, label=label, path=place.path), wanted)
        return
    if wrong := _wrong_label(job, other, label, output):
        message, hint = wrong
        yield place.fault("unknown-job", message, hint)
    elif fault := _no_output(place, wanted, other):
        yield fault
    elif not _runs_before(draft, job, other, label):
        yield place.fault(*_does_not_wait(job, other, wanted))


def _no_output(place: Place, wanted: JobOutput, other: JobSketch) -> Diagnostic | None:
    if not other.actions or other.actions[0] in _WITH_EXECUTION or _takes_all(place, wanted, other):
        return None
    why = "has several executions" if other.actions[0] == "sequence" else "starts no execution"
    message = f"`{other.id}` has no {_NOUNS.get(wanted.output, wanted.output)} to refer to: `{other.actions[0]}` {why}"
    return place.fault("no-output", message, "refer to a job that has one: `trigger`, `wait_for` or `check`")


def _does_not_wait(job: JobSketch, other: JobSketch, wanted: JobOutput) -> tuple[str, str, str]:
    message = f"`{job.id}` refers to `{wanted.job}`, but does not wait for it"
    hint = f"write `needs: [{_quoted(wanted.job)}]`"
    if job.id == other.id:
        message, hint = (
            f"`{job.id}` refers to itself",
            f"its {_NOUNS.get(wanted.output, wanted.output)} is known only once it runs: refer to a job before it",
        )
    if other.is_finally and not job.is_finally:
        hint = "jobs under `finally` run last: refer to another job"
    return "misplaced-reference", message, hint


def _check_own(place: Place, job: JobSketch, need: Need, wanted: JobOutput) -> Iterator[Diagnostic]:
    """Check `${jobs.load[${matrix.region}].execution_id}`: for each combination of the job, one of its own."""
    draft = place.draft
    found = list(check_combination(draft, job, need, place="these brackets", verb="refers to", written=place.written))
    yield from found
    other = draft.jobs[need.job]
    if found:
        return
    if fault := _no_output(place, wanted, other):
        yield fault
    elif any(not _runs_before(draft, job, other, label) for label in labels_of(job, need)):
        yield place.fault(*_does_not_wait(job, other, wanted))


def _takes_all(place: Place, wanted: JobOutput, other: JobSketch) -> bool:
    """Whether an entry of `delete_data` stands for the data of all executions of a sequence."""
    alone = place.draft.view.written_at(place.path) == place.written
    return (
        alone and place.path[2] == "delete_data" and wanted.output == "execution_id" and other.actions[0] == "sequence"
    )


def _wrong_label(job: JobSketch, other: JobSketch, label: str | None, output: str) -> tuple[str, str] | None:
    if not other.matrix:
        return None if label is None else (f"`{other.id}` has no matrix", f"write `${{jobs.{other.id}.{output}}}`")
    first = next(iter(other.first_labels), "...")
    if label is None:
        message = f"`{other.id}` is several jobs, one for each combination of its matrix"
        if other.matrix.keys() <= job.matrix.keys():  # each combination may mean one of its own
            first = ",".join(f"${{matrix.{key}}}" for key in other.matrix)
        return message, f"say which one, such as `${{jobs.{other.id}[{first}].{output}}}`"
    if has_label(other, label):
        return None
    shown = closest(label, other.first_labels) or first
    return f"there is no job `{other.id}[{label}]`", f"did you mean `${{jobs.{other.id}[{shown}].{output}}}`?"


def _runs_before(draft: Draft, job: JobSketch, other: JobSketch, label: str | None) -> bool:
    if job.is_finally and not other.is_finally:
        return True
    bits, before = draft.ancestry
    if job.id not in bits or other.id not in bits:
        return job.id != other.id  # in a cycle, which is reported; what runs before what is anybody's guess
    if not before[job.id] & bits[other.id]:
        return False
    if label is None:
        return True
    # It may be another combination that is waited for: somebody on the way must need this one.
    waiting = draft.needed_by.get((other.id, None), 0) | draft.needed_by.get((other.id, label), 0)
    return bool((before[job.id] | bits[job.id]) & waiting)


def _quoted(reference: str) -> str:
    return f'"{reference}"' if "[" in reference else reference


def check_waiting(draft: Draft, waiting: Iterable[Path]) -> Iterator[Diagnostic]:
    """Check references to combinations once more, when list variables have spread the jobs out."""
    for path in waiting:
        phrase: Any = draft.view.data
        for key in path:
            phrase = phrase[key]
        for part in phrase.parts:
            if isinstance(part, JobOutput) and "[" in part.job:
                yield from check_output(Place(draft=draft, path=path, written=str(part)), part)
