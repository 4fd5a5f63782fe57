"""Going on with another pipeline than the process before had: what of it is policy and what is work, and how a run takes it.

The *work* of a job is its action (variables included) and its gates. Its *course* is what decides whether and when it runs: its
needs, `run_if`, `allow_failure`. All else that a file says of a job or of the run is *policy*.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.state.run import RunState, dependents_of
from spectrum_pipelines.engine.targets import sharing
from spectrum_pipelines.engine.timing.agenda import Budget
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline

_OF_THE_SOURCE = ("file", "digest", "plan_digest", "git_commit", "variables")


def changed_work(old: Pipeline, new: Pipeline) -> tuple[JobId, ...]:
    """The jobs of which the new pipeline wants something else: new, removed, or with another action, other variables or gates."""
    names = dict.fromkeys([*old.jobs, *new.jobs])
    return tuple(job_id for job_id in names if not is_same_work(old.jobs.get(job_id), new.jobs.get(job_id)))


def is_same_work(old: Job | None, new: Job | None) -> bool:
    """Both pipelines have the job, and want the same of it."""
    if old is None or new is None:
        return False
    return old.action == new.action and old.expect == new.expect and old.is_finally == new.is_finally


def what_changed(old: Job, new: Job) -> str:
    """What of a job's work the new pipeline has otherwise, in a word."""
    before, after = old.action, new.action
    if type(before) is not type(after):
        return "action"
    for name in before.__struct_fields__:
        if getattr(before, name) != getattr(after, name):
            return name if name in {"variables", "if_missing"} else "target"
    return "section" if old.expect == new.expect else "gates"


def beyond_policy(old: Pipeline, new: Pipeline) -> Iterator[str]:
    """What the new pipeline changes besides policy, in words. A run that has not ended takes nothing of that."""
    if old.name != new.name:
        yield "the name of the pipeline"
    if replace(old.server, url=None) != replace(new.server, url=None):
        yield "sequence_path or timezone of `server`"
    for job_id in dict.fromkeys([*old.jobs, *new.jobs]):
        before, after = old.jobs.get(job_id), new.jobs.get(job_id)
        if before is None or after is None:
            yield f"{job_id}, which is {'new' if before is None else 'gone'}"
        elif not is_same_work(before, after):
            yield f"the {what_changed(before, after)} of {job_id}"
        elif (before.needs, before.run_if, before.allow_failure) != (after.needs, after.run_if, after.allow_failure):
            yield f"the {_course(before, after)} of {job_id}"


def _course(old: Job, new: Job) -> str:
    if old.needs != new.needs:
        return "needs"
    return "run_if" if old.run_if is not new.run_if else "allow_failure"


def pipeline_after(state: RunState, event: ev.Resumed | ev.Retried) -> Pipeline:
    """The pipeline with which a fact goes on. Raises LookupError if it is not at hand."""
    digest = None if event.changed is None else event.changed.plan_digest
    return state.pipeline if digest is None else state.later[digest]


def tell_source(state: RunState, changed: ev.Changed | None) -> None:
    """Have the run's facts name the source that it goes on with."""
    if state.facts is not None and changed is not None:
        told = {name: getattr(changed, name) for name in _OF_THE_SOURCE}
        state.facts = replace(state.facts, **{name: value for name, value in told.items() if value is not None})


def tell_origin(state: RunState, event: ev.Resumed | ev.Retried) -> None:
    """Have the run's facts name what began the process that goes on with it, if that says so."""
    if state.facts is not None and event.origin:
        state.facts = replace(state.facts, origin=event.origin)


def take_policy(state: RunState, event: ev.Resumed) -> None:
    """Fold what a `Resumed` says of a changed file: the same jobs, each as far as it has come, under another policy.

    Raises LookupError if the pipeline is not at hand, and ValueError if more than its policy is another one.
    """
    pipeline = pipeline_after(state, event)
    if pipeline is state.pipeline:
        return
    if changed_work(state.pipeline, pipeline):
        raise ValueError("a run that has not ended goes on with the same work")
    before = state.jobs
    state.jobs = {job_id: before[job_id] for job_id in pipeline.jobs}
    for job_id, job in pipeline.jobs.items():
        state.jobs[job_id].job = job
        state.jobs[job_id].version += 1
    redefine(state, pipeline, event.changed)


def redefine(state: RunState, pipeline: Pipeline, changed: ev.Changed | None) -> None:
    """Have the run go on with this pipeline; its jobs stand in `state.jobs` already."""
    state.pipeline = pipeline
    state.dependents = dependents_of(pipeline)
    state.sharing = sharing(pipeline)
    state.budget = Budget(per_second=pipeline.poll.max_per_second)
    tell_source(state, changed)
