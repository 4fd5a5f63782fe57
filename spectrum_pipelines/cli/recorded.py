"""The pipeline of a run that has begun, from what the run's folder holds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spectrum_pipelines.cli.planned import planned_pipeline, read_plan
from spectrum_pipelines.engine.events import RunStarted
from spectrum_pipelines.errors import InvalidFile, StateError, UserError
from spectrum_pipelines.output.run_directory import RunDirectory
from spectrum_pipelines.pipeline.matrix import as_text
from spectrum_pipelines.pipeline.model import Pipeline
from spectrum_pipelines.pipeline.secrets import MASK
from spectrum_pipelines.pipeline.values import PREFIX, Given
from spectrum_pipelines.runner import Stamped

_NAMED = 5


def recorded_pipeline(
    run: RunDirectory,
    facts: Sequence[Stamped],
    *,
    lenient: bool,
    environ: Mapping[str, str],
    extra: Given | None = None,
) -> Pipeline:
    """The pipeline that a journal belongs to. Raises StateError, and what `load_pipeline` raises.

    `lenient` takes it from the plan, with secrets masked: good for a report, whatever has become of variables and environment.
    Otherwise it is built anew, to go on with the run, and must come out as it was planned: variables are those that the run began
    with, secrets and `${env.X}` come from `environ` and `extra`, whose `server` may replace the recorded one.
    """
    started = facts[0].event if facts else None
    if not isinstance(started, RunStarted):
        raise StateError(f"run {run.run_id} never began", hint="nothing was triggered: start a new run")
    plan_data = read_plan(run)
    planned = planned_pipeline(run, plan_data)
    if lenient:
        return planned
    return _rebuilt(run, started, plan_data, _given(started, environ, extra or Given()))


def _given(started: RunStarted, environ: Mapping[str, str], extra: Given) -> Given:
    """The recorded values win, and keep their types; of secrets the journal only knows that there were some."""
    recorded = {name: value for name, value in started.variables.items() if value != MASK}
    for name, text in extra.command_line.items():
        if name in recorded and as_text(recorded[name]) != text:
            message = f"the run began with {name}={as_text(recorded[name])}, which cannot be changed"
            raise UserError(message, hint="leave --var out, or start a new run")
    outvoted = {PREFIX + name for name in recorded}
    return replace(
        extra,
        environment=started.environment,
        vars_file={**extra.vars_file, **recorded},
        process_environment={name: text for name, text in environ.items() if name not in outvoted},
        command_line={name: text for name, text in extra.command_line.items() if name not in recorded},
        server=extra.server or started.server,
    )


def _rebuilt(run: RunDirectory, started: RunStarted, plan_data: Mapping[str, Any], given: Given) -> Pipeline:
    from spectrum_pipelines.cli.loading import load_pipeline  # noqa: PLC0415 - a report does without
    from spectrum_pipelines.document.source import Source  # noqa: PLC0415
    from spectrum_pipelines.output.plan_facts import PlanFacts  # noqa: PLC0415
    from spectrum_pipelines.output.plan_json import plan_data as data_of  # noqa: PLC0415
    from spectrum_pipelines.pipeline.plan import plan  # noqa: PLC0415
    from spectrum_pipelines.pipeline.selection import select  # noqa: PLC0415

    source = Source(name=started.file, text=run.pipeline_text(started.digest))
    hint = "give the same values as then: the variables and secrets that the file refers to"
    try:
        loaded = load_pipeline(source, given, run_id=run.run_id)
    except InvalidFile as error:
        raise InvalidFile(f"run {run.run_id} cannot go on with the values of now", hint=hint) from error
    pipeline = select(loaded.pipeline, [entry["id"] for entry in plan_data["jobs"]])
    now = data_of(PlanFacts(pipeline, plan(pipeline), loaded.document))
    if changed := _changed(plan_data, now):
        named = ", ".join(f"`{name}`" for name in changed[:_NAMED])
        more = f" and {len(changed) - _NAMED:,} more" if len(changed) > _NAMED else ""
        raise StateError(
            f"run {run.run_id} would go on as another pipeline: {named}{more} came out differently", hint=hint
        )
    return pipeline


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The jobs that are not what they were, in what both versions of the plan tell."""
    before = {entry["id"]: entry for entry in then["jobs"]}
    after = {entry["id"]: entry for entry in now["jobs"]}
    return [
        name
        for name, entry in after.items()
        if any(entry[key] != before[name][key] for key in entry.keys() & before[name].keys())
    ]
