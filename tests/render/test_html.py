import json
import re
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest
from lxml import html as reader

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.render.page.graph import Drawing, boxes, drawing
from spectrum_pipelines.render.page.html import html_report
from spectrum_pipelines.render.page.timeline import Axis, phases
from tests.browser.nights import large, morning
from tests.render.foreign import checked, is_harmless, poisoned
from tests.report.runs import (
    RUNS,
    Run,
    begun,
    ended,
    interrupted_run,
    job,
    pipeline,
    run_ended,
    running_run,
    succeeded_run,
    triggered,
    unfit_run,
    unknown_run,
)

EVERY = {**RUNS, "morning": lambda: morning(fails=True)}


def read(report: dict[str, Any]) -> reader.HtmlElement:
    return reader.document_fromstring(html_report(report))


def texts(page: reader.HtmlElement, selector: str) -> list[str]:
    """The texts of what has this class, white space joined."""
    found = page.xpath(f"//*[contains(concat(' ', @class, ' '), ' {selector} ')]")
    return [text(one) for one in found]


def text(node: Any) -> str:
    """All words of an element, a space between them."""
    return " ".join(" ".join(node.itertext()).split())


def test_a_failed_run_explains_itself() -> None:
    page = read(morning(fails=True).report())
    assert page.findtext(".//title") == "✗ nightly-sales failed"
    assert page.findtext(".//h1") == "nightly-sales failed"
    assert texts(page, "ended") == ["after 5m 02s (exit code 1) · 7 jobs: 1 failed, 4 succeeded, 2 skipped"]
    assert texts(page, "why") == ["1 of 7 jobs did not succeed: sales"]
    retry = "spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080"
    assert texts(page, "next") == [f"Next find out why and mend it, then: {retry}"]
    (card,) = texts(page, "card")
    assert card == (
        "✗ sales failed after 2m 57s execution 822 ended ERROR: 3,410 failed records, expected at most 0 "
        "attempt 1 failed: execution 817 ended ERROR: 3,412 failed records, expected at most 0 "
        "Execution 822 Where pipelines/nightly-sales.yaml:16 Sequence /Data/sales.imp "
        "Look spectrum-pipelines job details 822 --server http://127.0.0.1:8080"
    )


def test_each_job_can_be_unfolded() -> None:
    page = read(morning(fails=True).report())
    sales = text(page.get_element_by_id("job-2"))
    for told in (
        "sales failed 822 2m 57s 7 + 44,590, 3,410 failed",
        "sequence /Data/sales.imp in pipelines/nightly-sales.yaml:16",
        "needs orders , customers",
        "1 817 ERROR 22s 1m 05s 44,588, 3,412 failed IMPORT_RECORDS 44,588 Jul 18, 2018 1:46:38",
        "policy timeout 2h, queue_timeout 30m, warnings succeed, on_running fail, on_timeout stop, on_ambiguous unknown",
        "retry.limit 2, retry.interval 30s, factor 2, retry.when failed or timed_out",
    ):
        assert told in sales
    assert "run_if: any_failed" in text(page.get_element_by_id("job-5"))
    assert "finally" in text(page.get_element_by_id("job-6"))


ROWS = [
    pytest.param(succeeded_run, "customers warned", id="warnings are visible"),
    pytest.param(succeeded_run, "data 272: marked, 273: already gone", id="deletions"),
    pytest.param(interrupted_run, "Next spectrum-pipelines resume 20261123T150405Z-7f3a", id="the next command"),
    pytest.param(unknown_run, "candidates: execution 21, 22", id="what to choose from"),
    pytest.param(unfit_run, "sales: 51 already runs as execution 9 (RUNNING)", id="findings"),
    pytest.param(running_run, "Warnings orders: execution 11 has the status 'ODD'", id="warnings of the run"),
    pytest.param(succeeded_run, "Variables region emea token ***", id="variables, secrets masked"),
    pytest.param(succeeded_run, "Requests 17, 0 repeated", id="requests"),
]


