"""From checked and filled-in data to the frozen model. Nothing here asks whether a value is well-formed: it is."""

from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.pipeline.assemble.job import JobAssembly
from spectrum_pipelines.pipeline.fill.interpolate import Filled
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.durations import parse_duration
from spectrum_pipelines.pipeline.model.pipeline import (
    Concurrency,
    GroupBehavior,
    Http,
    Job,
    OnAbort,
    Pipeline,
    Poll,
    Server,
    Variable,
)


def assemble(
    draft: Draft, filled: Filled, variables: Mapping[str, Variable]
) -> tuple[Pipeline, tuple[Diagnostic, ...]]:
    """Make the pipeline. The diagnostics are of combinations of a matrix: what holds for all jobs has been checked before."""
    view = draft.view
    faults: list[Diagnostic] = []
    jobs: dict[JobId, Job] = {}
    assembly = JobAssembly(draft, filled.waiting)
    for sketch in sorted(draft.jobs.values(), key=lambda it: it.is_finally):
        made, found = assembly.jobs_of(sketch)
        jobs |= {job.id: job for job in made}
        faults += found
    return _pipeline(view, jobs, variables), tuple(faults)


def _pipeline(view: View, jobs: Mapping[JobId, Job], variables: Mapping[str, Variable]) -> Pipeline:
    data = view.data
    timeouts = view.section("timeouts")
    limit = timeouts.get("pipeline", "none")
    plain = Pipeline(name="", jobs={})
    return Pipeline(
        name=str(data["name"]),
        jobs=jobs,
        description=data.get("description"),
        server=_server(view.section("server")),
        environment=view.environment,
        variables=variables,
        timeout=None if limit == "none" else parse_duration(limit),
        finally_timeout=_seconds(timeouts, "finally", plain.finally_timeout),
        concurrency=_concurrency(view.section("concurrency")),
        poll=_poll(view.section("poll")),
        http=_http(view.section("http")),
        fail_fast=data.get("fail_fast", plain.fail_fast),
        on_abort=OnAbort(data.get("on_abort", plain.on_abort.value)),
        timezone=data.get("timezone", plain.timezone),
    )


def _seconds(body: Mapping[str, Any], key: str, default: float) -> float:
    return parse_duration(body[key]) if key in body else default


def _server(body: Mapping[str, Any]) -> Server:
    plain = Server()
    return Server(
        url=body.get("url", plain.url),
        sequence_path=body.get("sequence_path", plain.sequence_path),
        timezone=body.get("timezone", plain.timezone),
    )


def _concurrency(body: Mapping[str, Any]) -> Concurrency:
    plain = Concurrency()
    return Concurrency(
        group=body.get("group", plain.group),
        behavior=GroupBehavior(body.get("behavior", plain.behavior.value)),
        max_parallel=int(most) if (most := body.get("max_parallel")) is not None else None,
        timeout=_seconds(body, "timeout", plain.timeout),
    )


def _poll(body: Mapping[str, Any]) -> Poll:
    plain = Poll()
    return Poll(
        min=_seconds(body, "min", plain.min),
        max=_seconds(body, "max", plain.max),
        factor=float(body.get("factor", plain.factor)),
        max_per_second=float(body.get("max_per_second", plain.max_per_second)),
    )


def _http(body: Mapping[str, Any]) -> Http:
    plain = Http()
    retry = mapping(body.get("retry"))
    return Http(
        connect_timeout=_seconds(body, "connect_timeout", plain.connect_timeout),
        read_timeout=_seconds(body, "read_timeout", plain.read_timeout),
        max_connections=int(body.get("max_connections", plain.max_connections)),
        retry_limit=int(retry.get("limit", plain.retry_limit)),
        retry_interval=_seconds(retry, "interval", plain.retry_interval),
    )
