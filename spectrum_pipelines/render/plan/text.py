"""A plan for people, in at most 100 columns: the run as a whole, then wave by wave what each job does.

What most jobs share, their policy, stands once at the top; a job shows only where its own differs.
"""

from collections.abc import Iterable, Iterator
from textwrap import wrap

from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.durations import format_duration
from spectrum_pipelines.pipeline.model.pipeline import Concurrency
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.render.plan.job import assignment, job_lines, listed, policy_text
from spectrum_pipelines.words.clean import clean

WIDTH = 100
_LABEL = 14
_WIDEST_ID = 24


def render_text(facts: PlanFacts) -> str:
    """Write a plan as text with a line break at its end."""
    parts = [_heading(facts), _settings(facts), _policy(facts), *_waves(facts), _off(facts), _totals(facts)]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part) + "\n"


def _heading(facts: PlanFacts) -> Iterator[str]:
    yield f"{clean(facts.pipeline.name)}  ({clean(facts.file)}, {facts.digest[:19]})"
    description = facts.shown(facts.pipeline.description)
    if description:
        yield from _wrapped("", clean(description))


def _settings(facts: PlanFacts) -> Iterator[str]:
    pipeline = facts.pipeline
    yield from _labelled("Includes", list(map(clean, facts.fragments)))
    yield from _labelled("Server", [clean(facts.shown(pipeline.server.url) or "not set")])
    if pipeline.environment is not None:
        yield from _labelled("Environment", [clean(pipeline.environment)])
    if pipeline.date is not None:
        yield from _labelled("Date", [f"{pipeline.date}, in {pipeline.timezone}"])
    yield from _labelled("Variables", [assignment(*it) for it in facts.variables().items()])
    concurrency = pipeline.concurrency
    limits = [f"{format_duration(pipeline.timeout)} for jobs"] if pipeline.timeout is not None else []
    limits += [f"{format_duration(pipeline.finally_timeout)} for finally"] if facts.plan.finally_waves else []
    limits += [f"{concurrency.max_parallel:,} jobs at once"] if concurrency.max_parallel is not None else []
    yield from _labelled("Limits", [", ".join(limits)] if limits else [])
    if concurrency.group is not None:
        limit = "" if concurrency.timeout == Concurrency().timeout else f" up to {format_duration(concurrency.timeout)}"
        queue = f"waits{limit} while another run has it"
        busy = {"queue": queue, "fail": "gives up if another run has it"}
        group = clean(facts.shown(concurrency.group) or "")
        yield from _labelled("Group", [f"{group}, {busy[concurrency.behavior.value]}"])
    failed = "no further jobs start" if pipeline.fail_fast else "jobs that do not need it go on"
    yield from _labelled("On failure", [failed])
    aborted = {"stop": "running jobs are stopped", "detach": "running jobs are left to `resume`"}
    yield from _labelled("On abort", [aborted[pipeline.on_abort.value]])


def _policy(facts: PlanFacts) -> Iterator[str]:
    texts = {key: policy_text(key, value) for key, value in facts.shared_policy.items()}
    if texts:
        yield "Policy, unless a job says otherwise"
    column = max(map(len, texts.values()), default=0)
    for key, text in texts.items():
        yield f"  {key:<18}  {text:<{column}}  {facts.origins.defaults[key]}"


_AFTER_A_SIGNAL = ("After an interruption `finally` waits for `resume`; where nothing was triggered, it does not run.",)


def _waves(facts: PlanFacts) -> Iterator[Iterator[str]]:
    column = min(_WIDEST_ID, max(map(len, facts.pipeline.jobs), default=0)) + 2
    plan = facts.plan
    for number, wave in enumerate(plan.waves, 1):
        yield _wave(facts, f"Wave {number}", wave, column)
    for number, wave in enumerate(plan.finally_waves, 1):
        title = "Finally" if len(plan.finally_waves) == 1 else f"Finally, wave {number}"
        yield _wave(facts, title, wave, column)
    if plan.finally_waves:
        yield iter(_AFTER_A_SIGNAL)


def _wave(facts: PlanFacts, title: str, wave: tuple[JobId, ...], column: int) -> Iterator[str]:
    yield title if len(wave) == 1 else f"{title}: {len(wave):,} jobs"
    for name in wave:
        first, *rest = job_lines(facts, facts.pipeline.jobs[name], facts.plan.jobs[name])
        shown = clean(name)
        lead = f"  {shown:<{column}}"
        if len(shown) >= column:
            yield f"  {shown}"
            lead = "  " + " " * column
        yield from _wrapped(lead, first)
        for line in rest:
            yield from _wrapped("  " + " " * column, line)


def _off(facts: PlanFacts) -> Iterator[str]:
    """The jobs that are switched off, and why."""
    off = facts.pipeline.off
    if off:
        yield "Switched off"
    column = min(_WIDEST_ID, max((len(it.id) for it in off), default=0)) + 2
    for job in off:
        why = "enabled: false" if job.condition is None else f"enabled: {clean(job.condition)}, which is false"
        where = f", environment {clean(job.environment)}" if job.environment else ""
        of = f" of {clean(job.file)}" if job.file else ""
        yield from _wrapped(f"  {clean(job.id):<{column}}", f"{why}  (line {job.line}{of}{where})")


def _totals(facts: PlanFacts) -> Iterator[str]:
    plan = facts.plan
    jobs, waves = _count(sum(map(len, plan.waves)), "job"), _count(len(plan.waves), "wave")
    last = sum(map(len, plan.finally_waves))
    behind = f", and {_count(last, 'job')} in the end" if last else ""
    yield f"{jobs} in {waves}{behind}; at most {_count(plan.max_executions, 'execution')}."
    known = plan.worst_case is not None
    longest = (
        f"At the longest {format_duration(plan.worst_case or 0.0)}" if known else "Nothing bounds the time it takes"
    )
    way = listed(map(clean, plan.critical_path), " -> ")
    yield from _wrapped("", f"{longest}; the critical path is {way}.")


def _labelled(label: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield from _wrapped(f"{label if number == 0 else '':<{_LABEL}}", line)


def _wrapped(lead: str, text: str) -> list[str]:
    return wrap(
        text,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=" " * (len(lead) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [lead.rstrip()]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