@pytest.mark.parametrize(("make", "told"), ROWS)
def test_every_run_says(make: Callable[[], Run], told: str) -> None:
    assert told in text(read(make().report()).body)


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_the_page_needs_nothing_else(make: Callable[[], Run]) -> None:
    page = read(make().report())
    addresses = [one for name in ("href", "src", "srcset", "action", "data") for one in page.xpath(f"//@{name}")]
    assert addresses
    assert all(re.fullmatch(r"#job-\d+|data:,", one) for one in addresses)
    assert "url(" not in page.findtext(".//style", "")
    assert "@import" not in page.findtext(".//style", "")


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_every_link_leads_somewhere(make: Callable[[], Run]) -> None:
    page = read(make().report())
    assert {one.removeprefix("#") for one in page.xpath("//a/@href")} <= set(page.xpath("//@id"))
    ids = page.xpath("//@id")
    assert len(set(ids)) == len(ids)


def test_the_security_policy_names_style_and_script_and_nothing_else() -> None:
    page = read(succeeded_run().report())
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    digests = [
        b64encode(sha256(page.findtext(f".//{it}", "").encode()).digest()).decode() for it in ("script", "style")
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not page.xpath("//@style")


KNOWN = {
    *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "section", "article", "script"),
    *("div", "span", "p", "h1", "h2", "h3", "small", "ul", "li", "dl", "dt", "dd", "b", "i", "a", "code"),
    *("button", "input", "details", "summary", "table", "tr", "th", "td", "svg", "rect", "text", "path"),
}


@pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
def test_49_foreign_texts_are_texts(make: Callable[[], Run]) -> None:
    page, calm = read(poisoned(make().report())), read(make().report())
    assert {one.tag for one in page.iter() if isinstance(one.tag, str)} <= KNOWN
    assert not [name for one in page.iter() for name in one.attrib if str(name).startswith("on")]
    assert len(page.xpath("//script")) == 1
    assert page.findtext(".//script") == calm.findtext(".//script")
    assert "<img onerror=alert(1)>" in page.findtext(".//h1", "")
    assert all(is_harmless(line.lstrip()) for line in html_report(poisoned(make().report())).splitlines())


def test_a_page_is_the_same_each_time() -> None:
    report = morning(fails=True).report()
    assert html_report(report) == html_report(json.loads(json.dumps(report)))


def test_two_thousand_jobs_are_a_small_page_soon() -> None:
    report = large(2_000).report()
    html_report(large(5).report())  # the template is read once
    begin = time.process_time()
    page = html_report(report)
    assert time.process_time() - begin < 2.0
    assert len(page.encode()) < 3_000_000


def test_of_very_many_jobs_those_that_went_wrong_can_be_unfolded() -> None:
    run = begun(pipeline(*(job(f"j{at}") for at in range(3_000))))
    for at, name in enumerate(run.state.jobs):
        run.add(
            ev.AttemptStarted(job=name, attempt=1), *ended(name, JobStatus.FAILED if at == 7 else JobStatus.SUCCEEDED)
        )
    page = html_report(run.add(run_ended(RunStatus.FAILED, 1)).report())
    assert page.count('<div class="more">') == 1
    assert len(page.encode()) < 3_000_000


def words(report: dict[str, Any], at: int) -> list[tuple[str, str]]:
    axis = Axis(report)
    return [(one.words, one.status.value) for one in phases(report["jobs"][at], axis)]


def test_where_the_time_of_a_job_went() -> None:
    report = morning(fails=True).report()
    assert words(report, 0) == [("waited in the queue 14s", "succeeded"), ("ran 1m 33s", "succeeded")]
    assert words(report, 1) == [
        ("waited in the queue 23s", "failed"),
        ("ran 31s", "failed"),
        ("waited 30s before attempt 2", "succeeded"),
        ("waited in the queue 3.0s", "succeeded"),
        ("ran 32s", "succeeded"),
    ]
    assert words(report, 3) == []
    assert words(report, 6) == [("ran 0.4s", "succeeded")]


def test_what_still_runs_goes_on_to_the_end_of_the_page() -> None:
    report = running_run().report()
    axis = Axis(report)
    assert axis.span == 11.5
    assert [(one.kind, one.since, one.until) for one in phases(report["jobs"][0], axis)] == [
        ("wait", 0.5, 1.5),
        ("run", 1.5, 11.5),
    ]


