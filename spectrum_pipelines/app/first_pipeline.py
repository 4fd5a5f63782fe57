"""`init --from-server`: a first pipeline from what the server tells about files that are there already.

It knows ids, last runs and usual durations, and the names of files that wait or run. What must come before what it cannot know:
every job stands for itself until somebody writes its `needs`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from msgspec.structs import replace

from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.look_ahead import look_ahead
from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.action import JobId, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.plan.outlook import Outlook, Target
from spectrum_pipelines.spectrum import FileReference
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import many, span_in_words

_SHORTEST = 5  # minutes of a timeout
_MARGIN = 5  # times the slow runs of the past
_LONGEST = 60  # characters of a job id


def first_pipeline(files: Iterable[str], reach: Reach, front: Front, *, embedded: bool) -> str:
    """The text of a pipeline file that triggers these files. Raises ClientError, and UserError for files that are not there."""
    outlook = look_ahead(Pipeline(name="first", jobs=_jobs({FileReference(it): it for it in files})), reach, front)
    refused = [it for it in outlook.targets.values() if it.refusal is not None]
    if refused:
        details = tuple(f"{it.reference}: {it.refusal}" for it in refused)
        raise UserError("nothing was written: the server does not know all files", details=details, hint="check --file")
    named = {file: file if "/" in file else f"/{it.name}" if it.name else file for file, it in outlook.targets.items()}
    known = replace(outlook, pipeline=replace(outlook.pipeline, jobs=_jobs(named)))
    return "\n".join(_lines(known, embedded=embedded, now=front.clock.now())) + "\n"


def _jobs(named: Mapping[FileReference, str]) -> dict[JobId, Job]:
    """A job for each file; its path, its id, or a path that ends in its name tells the job's id."""
    jobs: dict[JobId, Job] = {}
    for file, path in named.items():
        job_id = _job_id(path, jobs)
        jobs[job_id] = Job(id=job_id, action=Trigger(target=file), line=0)
    return jobs


def _job_id(path: str, taken: dict[JobId, Job]) -> JobId:
    """`/Data/My orders.imp` -> `My-orders`; an id or a uuid -> `file-48`."""
    last = path.rstrip("/").rpartition("/")[2]
    stem = last.rpartition(".")[0] or last
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:_LONGEST]
    name = word if "/" in path and re.match("[A-Za-z]", word) else f"file-{word}".rstrip("-")
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    return JobId(found)


def _lines(outlook: Outlook, *, embedded: bool, now: datetime) -> Iterator[str]:
    server = "${env.SPECTRUM_URL}" if embedded else outlook.server.replace("${", "$${")
    yield "# yaml-language-server: $schema=schemas/pipeline.schema.json"
    yield "#"
    yield f"# What {clean(outlook.server)} told at {rfc3339(now)}. All jobs start at once: say with `needs` what must come first."
    yield "version: 1"
    yield "name: first"
    yield f"server: {{url: {_scalar(server)}}} # the login comes from SPECTRUM_USERNAME and SPECTRUM_PASSWORD"
    yield ""
    yield "jobs:"
    for job in outlook.pipeline.jobs.values():
        (target,) = outlook.of(job)
        yield f"  {job.id}: # {_past(target)}"
        yield f"    trigger: {_scalar(target.reference.replace('${', '$${'))}"
        slow = target.percentile(0.9)
        if slow is not None:
            minutes = max(math.ceil(slow * _MARGIN / 60), _SHORTEST)
            yield f"    timeout: {minutes}m # {_MARGIN} times its slow runs, and {_SHORTEST}m at least; then it is stopped"


def _past(target: Target) -> str:
    known = [("file", target.file_id), ("job configuration", target.configuration_id)]
    parts = [f"{noun} {number}" for noun, number in known if number is not None]
    if target.execution_id is None:
        return ", ".join([*parts, "has never run"])
    parts.append(f"last run {target.execution_id} {clean(target.job_status or '')}".rstrip())
    usual, slow = target.percentile(0.5), target.percentile(0.9)
    if usual is not None and slow is not None:
        runs = many(len(target.durations), "run")
        parts.append(f"usually {span_in_words(usual)}, p90 {span_in_words(slow)}, of {runs}")
    return ", ".join(parts)


def _scalar(text: str) -> str:
    """A double-quoted scalar in which only what can be seen stands as it is."""
    seen = (it if it.isprintable() and it not in '"\\' else f"\\U{ord(it):08x}" for it in text)
    return f'"{"".join(seen)}"'
