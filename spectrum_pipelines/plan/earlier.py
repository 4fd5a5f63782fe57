"""The bounds of a plan as versions up to 0.2 have written them.

Journals and agreed plans name a plan by a digest that covers these numbers. They leave out lost triggers, stops and waits for other
runs, so they are no bounds, and nothing but that digest looks at them.
"""

from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.pipeline.graph.order import heaviest
from spectrum_pipelines.pipeline.model.policy import Retry

_UNBOUNDED = 1e12
_PER_JOB = 1e-6
_STARTING = frozenset({"trigger", "sequence"})


def with_earlier_bounds(data: Mapping[str, Any]) -> dict[str, Any]:
    """A plan as `plan_data` gives it, with the bounds of old in the place of its own."""
    jobs = [_job(job) for job in data["jobs"]]
    worst = {job["id"]: job["worst_case_seconds"] for job in jobs}
    spans: list[float | None] = []
    chains: list[list[str]] = []
    for is_finally, limit in ((False, data["timeouts"]["pipeline"]), (True, data["timeouts"]["finally"])):
        needs = {job["id"]: tuple(job["needs"]) for job in jobs if job["finally"] is is_finally}
        weights = {name: (_UNBOUNDED if worst[name] is None else worst[name]) + _PER_JOB for name in needs}
        chain, _ = heaviest(needs, weights)
        chains.append(chain)
        spans.append(
            _limited(_span(chain, [worst[name] for name in needs], worst, data["concurrency"]["max_parallel"]), limit)
        )
    known = [span for span in spans if span is not None]
    total = sum(known) if len(known) == len(spans) else None
    executions = sum(job["max_executions"] for job in jobs)
    totals = {"jobs": data["totals"]["jobs"], "max_executions": executions, "worst_case_seconds": total}
    return {**data, "jobs": jobs, "critical_path": chains[0], "totals": totals}


def _job(job: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in job.items() if key != "max_triggers"}
    policy = {key: one["value"] for key, one in job["policy"].items()}
    executions = 1 + policy["retry.limit"] if job["action"] in _STARTING else 0
    return {**kept, "max_executions": executions, "worst_case_seconds": _worst_case(job["action"], policy)}


def _worst_case(action: str, policy: Mapping[str, Any]) -> float | None:
    if action in {"check", "delete_data"}:
        return 0.0
    if action in _STARTING and policy["on_running"] == "wait":
        return None
    names = ("limit", "interval", "factor", "max_interval", "jitter")
    waits: float = Retry(**{name: policy[f"retry.{name}"] for name in names}).longest_waits()
    attempts: float = (policy["retry.limit"] + 1) * policy["timeout"] + waits
    most: float | None = policy["retry.max_duration"]
    return attempts if most is None else min(attempts, most)


def _span(
    chain: list[str], every: list[float | None], worst: Mapping[str, float | None], max_parallel: int | None
) -> float | None:
    known = [seconds for seconds in every if seconds is not None]
    if len(known) < len(every):
        return None
    longest = sum(worst[name] or 0.0 for name in chain)
    return longest if max_parallel is None else longest + (sum(known) - longest) / max_parallel


def _limited(seconds: float | None, limit: float | None) -> float | None:
    known = [it for it in (seconds, limit) if it is not None]
    return min(known) if known else None
