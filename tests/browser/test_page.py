import base64
from collections.abc import Callable
from typing import Any

import pytest

from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.render.page.html import html_report
from tests.browser.conftest import Open, Page
from tests.browser.nights import large, morning
from tests.render.foreign import poisoned
from tests.report.runs import RUNS, Run, job, pipeline, run_ended, started, unknown_run

ROWS = ".jobs > details"
NAMES = f"{ROWS} .name"


@pytest.fixture(scope="module")
def failed() -> dict[str, Any]:
    return morning(fails=True).report()


@pytest.fixture(scope="module")
def two_thousand() -> dict[str, Any]:
    return large(2_000).report()


def names(page: Page) -> list[str]:
    """The jobs that are shown, without their glyphs."""
    return [text[1:].strip() for text in page.texts(NAMES)]


@pytest.mark.parametrize("make", [*RUNS.values(), lambda: morning(fails=False)], ids=[*RUNS, "morning"])
def test_every_page_is_quiet_and_asks_for_nothing(visit: Open, make: Callable[[], Run]) -> None:
    page = visit(make().report())
    assert page.complaints() == []
    assert page.requests() == [page.path.as_uri()]


def test_the_verdict_and_what_to_do_come_first(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    places = page.js(
        "return ['.next', 'h1', '.why', '.card .reason', '.jobs', '.graph', '.about']"
        ".map(s => document.querySelector(s).getBoundingClientRect().top)"
    )
    assert places == sorted(places)
    assert places[3] < 300
    assert page.texts("h1") == ["nightly-sales failed"]
    assert page.texts(".card .reason") == ["execution 822 ended ERROR: 3,410 failed records, expected at most 0"]
    assert page.texts(".next code") == ["spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080"]
    assert page.texts(".card dd")[1] == "pipelines/nightly-sales.yaml:16"


def test_49_a_job_named_like_markup_is_text(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(poisoned(failed))
    assert page.complaints() == []
    assert page.requests() == [page.path.as_uri()]
    assert page.js("return document.querySelectorAll('img, iframe, object, form, main script').length") == 0
    assert page.js("return document.querySelectorAll('script').length") == 1
    assert "<img onerror=alert(1)>" in page.one("h1").text
    page.one("#unfold").click()
    assert page.js("return document.querySelectorAll('details[open]').length") == 7
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")


def test_a_script_that_slipped_in_would_not_run(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    body = "const s = document.createElement('script'); s.textContent = 'window.slipped = 1'; document.body.append(s);"
    page.js(f"{body} document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.slipped = 2\">')")
    assert page.js("return window.slipped ?? null") is None
    complaints = page.complaints()
    assert len(complaints) == 3  # the script, the image, and what the image would have done
    assert all("Content Security Policy" in told for told in complaints)


def test_the_search_filters(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    page.press("/pub em")
    assert names(page) == ["publish[emea]"]
    page.press("x")
    assert names(page) == []
    assert page.texts(".none") == ["No job matches."]
    page.press("\ue00c")  # Escape
    assert len(names(page)) == 7
    page.press("822")
    assert names(page) == ["sales"]


def test_the_statuses_filter(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    assert [text.split() for text in page.texts(".chip[data-status]")][:3] == [
        ["✓", "succeeded", "4"],
        ["✗", "failed", "1"],
        ["-", "skipped", "2"],
    ]
    page.one(".chip.skipped").click()
    assert names(page) == ["publish[emea]", "publish[apac]"]
    page.one(".chip.failed").click()
    assert names(page) == ["sales", "publish[emea]", "publish[apac]"]
    assert page.one(".chip.failed").get_attribute("aria-pressed") == "true"
    page.one(".chip.path").click()
    assert names(page) == ["sales"]


def test_what_took_its_time_is_told_on_touch(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    page.hover("#job-1 .lane")
    (told,) = page.texts("#tip")
    assert told.startswith("customers succeeded: waited in the queue 23s, ran 31s, waited 30s before attempt 2, waited")
    page.hover("h1")
    assert page.texts("#tip") == []


def test_it_works_by_keyboard_alone(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    page.js("document.querySelector('#job-2 > summary').focus()")
    page.press("\ue007")  # Enter
    assert page.js("return document.querySelector('#job-2').open")
    assert "44,590, 3,410 failed" in page.one("#job-2 table").text
    assert "timeout 2h, queue_timeout 30m" in page.one("#job-2 .policy").text
    page.press("\ue004")  # Tab: the first thing to copy in the job
    page.press("\ue007")
    assert page.js("return document.activeElement.matches('.copy.done')")
    reached = page.js(
        "return [...document.querySelectorAll('a, button, input, summary')]"
        ".filter(e => e.checkVisibility() && e.tabIndex < 0).length"
    )
    assert reached == 0


def test_a_link_opens_its_job_even_if_a_filter_hides_it(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed)
    page.one(".chip.skipped").click()
    page.one(".card h3 a").click()
    assert "sales" in names(page)
    assert page.js("return document.querySelector('#job-2').open")
    again = visit(failed, anchor="#job-1")
    assert again.js("return document.querySelector('#job-1').open")


def test_ids_and_commands_are_copied(visit: Open) -> None:
    page = visit(unknown_run().report())
    page.devtools("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    page.one(".next .copy").click()
    copied = page.driver.execute_async_script(
        "const done = arguments[0]; navigator.clipboard.readText().then(done, e => done(String(e)))"
    )
    assert copied == "spectrum-pipelines adopt 20261123T150405Z-7f3a orders EXECUTION_ID --server http://127.0.0.1:8080"


@pytest.mark.parametrize(("scheme", "is_light"), [("light", True), ("dark", False)])
def test_it_is_light_or_dark_as_the_reader_is(
    visit: Open, failed: dict[str, Any], scheme: str, *, is_light: bool
) -> None:
    page = visit(failed, scheme=scheme)
    shades = page.js("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(shades) > 380) is is_light


_CONTRASTS = """
const shades = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
const light = (color) => shades(color).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
const ground = (e) => { while (getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
  return getComputedStyle(e).backgroundColor; };
return [...document.querySelectorAll('h1, p, dt, dd, td, th, a, button, .name, .word, .number, li')]
  .filter(e => e.checkVisibility() && e.innerText && !e.closest('svg')).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.outerHTML.slice(0, 80)];
  }).sort((x, y) => x[0] - y[0])[0];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["failed", "interrupted", "unknown", "succeeded"])
def test_every_text_stands_out_from_its_ground(visit: Open, name: str, scheme: str) -> None:
    page = visit(RUNS[name]().report(), scheme=scheme)
    page.one("#unfold").click()
    least, where = page.js(_CONTRASTS)
    assert least >= 4.5, where


@pytest.mark.parametrize("width", [320, 420, 800, 1280, 2000])
def test_no_window_is_too_narrow(visit: Open, failed: dict[str, Any], width: int) -> None:
    for report in (failed, poisoned(failed)):
        page = visit(report, width=width)
        page.one("#unfold").click()
        assert page.js("return document.documentElement.scrollWidth <= innerWidth"), report["status"]


def test_it_can_be_read_without_its_script(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed, scripts=False)
    page.devtools("Emulation.setScriptExecutionDisabled", value=False)  # for the questions, not for the page
    assert page.js("return document.documentElement.className") == ""
    assert page.texts(".tools") == []
    assert len(names(page)) == 7
    page.one("#job-2 > summary").click()
    assert "44,590, 3,410 failed" in page.one("#job-2 table").text


def test_it_prints_with_what_failed_unfolded(visit: Open, failed: dict[str, Any]) -> None:
    page = visit(failed, scheme="dark", media="print")
    document = base64.b64decode(page.devtools("Page.printToPDF", printBackground=True)["data"])
    assert document.startswith(b"%PDF-")
    assert document.count(b"/Type /Page\n") in {1, 2, 3}
    assert page.js("return [...document.querySelectorAll('details[open]')].map(e => e.id)") == ["job-2"]
    assert page.js("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_two_hundred_jobs_can_be_read(visit: Open) -> None:
    page = visit(large(200).report())
    assert page.complaints() == []
    assert len(names(page)) == 200
    assert page.js("return document.querySelectorAll('.graph text:not(.glyph)').length") == 200
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")


def test_two_thousand_jobs_take_less_than_a_second(visit: Open, two_thousand: dict[str, Any]) -> None:
    page = visit({**two_thousand, "jobs": two_thousand["jobs"][:1]})
    # CPU time of the page's thread, so that whatever else this machine does is not counted.
    page.devtools("Performance.enable", timeDomain="threadTicks")
    before = _busy(page)
    page.driver.get(_written(page, two_thousand))
    assert page.js("return document.querySelectorAll('.jobs > details').length") == 2_000
    opened = _busy(page) - before
    page.press("/sum-17")
    assert len(names(page)) > 10
    filtered = _busy(page) - before - opened
    page.devtools("Performance.disable")
    assert opened < 1.0
    assert filtered < 1.0


def _written(page: Page, report: dict[str, Any]) -> str:
    page.path.write_text(html_report(report), encoding="utf-8")
    return page.path.as_uri()


def _busy(page: Page) -> float:
    metrics = {one["name"]: one["value"] for one in page.devtools("Performance.getMetrics")["metrics"]}
    return float(metrics["TaskDuration"])


def test_what_is_told_of_an_unknown_is_told_on_the_page_too(visit: Open) -> None:
    page = visit(unknown_run().report())
    assert page.texts(".card dt")[-2:] == ["Look", "If it never started"]
    assert page.texts(".card dd")[-1].startswith("spectrum-pipelines adopt 20261123T150405Z-7f3a orders --none ")


@pytest.mark.parametrize("width", [390, 1440])
def test_a_command_breaks_between_its_words_only(visit: Open, failed: dict[str, Any], width: int) -> None:
    page = visit(failed, width=width)
    broken = "return [...document.querySelectorAll('.copy span')].filter(one => one.offsetHeight > 30).map(one => one.innerText)"
    assert page.js(broken) == []
    assert page.js("return document.querySelector('.next .copy').textContent").startswith(
        "spectrum-pipelines retry 2026"
    )


def test_a_long_name_is_whole_where_its_job_is_open(visit: Open) -> None:
    name = "customers-of-the-whole-world-" * 3
    report = Run(pipeline(job(name))).add(started(), run_ended(RunStatus.INTERRUPTED, 130)).report()
    page = visit(report, width=390)
    cut = "const one = document.querySelector('#job-0 .name'); return one.scrollWidth > one.clientWidth"
    assert page.js(cut)
    page.one("#job-0 summary").click()
    assert not page.js(cut)


def test_a_wide_graph_is_whole_on_paper(visit: Open) -> None:
    page = visit(large(60).report(), width=1000, media="print")
    assert page.js(
        "const svg = document.querySelector('.graph svg'); const box = svg.getBoundingClientRect();"
        "const last = Math.max(...[...svg.querySelectorAll('rect')].map(one => one.getBoundingClientRect().right));"
        "return box.width <= svg.parentElement.clientWidth && last <= box.right + 1"
    )
