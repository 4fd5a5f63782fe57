"""A plan for people, in at most 100 cells a line: the run as a whole, then wave by wave what each job does.

What most jobs share, their policy, stands once at the top; a job shows only where its own differs.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Concurrency
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.render.plan.job import assignment, bound_text, job_lines, listed, most_started, policy_text
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import UNBOUNDED, padded, width_of, wrapped
from spectrum_pipelines.words.wording import many

WIDTH = 100
_LABEL = 14
_WIDEST_ID = 24
_MANY_ALIKE = 3  # combinations of a matrix


def render_text(facts: PlanFacts, *, width: int = UNBOUNDED) -> str:
    """Write a plan as text with a line break at its end, for a screen of `width` cells."""
    width = min(width, WIDTH)
    parts = [
        _heading(facts, width),
        _settings(facts, width),
        _policy(facts),
        *_waves(facts, width),
        _off(facts, width),
        _totals(facts, width),
    ]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _heading(facts: PlanFacts, width: int) -> Iterator[str]:
    yield from wrapped(f"{clean(facts.pipeline.name)}  ({clean(facts.file)}, {facts.digest[:19]})", width, indent=2)
    description = facts.shown(facts.pipeline.description)
    if description:
        yield from wrapped(clean(description), width, indent=2)


def _settings(facts: PlanFacts, width: int) -> Iterator[str]:
    pipeline = facts.pipeline
    yield from _labelled("Includes", list(map(clean, facts.fragments)), width)
    yield from _labelled("Server", [clean(facts.shown(pipeline.server.url) or "not set")], width)
    if pipeline.environment is not None:
        yield from _labelled("Environment", [clean(pipeline.environment)], width)
    if pipeline.date is not None:
        yield from _labelled("Date", [f"{pipeline.date}, in {pipeline.timezone}"], width)
    yield from _labelled("Variables", [assignment(*it) for it in facts.variables().items()], width)
    concurrency = pipeline.concurrency
    limits = [f"{format_duration(pipeline.timeout)} for jobs"] if pipeline.timeout is not None else []
    limits += [f"{format_duration(pipeline.finally_timeout)} for finally"] if facts.plan.finally_waves else []
    limits += [f"{concurrency.max_parallel:,} jobs at once"] if concurrency.max_parallel is not None else []
    yield from _labelled("Limits", [", ".join(limits)] if limits else [], width)
    if concurrency.group is not None:
        limit = "" if concurrency.timeout == Concurrency().timeout else f" up to {format_duration(concurrency.timeout)}"
        queue = f"waits{limit} while another run has it"
        busy = {"queue": queue, "fail": "gives up if another run has it"}
        group = clean(facts.shown(concurrency.group) or "")
        yield from _labelled("Group", [f"{group}, {busy[concurrency.behavior.value]}"], width)
    failed = "no further jobs start" if pipeline.fail_fast else "jobs that do not need it go on"
    yield from _labelled("On failure", [failed], width)
    aborted = {"stop": "running jobs are stopped", "detach": "running jobs are left to `resume`"}
    yield from _labelled("On abort", [aborted[pipeline.on_abort.value]], width)


def _policy(facts: PlanFacts) -> Iterator[str]:
    texts = {key: policy_text(key, value) for key, value in facts.shared_policy.items()}
    if texts:
        yield "Policy, unless a job says otherwise"
    column = max(map(len, texts.values()), default=0)
    for key, text in texts.items():
        yield f"  {key:<18}  {text:<{column}}  {facts.origins.defaults[key]}"


_AFTER_A_SIGNAL = "After an interruption `finally` waits for `resume`; where nothing was triggered, it does not run."


def _waves(facts: PlanFacts, width: int) -> Iterator[Iterator[str]]:
    column = id_column(facts.pipeline.jobs, width)
    plan = facts.plan
    for number, wave in enumerate(plan.waves, 1):
        yield _wave(facts, f"Wave {number}", wave, column, width)
    for number, wave in enumerate(plan.finally_waves, 1):
        title = "Finally" if len(plan.finally_waves) == 1 else f"Finally, wave {number}"
        yield _wave(facts, title, wave, column, width)
    if plan.finally_waves:
        yield iter(wrapped(_AFTER_A_SIGNAL, width))


def _wave(facts: PlanFacts, title: str, wave: tuple[JobId, ...], column: int, width: int) -> Iterator[str]:
    yield title if len(wave) == 1 else f"{title}: {len(wave):,} jobs"
    for entry, names in groupby(wave, key=lambda name: name.partition("[")[0]):
        told = {name: list(job_lines(facts, facts.pipeline.jobs[name], facts.plan.jobs[name])) for name in names}
        shared = _shared(list(told.values()))
        if shared:
            yield from under_id(entry, [f"{len(told):,} jobs; for each of them:", *shared], column, width)
        for name, lines in told.items():
            yield from under_id(name, [line for line in lines if line not in shared], column, width)


def _shared(told: Sequence[Sequence[str]]) -> list[str]:
    """What is said of all combinations of a matrix alike: it is told once, where there are many of them."""
    if len(told) < _MANY_ALIKE:
        return []
    return [line for line in told[0] if all(line in lines for lines in told[1:])]


def id_column(names: Iterable[JobId], width: int) -> int:
    """The cells of a column of ids, with the gap behind it; on a narrow screen at most a third of it."""
    widest = min(_WIDEST_ID, width // 3)
    return min(widest, max((width_of(clean(name)) for name in names), default=0)) + 2


def under_id(name: str, lines: Iterable[str], column: int, width: int) -> Iterator[str]:
    """What is said of a job, beside its id; an id that is longer than the column has a line of its own."""
    shown = clean(name)
    lead = f"  {padded(shown, column)}"
    every = list(lines)
    if width_of(shown) >= column or not every:
        yield f"  {shown}"
        lead = " " * (column + 2)
    for line in every:
        yield from wrapped(line, width, lead=lead, indent=column + 4)
        lead = " " * (column + 2)


def _off(facts: PlanFacts, width: int) -> Iterator[str]:
    """The jobs that are switched off, and why."""
    off = facts.pipeline.off
    if off:
        yield "Switched off"
    column = id_column((it.id for it in off), width)
    for job in off:
        why = "enabled: false" if job.condition is None else f"enabled: {clean(job.condition)}, which is false"
        where = f", environment {clean(job.environment)}" if job.environment else ""
        of = f" of {clean(job.file)}" if job.file else ""
        yield from under_id(job.id, [f"{why}  (line {job.line}{of}{where})"], column, width)


def _totals(facts: PlanFacts, width: int) -> Iterator[str]:
    plan = facts.plan
    jobs, waves = many(sum(map(len, plan.waves)), "job"), many(len(plan.waves), "wave")
    last = sum(map(len, plan.finally_waves))
    behind = f", and {many(last, 'job')} in `finally`" if last else ""
    downstream = ", and what stands downstream of sequences" if plan.max_executions is None else ""
    yield from wrapped(f"{jobs} in {waves}{behind}; at most {most_started(plan)}{downstream}.", width, indent=2)
    way = listed(map(clean, plan.critical_path), " -> ")
    longest = f"At the longest {bound_text(plan.worst_case)}, while the server answers"
    yield from wrapped(f"{longest}; the critical path is {way}.", width, indent=2)


def _labelled(label: str, lines: Iterable[str], width: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield from wrapped(line, width, lead=f"{label if number == 0 else '':<{_LABEL}}", indent=_LABEL + 2)
