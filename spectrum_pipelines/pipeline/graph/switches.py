"""Jobs that are switched off: the graph is as if they were not there, and who needs one needs what it needs."""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from spectrum_pipelines.pipeline.graph.order import in_order
from spectrum_pipelines.pipeline.model.action import DeleteData, JobId, JobOutput, Template
from spectrum_pipelines.pipeline.model.pipeline import Job


def contracted(needs: Mapping[JobId, Collection[JobId]], off: Collection[JobId]) -> dict[JobId, tuple[JobId, ...]]:
    """The needs of the jobs that are on. A cycle among them stays one."""
    found: dict[JobId, tuple[JobId, ...]] = {}
    for node in (*in_order(needs), *(node for node in needs if node not in found)):
        if node in found:
            continue
        after: dict[JobId, None] = {}
        for other in needs[node]:
            after |= dict.fromkeys(found.get(other, ()) if other in off else (other,))
        found[node] = tuple(after)
    return {node: needed for node, needed in found.items() if node not in off}


def without(jobs: Mapping[JobId, Job], off: Collection[JobId]) -> dict[JobId, Job]:
    """The jobs that are on. Ids of runs that there will not be are missing from what `delete_data` deletes."""
    needs = contracted({job.id: job.needs for job in jobs.values()}, off)
    return {name: _without(job, needs[name], off) for name, job in jobs.items() if name not in off}


def _without(job: Job, needs: tuple[JobId, ...], off: Collection[JobId]) -> Job:
    if not isinstance(job.action, DeleteData):
        return job if needs == job.needs else replace(job, needs=needs)
    kept = tuple(it for it in job.action.data_ids if not (isinstance(it, Template) and _refers(it, off)))
    return replace(job, needs=needs, action=replace(job.action, data_ids=kept))


def _refers(value: Template, off: Collection[JobId]) -> bool:
    return any(isinstance(part, JobOutput) and part.job in off for part in value.parts)
