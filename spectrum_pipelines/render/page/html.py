"""The run report as one page that needs nothing else: no network, no server, and no script to be read.

Styles and script stand in the page; its content security policy names both by their digest and allows nothing else: even a text of
the report that passed for markup could do nothing.
"""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.render.page.graph import drawing
from spectrum_pipelines.render.page.jobs import job_views
from spectrum_pipelines.render.page.timeline import Axis
from spectrum_pipelines.render.report.explanation import (
    Report,
    about,
    counted,
    how_it_ended,
    next_step,
    switched_off,
    tally,
    variables,
    verdict,
    why,
)
from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.columns import width_of
from spectrum_pipelines.words.wording import JOB_LOOKS, RUN_LOOKS, many

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_CARDS = 12
_MOST_DETAILED = 2_500
_PIECES = 1_000
#: The column of names in rem: a letter takes about so much of it, the glyph and the space behind it the rest.
_LETTER, _BESIDE_NAME, _LEAST_NAME, _MOST_NAME = 0.56, 2.0, 9.0, 20.0


def html_report(report: Report) -> str:
    """A valid report as an HTML document. UTF-8."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    axis = Axis(report)
    jobs = job_views(report, axis)
    blamed = [job for job in jobs if job.needs_look]
    longest = max((width_of(job.name) for job in jobs), default=0)
    names = min(max(_LEAST_NAME, _BESIDE_NAME + longest * _LETTER), _MOST_NAME)
    style = f"{_part('report.css')}:root{{--step:{_step(axis)}%;--names:{names:g}rem}}\n"
    script = _part("report.js")
    page = _template().stream(
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        policy=_security_policy(script, style),
        look=RUN_LOOKS[RunStatus(report["status"])],
        status=report["status"],
        verdict=verdict(report),
        ended=how_it_ended(report).strip(),
        tally=tally(report),
        why=why(report),
        next=next_step(report),
        findings=[about(one) for one in report["findings"]],
        blamed=blamed[:_MOST_CARDS],
        more_blamed=len(blamed) - _MOST_CARDS,
        jobs=jobs,
        detailed=len(jobs) <= _MOST_DETAILED,
        filters=[
            (status.value, JOB_LOOKS[status], number) for status, number in counted(report["jobs"]).items() if number
        ],
        marks=axis.marks(),
        pauses=[(axis.percent(it.since), axis.percent(it.until), it.words) for it in axis.pauses],
        graph=drawing(report),
        warnings=[about(one) for one in report["warnings"]],
        run_id=clean(report["run_id"] or ""),
        facts=list(_facts(report)),
        off=switched_off(report),
        variables=[(clean(name), clean(value)) for name, value in variables(report)],
    )
    # A page of ten thousand jobs is made of a million small pieces, which take ten times its space as long as they stand apart.
    page.enable_buffering(_PIECES)
    return "".join(page)


def _step(axis: Axis) -> float:
    """Percent between two lines of the grid. None within an axis with pauses, whose marks are not evenly spread."""
    return 100.0 if axis.pauses else axis.percent(axis.step)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    pipeline, http = report["pipeline"], report["http"]
    facts: dict[str, Any] = {
        "Run": report["run_id"],
        "Run key": report["run_key"],
        "Pipeline file": pipeline["file"],
        "Server": report["server"],
        "Environment": report["environment"],
        "Only": " ".join(report["only"]),
        "Started": report["started_at"],
        "Finished": report["finished_at"],
        "Retried": many(rounds, "time") if (rounds := report.get("rounds")) else None,
        "Resumed": many(report["resumptions"], "time") if report["resumptions"] else None,
        "Git commit": pipeline["git_commit"],
        "Digest": pipeline["digest"],
        "Trace": report["trace_id"],
        "Begun by": ", ".join(f"{name} {value}" for name, value in report.get("origin", {}).items()),
        "Requests": None if http["requests"] is None else f"{http['requests']:,}, {http['retries'] or 0:,} repeated",
        "Written by": f"spectrum-pipelines {report['tool_version']}",
    }
    return ((name, clean(str(value))) for name, value in facts.items() if value)


def _security_policy(script: str, style: str) -> str:
    allowed = f"script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


@cache
def _part(name: str) -> str:
    return (files("spectrum_pipelines.render.page") / name).read_text(encoding="utf-8")


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - few runs ask for a page

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_part("report.html.jinja"))
