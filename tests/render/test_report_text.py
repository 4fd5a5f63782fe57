import copy
from collections.abc import Callable
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.render.report.text import report_text
from spectrum_pipelines.words.columns import cut, width_of
from spectrum_pipelines.words.wording import (
    ADOPTED,
    JOB_LOOKS,
    RUN_LOOKS,
    can_show_glyphs,
    counts_in_words,
    many,
    paint,
    span_in_words,
)
from tests.report.runs import (
    RUNS,
    Run,
    begun,
    changed,
    ended,
    failed_run,
    finished,
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


def text_of(run: Run, *, color: bool = False, width: int = 100, glyphs: bool = True) -> str:
    return report_text(run.report(), color=color, width=width, glyphs=glyphs)


def test_a_failed_run_explains_itself() -> None:
    assert text_of(failed_run()) == (
        "✗ nightly-sales failed after 40s (exit code 1)\n"
        "  6 jobs: 1 failed, 3 succeeded, 2 skipped\n"
        "  run 20261123T150405Z-7f3a of pipelines/nightly-sales.yaml on http://127.0.0.1:8080\n"
        "\n"
        "JOB          STATUS     EXECUTION  DURATION      RECORDS  REASON\n"
        "✓ orders     succeeded  11             4.0s            7\n"
        "✓ customers  succeeded  12             4.0s            7\n"
        "✗ sales      failed     13, 14          34s  0, 3 failed  execution 14 ended ERROR, 3 failed records\n"
        "- copy       skipped                                      sales failed\n"
        "✓ alert      succeeded  15             1.0s            7\n"
        "- cleanup    skipped                                      timeouts.finally is over\n"
        "\n"
        "1 of 6 jobs did not succeed: sales\n"
        "  ✗ sales failed (pipelines/nightly-sales.yaml:14, sequence /Data/sales.imp)\n"
        "      execution 14 ended ERROR, 3 failed records\n"
        "      attempt 1 failed: execution 13 ended ERROR, 3 failed records\n"
        "      look: spectrum-pipelines job details 14 --server http://127.0.0.1:8080\n"
        "\n"
        "Next: find out why and mend it, then:\n"
        "  spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080\n"
    )


def test_a_succeeded_run_is_short() -> None:
    text = text_of(succeeded_run())
    assert text.startswith("✓ nightly-sales succeeded after 14s\n")
    assert "Next" not in text
    assert "7, 2 failed" in text


ENDS = [
    pytest.param(unfit_run, "the pre-flight stopped the run before anything was triggered:", id="pre-flight"),
    pytest.param(unfit_run, "  sales: 51 already runs as execution 9 (RUNNING)", id="each finding"),
    pytest.param(unfit_run, "Next: nothing was triggered: mend that first", id="nothing happened"),
    pytest.param(interrupted_run, "Next: spectrum-pipelines resume 20261123T150405Z-7f3a", id="resume"),
    pytest.param(
        interrupted_run, "`finally` has not run: it does when the run is resumed", id="the clean-up is to come"
    ),
    pytest.param(interrupted_run, "customers unknown (pipelines/", id="an unknown is never allowed"),
    pytest.param(interrupted_run, "execution 11 may still run", id="what may still run is named"),
    pytest.param(unknown_run, "candidates: execution 21, 22", id="what to choose from"),
    pytest.param(unknown_run, "Next: spectrum-pipelines adopt 20261123T150405Z-7f3a orders EXECUTION_ID", id="adopt"),
    pytest.param(running_run, "▸ nightly-sales running after 12s", id="a run that goes on"),
    pytest.param(running_run, "warning: orders: execution 11 has the status 'ODD'", id="warnings"),
]


def left_running(status: JobStatus = JobStatus.TIMED_OUT, cause: Cause = Cause.TIMEOUT, code: int = 4) -> Run:
    """A run whose only job still runs on the server after its end."""
    run = begun(pipeline(job("load"))).add(*triggered("load", 11, target="/Data/load.imp"), changed("load", 11))
    run.add(*ended("load", status, "so", cause=cause))
    return run.add(run_ended(RunStatus.TIMED_OUT if code == 4 else RunStatus.UNKNOWN, code))


def test_what_a_time_limit_left_running_comes_with_its_stop_and_a_retry_for_afterwards() -> None:
    told = text_of(left_running(), width=200)
    on = "--server http://127.0.0.1:8080"
    assert f"if it is to end: spectrum-pipelines job stop /Data/load.imp {on}\n" in told
    assert told.endswith(
        "Next: look first: what is named here may still run on the server; when it has ended:\n"
        f"  spectrum-pipelines retry 20261123T150405Z-7f3a {on}\n"
    )


def test_a_refused_login_is_mended_before_the_run_is_resumed() -> None:
    told = text_of(left_running(JobStatus.UNKNOWN, Cause.UNAUTHORIZED, 5))
    assert (
        told.splitlines()[-2] == "Next: mend login, certificate or rights first (repeated tries lock accounts), then:"
    )
    assert told.splitlines()[-1].startswith("  spectrum-pipelines resume")
    assert "Next: spectrum-pipelines resume" in text_of(left_running(JobStatus.UNKNOWN, Cause.SILENCE, 5))


@pytest.mark.parametrize(("make", "line"), ENDS)
def test_every_end_has_its_explanation(make: Callable[[], Run], line: str) -> None:
    assert line in text_of(make())


def allowed_failure() -> Run:
    run = begun(pipeline(job("a", allow_failure=True), job("b")))
    return run.add(
        *(event for name in "ab" for event in (*triggered(name, 1), *ended(name, JobStatus.FAILED, "ERROR")))
    )


def test_an_allowed_failure_is_told_as_such() -> None:
    text = text_of(allowed_failure().add(run_ended(RunStatus.FAILED, 1)))
    assert "a failed, which is allowed (" in text
    assert "b failed (" in text


def test_a_run_that_is_special_says_how() -> None:
    report = running_run().report()
    report |= {"environment": "prod", "only": ["+a", "b"], "resumptions": 2, "duration_seconds": None}
    text = report_text(report, color=False, width=200)
    assert ", environment prod, only +a b on http://127.0.0.1:8080, resumed 2 times\n" in text


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_the_table_fits_the_screen(make: Callable[..., Run], width: int) -> None:
    lines = text_of(make(), width=width).split("\n\n")[1].splitlines()
    assert all(width_of(line) <= width for line in lines) or not lines[0].startswith("JOB")


def narrow(width: int) -> list[str]:
    """The table of a run with a long name and a job that was skipped."""
    run = begun(pipeline(job("customers-of-the-whole-world-" * 2), job("copy")))
    long, short = run.state.jobs
    run.add(*triggered(long, 123), finished(long, 123), *ended(long))
    run.add(ev.JobSkipped(job=short, cause=Cause.UPSTREAM, reason="sales failed", tainted=True))
    return text_of(run.add(run_ended(RunStatus.SUCCEEDED, 0)), width=width).split("\n\n")[1].splitlines()


WIDTHS = [
    pytest.param(60, ["JOB", "STATUS", "EXECUTION", "REASON"], 24, id="60: the reason stays, the id, too"),
    pytest.param(
        80, ["JOB", "STATUS", "EXECUTION", "DURATION", "RECORDS", "REASON"], 25, id="80: all of it, the name is cut"
    ),
    pytest.param(
        100, ["JOB", "STATUS", "EXECUTION", "DURATION", "RECORDS", "REASON"], 44, id="100: the name has its limit"
    ),
]


@pytest.mark.parametrize(("width", "titles", "name"), WIDTHS)
def test_on_a_narrow_screen_names_shrink_before_columns_go(width: int, titles: list[str], name: int) -> None:
    head, long, skipped = narrow(width)
    assert head.split() == titles
    assert head.index("STATUS") == name + 2
    assert long.startswith("✓ customers-of-")
    assert skipped.endswith("sales failed")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_prose_wraps_under_its_indent_and_commands_do_not(width: int) -> None:
    lines = text_of(failed_run(), width=width).splitlines()
    long = [line for line in lines if width_of(line) > width]
    assert all("spectrum-pipelines " in line or "/nightly-sales.yaml:14:" in line for line in long)
    assert any(line == "      look: spectrum-pipelines job details 14 --server http://127.0.0.1:8080" for line in lines)


def test_the_last_line_is_the_command_and_the_report_stands_above() -> None:
    report = failed_run().report()
    text = report_text(report, color=False, width=100, kept="out/report.json")
    assert "\n  report out/report.json\n" in text
    assert text.splitlines()[-1] == f"  {report['next']}"


def test_after_a_failed_preflight_no_table_repeats_that_nothing_ran() -> None:
    assert "JOB" not in text_of(unfit_run())


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_ascii_stands_in_for_glyphs(make: Callable[..., Run]) -> None:
    assert text_of(make(), glyphs=False).isascii()


def test_colour_changes_nothing_but_colour() -> None:
    painted = text_of(failed_run(), color=True)
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[1m", "\x1b[0m"):
        assert code in painted
        painted = painted.replace(code, "")
    assert painted == text_of(failed_run())


def test_of_ten_thousand_jobs_those_that_went_wrong_are_shown() -> None:
    run = begun(pipeline(*(job(f"j{number}") for number in range(10_000))))
    for number, name in enumerate(run.state.jobs):
        run.add(ev.AttemptStarted(job=name, attempt=1))
        status = JobStatus.FAILED if number % 200 == 7 else JobStatus.WARNED if number == 3 else JobStatus.SUCCEEDED
        run.add(*ended(name, status, "ERROR" if status is JobStatus.FAILED else None))
    text = text_of(run.add(run_ended(RunStatus.FAILED, 1)))
    _, table, why, _ = text.split("\n\n")
    lines = table.splitlines()
    assert len(lines) == 52
    assert lines[1].startswith("✗ j7 ")
    assert lines[-1] == "... and 9,950 more: 9,949 succeeded, 1 warned"
    assert why.splitlines()[-1] == "  ... and 40 more jobs"


def test_of_ten_thousand_good_jobs_the_tally_is_all() -> None:
    run = begun(pipeline(*(job(f"j{number}") for number in range(10_000))))
    for name in run.state.jobs:
        run.add(ev.AttemptStarted(job=name, attempt=1), *ended(name))
    assert text_of(run.add(run_ended(RunStatus.SUCCEEDED, 0))).splitlines()[1:-1] == ["  10,000 jobs: 10,000 succeeded"]


def test_many_executions_are_cut_at_the_front() -> None:
    run = begun(pipeline(job("a"))).add(*triggered("a", *range(100, 200, 2)))
    assert "..., 194, 196, 198" in text_of(run)


def test_executions_in_a_row_are_told_as_one_span() -> None:
    run = begun(pipeline(job("a"))).add(*triggered("a", 1, 2, 3, 4, 9))
    assert "1-4, 9" in text_of(run)


HOSTILE = "x\n::error::\r\x1b[31m\u202e##vso[t]|<img>"


def poisoned(value: Any) -> Any:
    """Every text of a report that is not one of our own words, replaced by the worst."""
    match value:
        case dict():
            kept = {"status", "action", "run_if", "cause", "deletion", "adopted_by"}
            return {key: one if key in kept else poisoned(one) for key, one in value.items()}
        case list():
            return [poisoned(one) for one in value]
        case str():
            return HOSTILE
        case _:
            return value


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_foreign_report_is_harmless(make: Callable[..., Run]) -> None:
    report = copy.deepcopy(make().report())
    report |= {"environment": "prod", "next": "x"}
    text = report_text(poisoned(report), color=False, width=120)
    assert all(line.isprintable() for line in text.splitlines())
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##vso[" not in text


def test_wide_characters_keep_the_columns() -> None:
    run = begun(pipeline(job("売上"), job("a")))
    for name in ("売上", "a"):
        run.add(*triggered(name, 1), finished(name, 1), *ended(name))
    _, table = text_of(run.add(run_ended(RunStatus.SUCCEEDED, 0))).split("\n\n")
    places = {width_of(line[: line.index("succeeded")]) for line in table.splitlines()[1:]}
    assert places == {8}


CUTS = [
    pytest.param("abcdef", 6, "abcdef", id="it fits"),
    pytest.param("abcdefg", 6, "abcde…", id="it does not"),
    pytest.param("売上売上", 5, "売上…", id="two cells each"),
    pytest.param("売上売上", 6, "売上…", id="no half of a character"),
    pytest.param("e\u0301e\u0301e\u0301", 2, "e\u0301…", id="combining"),
    pytest.param("abc", 0, "", id="no room at all"),
]


@pytest.mark.parametrize(("text", "width", "shown"), CUTS)
def test_a_text_is_cut_by_its_cells(text: str, width: int, shown: str) -> None:
    assert cut(text, width, dots="…") == shown
    assert width_of(shown) <= width


SPANS = [
    (-1.0, "0.0s"),
    (0.0, "0.0s"),
    (4.14, "4.1s"),
    (9.94, "9.9s"),
    (9.96, "10s"),
    (59.6, "1m 00s"),
    (185.0, "3m 05s"),
    (3599.7, "1h 00m"),
    (7620.0, "2h 07m"),
    (100_800.0, "1d 4h"),
]


@pytest.mark.parametrize(("seconds", "words"), SPANS, ids=[words for _, words in SPANS])
def test_a_length_of_time_in_words(seconds: float, words: str) -> None:
    assert span_in_words(seconds) == words


def test_every_word_of_the_engine_has_its_look() -> None:
    assert set(JOB_LOOKS) == set(JobStatus)
    assert set(RUN_LOOKS) == set(RunStatus)
    assert set(ADOPTED) == set(AdoptedBy)
    for look in (*JOB_LOOKS.values(), *RUN_LOOKS.values()):
        assert width_of(look.glyph) == width_of(look.plain) == 1
        assert look.plain.isascii()
        assert paint("x", look.style, color=True) != "x"


@pytest.mark.parametrize(
    ("encoding", "can"), [("utf-8", True), ("ascii", False), ("latin-1", False), (None, False), ("no-such", False)]
)
def test_whether_a_stream_can_show_glyphs(encoding: str | None, can: bool) -> None:
    assert can_show_glyphs(encoding) is can


def test_numbers_in_words() -> None:
    assert (many(1, "job"), many(10_000, "job")) == ("1 job", "10,000 jobs")
    counts = {JobStatus.SUCCEEDED: 2, JobStatus.UNKNOWN: 1, JobStatus.PENDING: 3, JobStatus.FAILED: 0}
    assert counts_in_words(counts) == "1 unknown, 2 succeeded, 3 pending"
