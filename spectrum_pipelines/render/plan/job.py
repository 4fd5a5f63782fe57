"""What a plan says of one job, line by line and not yet wrapped; everything is cleaned."""

import math
from collections.abc import Iterable, Iterator, Mapping

from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Job, RunIf
from spectrum_pipelines.plan.facts import ActionFacts, PlanFacts, PolicyValue, expect_facts, policy_facts
from spectrum_pipelines.plan.waves import JobPlan, Plan
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.wording import many

#: Of longer lists, the rest is counted.
LISTED = 12
_EXACT = 10.0  # seconds below which a fraction says something
_PLAIN_NUMBERS = frozenset({"retry.limit", "retry.factor", "retry.jitter"})
_TIMES = frozenset({"duration", "age"})


def job_lines(facts: PlanFacts, job: Job, planned: JobPlan) -> Iterator[str]:
    """The action first."""
    action = facts.action(job)
    yield _action(action)
    if description := facts.shown(job.description):
        yield clean(description)
    if waits := _waits(job):
        yield waits
    if job.allow_failure:
        yield "may fail: the run can succeed without it"
    if action.variables:
        yield "with " + ", ".join(assignment(*it) for it in action.variables.items())
    if gates := expect_facts(job.expect):
        yield f"expects {', '.join(_gates(gates))}"
    yield _most(planned)
    origins = facts.origins.of(job.id, is_finally=job.is_finally)
    for key, value in policy_facts(job.policy).items():
        if origins[key].is_own:
            yield f"{key} {policy_text(key, value)}  ({origins[key]})"


def assignment(name: str, value: Scalar) -> str:
    """A variable and its value."""
    return f"{clean(name)} = {clean(as_text(value))}"


def listed(words: Iterable[str], separator: str = ", ") -> str:
    """The words, or the first of them and how many more there are."""
    every = list(words)
    more = [f"... ({len(every) - LISTED:,} more)"] if len(every) > LISTED else []
    return separator.join([*every[:LISTED], *more])


def policy_text(key: str, value: PolicyValue) -> str:
    """A policy value as the file would spell it."""
    match value:
        case None:
            return "none"
        case list():
            return ", ".join(value) or "nothing"
        case str():
            return value
        case _:
            return f"{value:g}" if key in _PLAIN_NUMBERS else format_duration(value)


def _action(action: ActionFacts) -> str:
    target = action.target if isinstance(action.target, str) else listed(map(as_text, action.target))
    return f"{action.word} {clean(target)}{', if there is any' if action.if_missing == 'ok' else ''}"


def _waits(job: Job) -> str | None:
    needs = listed(map(clean, job.needs))
    match job.run_if:
        case RunIf.ALL_SUCCESS:
            return f"needs {needs}" if needs else None
        case RunIf.ALL_DONE:
            return f"needs {needs} to end, however" if needs else None
        case RunIf.NONE_FAILED:
            return f"needs {needs} not to fail" if needs else None
        case RunIf.ANY_FAILED:
            after = f"needs {needs} to end, and " if needs else ""
            return f"{after}runs only if a job before it failed"


def _most(planned: JobPlan) -> str:
    within = f" within {bound_text(planned.worst_case)}" if planned.worst_case else ""
    if not planned.max_triggers:
        return f"starts nothing{within}"
    return f"at most {most_started(planned)}{within}"


def most_started(planned: JobPlan | Plan) -> str:
    """What a job or a run starts at most: `3 executions`, or `2 triggers` where what they start downstream is not known."""
    if planned.max_executions is None:
        return many(planned.max_triggers, "trigger")
    return many(planned.max_executions, "execution")


def bound_text(seconds: float) -> str:
    """A length of time that is not exceeded: `10m 4s`, rounded up, for nobody waits for a fraction of a second in ten minutes."""
    return format_duration(seconds if seconds < _EXACT else math.ceil(seconds))


def _gates(gates: Mapping[str, object]) -> Iterator[str]:
    for name, gate in gates.items():
        match gate:
            case list():
                yield f"{name} {' or '.join(map(str, gate))}"
            case {"min": float() | int() | str() as least, "max": float() | int() | str() as most}:
                yield f"{clean(name)} from {_edge(name, least)} to {_edge(name, most)}"
            case {"min": float() | int() | str() as least}:
                yield f"{clean(name)} >= {_edge(name, least)}"
            case {"max": float() | int() | str() as most}:
                yield f"{clean(name)} <= {_edge(name, most)}"
            case Mapping():
                yield from _gates(gate)
            case _:
                continue


def _edge(name: str, value: float | str) -> str:
    if isinstance(value, str):
        return clean(value)
    return format_duration(value) if name in _TIMES else f"{value:,}"
