import time
from collections.abc import Callable

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.progress.screen import Screen, ScreenLine, draw, draw_end
from spectrum_pipelines.words.columns import width_of
from tests.report.runs import (
    RUNS,
    SECRET,
    Run,
    begun,
    ended,
    failed_run,
    interrupted_run,
    job,
    pipeline,
    running_run,
    sales_pipeline,
    started,
    succeeded_run,
    triggered,
)

SCREEN = Screen(width=100, height=24)


def plain(lines: list[ScreenLine]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_small_run_shows_every_job() -> None:
    run = running_run()
    assert plain(draw(run.state, run.at, SCREEN)) == [
        "▸ nightly-sales running 12s ────────── 0/6  2 running, 4 pending",
        "  ▸ orders         11s ━━━━────── RUNNING (execution 11), 40%, about 12s left",
        "  ▸ customers      11s attempt 2 in 29s",
        "  · sales              pending",
        "  · copy               pending",
        "  · alert              pending",
        "  · cleanup            pending",
    ]


def test_ascii_stands_in_for_glyphs() -> None:
    run = running_run()
    lines = plain(draw(run.state, run.at, Screen(width=100, height=24, glyphs=False)))
    assert lines[0].startswith("> nightly-sales running 12s ---------- 0/6  2 running, 4 ")
    assert lines[1].startswith("  > orders         11s ====------ RUNNING (execution 11), 40%, ")
    assert all(line.isascii() for line in lines)


def test_a_preflight_says_that_it_asks() -> None:
    run = Run(sales_pipeline()).add(started())
    head, *_ = plain(draw(run.state, 1.0, SCREEN))
    assert head == "▸ nightly-sales running 1.0s ────────── looking up 5 targets"


def test_an_interruption_leaves_what_may_still_run_on_the_screen() -> None:
    run = interrupted_run()
    _, orders, customers = plain(draw_end(run.state, run.at, SCREEN))
    assert orders.startswith("  ▸ orders        5.5s running: interrupted by SIGTERM; the stop was not confirmed: exec")
    assert customers.startswith("  ? customers     5.5s unknown: the run ended before")


def test_what_stays_is_the_head_and_what_failed() -> None:
    run = failed_run()
    assert plain(draw_end(run.state, run.at, SCREEN)) == [
        "✗ nightly-sales failed 40s ━━━━━━━━━━ 6/6  1 failed, 3 succeeded, 2 skipped",
        "  ✗ sales      34s failed: execution 14 ended ERROR, 3 failed records",
    ]
    run = succeeded_run()
    assert len(draw_end(run.state, run.at, SCREEN)) == 1


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (10, 2), (40, 5), (79, 24), (300, 100)])
def test_no_screen_is_ever_too_small(make: Callable[..., Run], width: int, height: int) -> None:
    run = make()
    lines = plain(draw(run.state, run.at, Screen(width=width, height=height)))
    assert all(width_of(line) <= width for line in lines)
    assert len(lines) <= max(height, 2)


def crowd(failed: int, running: int, total: int = 10_000) -> Run:
    run = begun(pipeline(*(job(f"j{number}") for number in range(total))))
    names = list(run.state.jobs)
    for name in names[:failed]:
        run.wait(1).add(ev.AttemptStarted(job=name, attempt=1), *ended(name, JobStatus.FAILED, "ERROR"))
    for number, name in enumerate(names[failed : failed + running]):
        run.add(*triggered(name, number))
    return run


def rows(run: Run, height: int = 12) -> list[str]:
    return [line.split()[1] for line in plain(draw(run.state, run.at, Screen(width=100, height=height)))[1:-1]]


def test_of_ten_thousand_jobs_those_underway_and_those_that_failed_are_shown() -> None:
    run = crowd(failed=2, running=3)
    assert rows(run) == ["j1", "j0", "j2", "j3", "j4"]
    lines = plain(draw(run.state, run.at, Screen(width=100, height=12)))
    assert lines[0].endswith(" 2/10,000  2 failed, 3 running, 9,995 pending")
    assert lines[-1] == "  9,995 more: 9,995 pending"


def test_what_is_not_shown_is_counted_by_status() -> None:
    *_, last = plain(draw((run := crowd(failed=9, running=12, total=40)).state, run.at, Screen(width=100, height=12)))
    assert last == "  31 more: 5 failed, 7 running, 19 pending"


@pytest.mark.parametrize("height", [13, 24, 50, 100])
def test_the_drawing_fits_one_half_of_a_screen_that_is_split(height: int) -> None:
    run = crowd(failed=9, running=200, total=300)
    lines = plain(draw(run.state, run.at, Screen(width=100, height=height)))
    assert len(lines) <= max(12, height // 2)
    assert sum(-(-width_of(line) // 50) for line in lines) <= height


def test_failed_jobs_leave_half_of_the_room_to_those_underway() -> None:
    assert rows(crowd(failed=50, running=50)) == ["j49", "j48", "j47", "j46", "j50", "j51", "j52", "j53", "j54"]


def test_without_running_jobs_the_failed_ones_have_all_the_room() -> None:
    assert len(rows(crowd(failed=50, running=0))) == 9


def test_a_drawing_of_ten_thousand_jobs_is_quick() -> None:
    run = crowd(failed=100, running=8)
    begin = time.process_time()
    draw(run.state, run.at, SCREEN)
    assert time.process_time() - begin < 1.0


def test_foreign_text_stays_in_its_line_and_secrets_stay_secret() -> None:
    hostile = f"x\n\x1b[2J\u202e[red]boom[/red] :smile: {SECRET}"
    run = begun(sales_pipeline()).add(ev.AttemptStarted(job=next(iter(sales_pipeline().jobs)), attempt=1))
    run.add(*ended("orders", JobStatus.FAILED, hostile))
    lines = plain(draw(run.state, run.at, Screen(width=200, height=24, secrets=(SECRET,))))
    assert lines[1].endswith("failed: x\\n\\x1b[2J\\u202e[red]boom[/red] :smile: ***")


def test_a_long_id_is_cut_and_columns_stay_aligned() -> None:
    run = begun(pipeline(job("x" * 90), job("売上"), job("a")))
    lines = plain(draw(run.state, run.at, SCREEN))[1:]
    assert {width_of(line[: line.index("pending")]) for line in lines} == {4 + 40 + 10}
    assert "x…" in lines[0]