SPANS = [
    pytest.param(0.0, ["0s"], id="nothing"),
    pytest.param(0.5, ["0s", "0.1s", "0.2s", "0.3s", "0.4s", "0.5s"], id="parts of a second"),
    pytest.param(12.0, ["0s", "2s", "4s", "6s", "8s", "10s", "12s"], id="seconds"),
    pytest.param(302.0, ["0s", "1m", "2m", "3m", "4m", "5m"], id="minutes"),
    pytest.param(45 * 60, ["0s", "10m", "20m", "30m", "40m"], id="tens of minutes"),
    pytest.param(9000, ["0s", "30m", "1h", "1h 30m", "2h", "2h 30m"], id="half hours"),
    pytest.param(30 * 86400.0, ["0s", "6d", "12d", "18d", "24d", "30d"], id="days"),
]


@pytest.mark.parametrize(("span", "names"), SPANS)
def test_marks_are_round_numbers(span: float, names: list[str]) -> None:
    marks = Axis({**succeeded_run().report(), "jobs": [], "duration_seconds": span}).marks()
    assert [name for _, name in marks] == names
    assert all(0 <= place <= 100 for place, _ in marks)


ODD = [
    pytest.param({"accepted_at": "2026-99-99T99:99:99.000Z"}, id="no time at all"),
    pytest.param({"ended_at": "0001-01-01T00:00:00.000Z"}, id="an end before the beginning"),
    pytest.param({"ended_at": "9999-12-31T23:59:59.999Z"}, id="an end in eternity"),
    pytest.param({"running_at": "2026-11-23T23:00:00.000Z"}, id="it ran after it had ended"),
    pytest.param({"attempt": 10**30, "execution_id": -(10**30)}, id="absurd numbers"),
]


@pytest.mark.parametrize("changes", ODD)
def test_foreign_times_may_be_odd(changes: dict[str, Any]) -> None:
    report = json.loads(json.dumps(morning(fails=True).report()))
    for one in report["jobs"]:
        one["executions"] = [{**it, **changes} for it in one["executions"]]
        one["execution_id"] = one["executions"][-1]["execution_id"] if one["executions"] else None
    page = read(checked(report))
    for bar in page.xpath("//rect[contains(@x, '%')]"):
        x, width = (float(bar.get(name, "").removesuffix("%")) for name in ("x", "width"))
        assert 0 <= x <= x + width <= 100.2


def test_foreign_policies_may_be_absurd() -> None:
    report = json.loads(json.dumps(succeeded_run().report()))
    report["jobs"][0]["policy"] |= {"timeout": 1e300, "queue_timeout": 1e300}
    assert "timeout 1e+300s" in html_report(checked(report))


