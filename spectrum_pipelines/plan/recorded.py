"""A pipeline as its plan tells it: `plan.json` read back.

The plan was written before the run began, with every value filled in and every secret masked. So it shows what the run was about
without its variables, its environment or its `--only`, none of which may be there any more. It is enough to fold a journal and to
write a report; it is not enough to go on with the run, because a masked secret is lost and gates are left out.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import convert

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import ODD_SHAPE
from spectrum_pipelines.pipeline.graph.order import waves
from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobId,
    Scalar,
    Sequence,
    Stop,
    Trigger,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import (
    Concurrency,
    GroupBehavior,
    Job,
    OnAbort,
    Pipeline,
    RunIf,
    Server,
    SwitchedOff,
    Variable,
)
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.pipeline.secrets import MASK

_HINT = "put it back from a backup; what the run has started can be seen in its journal and in Spectrum"


def planned_pipeline(plan: bytes, *, place: str) -> Pipeline:
    """The pipeline that a run began with; `place` is for messages.

    Raises StateError for what is no plan: it may have been written by anybody.
    """
    data = _read(plan, place)
    try:
        pipeline = _pipeline(data)
    except ODD_SHAPE as error:
        raise StateError(f"the plan in {place} is damaged", hint=_HINT) from error
    needs = {job.id: job.needs for job in pipeline.jobs.values()}
    unheard = {name for needed in needs.values() for name in needed} - needs.keys()
    if unheard or sum(map(len, waves(needs))) != len(needs):
        raise StateError(f"the plan in {place} is damaged: its jobs need what is not there", hint=_HINT)
    return pipeline


def _read(plan: bytes, place: str) -> dict[str, Any]:
    try:
        data = json.loads(plan)
    except (ValueError, RecursionError) as error:
        raise StateError(f"the plan in {place} is not JSON", hint=_HINT) from error
    if not isinstance(data, dict) or data.get("plan_version") != 1:
        raise StateError(f"the plan in {place} is not a plan of this version", hint=_HINT)
    return data


def _pipeline(data: Mapping[str, Any]) -> Pipeline:
    jobs = [_job(entry) for entry in data["jobs"]]
    concurrency = data["concurrency"]
    return Pipeline(
        name=_text(data["pipeline"]["name"]),
        description=_text_if_any(data["pipeline"]["description"]),
        jobs={job.id: job for job in jobs},
        server=Server(url=_text_if_any(data["server"])),
        environment=_text_if_any(data["environment"]),
        variables={
            name: Variable(name=name, value=convert(value, Scalar), secret=value == MASK)
            for name, value in data["variables"].items()
        },
        timeout=convert(data["timeouts"]["pipeline"], float | None),
        finally_timeout=float(data["timeouts"]["finally"]),
        concurrency=Concurrency(
            group=_text_if_any(concurrency["group"]),
            behavior=GroupBehavior(concurrency["behavior"]),
            max_parallel=convert(concurrency["max_parallel"], int | None),
        ),
        fail_fast=bool(data["fail_fast"]),
        on_abort=OnAbort(data["on_abort"]),
        off=tuple(_off(entry) for entry in data.get("off", ())),
    )


def _off(entry: Mapping[str, Any]) -> SwitchedOff:
    condition, environment, file = (_text_if_any(entry.get(key)) for key in ("condition", "environment", "file"))
    return SwitchedOff(
        id=JobId(_text(entry["id"])), line=int(entry["line"]), condition=condition, environment=environment, file=file
    )


def _job(entry: Mapping[str, Any]) -> Job:
    return Job(
        id=JobId(_text(entry["id"])),
        action=_action(entry),
        line=int(entry["line"]),
        file=_text(entry["file"]) if "file" in entry else None,
        needs=tuple(JobId(_text(name)) for name in entry["needs"]),
        run_if=RunIf(entry["run_if"]),
        allow_failure=bool(entry["allow_failure"]),
        is_finally=bool(entry["finally"]),
        policy=_policy({key: one["value"] for key, one in entry["policy"].items()}),
        description=_text_if_any(entry["description"]),
    )


def _action(entry: Mapping[str, Any]) -> Action:
    return ACTIONS[_text(entry["action"])](entry)


#: How the entry of a plan becomes an action again, by the word of the action.
ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], Action]] = {
    "trigger": lambda entry: Trigger(target=_text(entry["target"])),
    "sequence": lambda entry: Sequence(
        file_ids=_values(entry["target"]), variables=convert(entry["variables"], dict[str, Scalar])
    ),
    "wait_for": lambda entry: WaitFor(target=_text(entry["target"]), if_missing=IfMissing(entry["if_missing"])),
    "check": lambda entry: Check(target=_text(entry["target"])),
    "stop": lambda entry: Stop(target=_text(entry["target"]), if_missing=IfMissing(entry["if_missing"])),
    "delete_data": lambda entry: DeleteData(
        data_ids=_values(entry["target"]), if_missing=IfMissing(entry["if_missing"])
    ),
}


def _policy(values: Mapping[str, Any]) -> Policy:
    """The plan may be one of another version: a key that is not known here is left out, and one that it lacks has its default."""
    retry = {key.removeprefix("retry."): value for key, value in values.items() if key.startswith("retry.")}
    return convert({**values, "retry": retry}, Policy)


def _values(found: object) -> tuple[Scalar, ...]:
    return convert(found, tuple[Scalar, ...])


def _text_if_any(value: object) -> str | None:
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
