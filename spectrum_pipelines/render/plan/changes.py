"""What another policy changes, key by key: `retry.limit is 2, it was 0 (load, clean and 3 more)`."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import asdict

from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.plan.facts import policy_facts
from spectrum_pipelines.render.plan.job import policy_text
from spectrum_pipelines.words.wording import few

_NAMED = 3  # jobs
_COUNTS = frozenset({"poll.factor", "poll.max_per_second", "http.max_connections", "http.retry.limit"})


def policy_changes(old: Pipeline, new: Pipeline) -> Iterator[str]:
    """A line for each key of the run, then for each key of its jobs; nothing for what stays."""
    before, after = _of_the_run(old), _of_the_run(new)
    for key, value in after.items():
        if value != before[key]:
            yield f"{key} is {_text(key, value)}, it was {_text(key, before[key])}"
    found: dict[tuple[str, str, str], list[str]] = {}
    for job_id, job in new.jobs.items():
        if job_id in old.jobs and job.policy != old.jobs[job_id].policy:
            was = policy_facts(old.jobs[job_id].policy)
            for name, now in policy_facts(job.policy).items():
                if now != was[name]:
                    found.setdefault((name, policy_text(name, now), policy_text(name, was[name])), []).append(job_id)
    for (name, now_told, was_told), jobs in found.items():
        yield f"{name} is {now_told}, it was {was_told} ({few(jobs, _NAMED)})"


def _of_the_run(pipeline: Pipeline) -> Mapping[str, Any]:
    return {
        "timeouts.pipeline": pipeline.timeout,
        "timeouts.finally": pipeline.finally_timeout,
        **{f"concurrency.{key}": value for key, value in asdict(pipeline.concurrency).items()},
        **{f"poll.{key}": value for key, value in asdict(pipeline.poll).items()},
        **{f"http.{key.replace('retry_', 'retry.')}": value for key, value in asdict(pipeline.http).items()},
        "fail_fast": pipeline.fail_fast,
        "on_abort": pipeline.on_abort,
    }


def _text(key: str, value: Any) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case float() | int():
            return f"{value:g}" if key in _COUNTS or isinstance(value, int) else format_duration(value)
        case _:
            told: str = value.value
            return told