def shape(*jobs: dict[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    report = succeeded_run().report()
    return {**report, "jobs": [{**report["jobs"][0], **one} for one in jobs], "critical_path": list(path)}


def columns(report: dict[str, Any]) -> list[int]:
    """The column of each job, from 0."""
    nodes = drawing(report).nodes
    places = sorted({node.x for node in nodes})
    return [places.index(node.x) for node in nodes]


def test_a_job_stands_to_the_right_of_what_it_needs() -> None:
    assert columns(morning(fails=True).report()) == [0, 0, 1, 2, 2, 2, 3]


def test_the_critical_path_is_drawn_even_where_nobody_wrote_a_need() -> None:
    edges = drawing(morning(fails=True).report()).edges
    assert [(one.is_critical, one.is_implied) for one in edges].count((True, False)) == 2
    assert [(one.is_critical, one.is_implied) for one in edges].count((True, True)) == 1
    assert len(edges) == 6


def test_circles_and_needs_that_are_no_jobs_are_drawn_as_far_as_they_can_be() -> None:
    a, b, c = {"id": "a", "needs": ["b"]}, {"id": "b", "needs": ["a"]}, {"id": "c", "needs": ["x", "c"]}
    report = shape(a, b, c, {"id": "d", "needs": []})
    assert columns(report) == [1, 1, 1, 0]
    assert "job-3" in html_report(report)


def test_no_two_jobs_stand_in_one_place() -> None:
    for number in (1, 30, 200, 2_000):
        graph = drawing(large(number).report())
        assert len({(node.x, node.y) for node in graph.nodes}) == number
        assert all(node.x + graph.size.width < graph.width for node in graph.nodes)
        assert all(node.y > 0 and node.y + graph.size.height < graph.height for node in graph.nodes)
        assert graph.has_names is (number <= 250)


def test_needs_too_many_to_draw_are_counted() -> None:
    first = [{"id": f"a{at}", "needs": []} for at in range(60)]
    second = [{"id": f"b{at}", "needs": [one["id"] for one in first]} for at in range(60)]
    report = shape(*first, *second, path=("a0", "b0"))
    graph = drawing(report)
    assert (len(graph.edges), graph.hidden) == (1, 3_599)
    assert "3599 needs are not drawn" in html_report(report)


def test_a_report_without_jobs_is_a_page() -> None:
    page = read(shape())
    assert texts(page, "graph") == []
    assert page.findtext(".//h1") == "nightly-sales succeeded"


def test_two_jobs_of_one_name_are_two_jobs() -> None:
    report = shape({"id": "a", "status": "failed"}, {"id": "a"}) | {"status": "failed", "exit_code": 1, "reason": "a"}
    page = read(report)
    assert [one.split(" Execution")[0] for one in texts(page, "card")] == ["✗ a failed after 4.0s"]
    assert page.xpath("//article//h3/a/@href") == ["#job-0"]


def test_what_was_adopted_says_how() -> None:
    run = begun(pipeline(job("a"))).add(*triggered("a", 11))
    run.add(*ended("a", JobStatus.UNKNOWN, "?", cause=Cause.AMBIGUOUS), run_ended(RunStatus.UNKNOWN, 5))
    report = json.loads(json.dumps(run.report()))
    report["jobs"][0]["executions"][0] |= {"adopted": True, "adopted_by": "settled"}
    assert "settled by hand as QUEUED" in text(read(checked(report)))


@pytest.mark.parametrize(
    ("longest", "width", "letters"),
    [
        pytest.param(3, 120, 11, id="short names: a box that can be hit"),
        pytest.param(24, 214, 24, id="as wide as the name"),
        pytest.param(200, 330, 39, id="and no wider than a page bears"),
    ],
)
def test_a_box_of_the_graph_is_as_wide_as_the_longest_name(longest: int, width: int, letters: int) -> None:
    size = boxes(["a", "x" * longest])
    assert size.width == width
    drawn = Drawing(nodes=[], edges=[], size=size, width=0, height=0, hidden=0)
    assert drawn.letters == letters


def taken_up(*busy: tuple[float, float], **more: Any) -> Axis:
    """The axis of a run whose executions ran in these stretches."""

    def at(seconds: float) -> str:
        return f"{datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S.000Z}"

    executions = [{"accepted_at": at(since), "ended_at": at(until)} for since, until in busy]
    job = {"executions": executions, "finished_at": None}
    facts = {"started_at": at(0), "duration_seconds": busy[-1][1], "jobs": [job], "resumptions": 0}
    return Axis({**facts, **more})


def test_a_night_between_two_rounds_is_drawn_short() -> None:
    axis = taken_up((1, 60), (28_800, 28_860), rounds=1)
    (pause,) = axis.pauses
    assert pause.words == "nothing ran for 7h 59m"
    places = [axis.percent(seconds) for seconds in (0, 60, 28_800, 28_860)]
    assert places[0] == 0
    assert places[3] == 100
    assert places[1] == pytest.approx(48, abs=1)
    assert places[2] - places[1] == pytest.approx(4, abs=0.5)
    marks = axis.marks()
    assert [name for _, name in marks] == ["0s", "30s", "1m", "8h", "8h 01m"]
    assert all(after - before >= 10 for (before, _), (after, _) in pairwise(marks))


PAUSES = [
    pytest.param({}, ((1, 60), (28_800, 28_860)), 0, id="one process: what was is shown"),
    pytest.param({"resumptions": 1}, ((1, 600), (650, 900)), 0, id="short: shown as it was"),
    pytest.param({"resumptions": 1}, ((1, 60), (400, 500), (900, 1000)), 2, id="two"),
    pytest.param({"rounds": 1}, ((600, 700),), 0, id="before anything ran"),
    pytest.param({"rounds": 1}, ((1, 2000), (10, 20), (1999, 2100)), 0, id="something always ran"),
]


@pytest.mark.parametrize(("more", "busy", "number"), PAUSES)
def test_pauses(more: dict[str, Any], busy: tuple[tuple[float, float], ...], number: int) -> None:
    axis = taken_up(*busy, **more)
    assert len(axis.pauses) == number
    places = [axis.percent(seconds) for stretch in busy for seconds in stretch]
    assert all(0 <= place <= 100 for place in places)
    if number:
        assert places == sorted(places)
