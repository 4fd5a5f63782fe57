"""Dates: which day is today, other days, and their form in a text."""

import datetime as dt
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.fill.dates import days_of, flaws, formatted, is_day, moved, resolved
from spectrum_pipelines.pipeline.model.action import Trigger
from tests.pipeline.conftest import built

ONE = """
timezone: %s
variables: {day: {type: date, default: %s}}
jobs: {load: {trigger: "/load %s.imp"}}
"""


def target(default: str, text: str, now: datetime, zone: str = "UTC", run_date: date | None = None) -> str:
    pipeline = built(ONE % (zone, default, text), Given(now=now, run_date=run_date))
    (job,) = pipeline.jobs.values()
    assert isinstance(job.action, Trigger)
    return str(job.action.target).removeprefix("/load ").removesuffix(".imp")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "zone", "today"),
    [
        pytest.param("2026-11-22T23:59:59+00:00", "UTC", "2026-11-22", id="the last second of a day"),
        pytest.param("2026-11-23T00:00:00+00:00", "UTC", "2026-11-23", id="midnight is the next day"),
        pytest.param("2026-11-22T23:30:00+00:00", "Europe/Berlin", "2026-11-23", id="already tomorrow in Berlin"),
        pytest.param("2026-11-23T00:30:00+00:00", "America/New_York", "2026-11-22", id="still yesterday in New York"),
        pytest.param("2026-06-30T22:30:00+00:00", "Europe/Berlin", "2026-07-01", id="summer time: two hours ahead"),
        pytest.param("2026-12-30T22:30:00+00:00", "Europe/Berlin", "2026-12-30", id="winter time: one hour ahead"),
        pytest.param("2026-03-29T00:59:59+00:00", "Europe/Berlin", "2026-03-29", id="before the clock jumps to summer"),
        pytest.param("2026-03-28T23:00:00+00:00", "Europe/Berlin", "2026-03-29", id="midnight of the day that jumps"),
        pytest.param(
            "2026-10-25T22:59:59+00:00", "Europe/Berlin", "2026-10-25", id="the day of 25 hours, its last second"
        ),
        pytest.param("2026-10-25T23:00:00+00:00", "Europe/Berlin", "2026-10-26", id="the day after 25 hours"),
        pytest.param("2024-02-28T23:59:59+00:00", "UTC", "2024-02-28", id="before the leap day"),
        pytest.param("2024-02-29T12:00:00+00:00", "UTC", "2024-02-29", id="the leap day"),
        pytest.param("2026-12-31T23:59:59+00:00", "Pacific/Kiritimati", "2027-01-01", id="fourteen hours ahead"),
        pytest.param("2011-12-30T09:00:00+00:00", "Pacific/Apia", "2011-12-29", id="Samoa, before the day it left out"),
        pytest.param("2011-12-30T10:00:00+00:00", "Pacific/Apia", "2011-12-31", id="Samoa never had 30 December 2011"),
        pytest.param("2026-11-22T22:15:00+00:00", "Asia/Kathmandu", "2026-11-23", id="a zone of quarter hours"),
        pytest.param("2026-11-22T20:00:00-05:00", "UTC", "2026-11-23", id="a moment told in another zone"),
    ],
)
def test_today_is_the_day_in_the_zone_of_the_pipeline(now: str, zone: str, today: str) -> None:
    moment = datetime.fromisoformat(now)
    assert target("today", "${var.day} ${run.date}", moment, zone) == f"{today} {today}"


@pytest.mark.parametrize(
    ("now", "default", "text", "said"),
    [
        pytest.param("2026-03-01T12:00:00Z", "yesterday", "${var.day}", "2026-02-28", id="no leap year"),
        pytest.param("2024-03-01T12:00:00Z", "yesterday", "${var.day}", "2024-02-29", id="leap year"),
        pytest.param("2100-03-01T12:00:00Z", "yesterday", "${var.day}", "2100-02-28", id="2100 is no leap year"),
        pytest.param("2026-01-01T00:00:00Z", "yesterday", "${var.day:%Y%m%d}", "20251231", id="new year"),
        pytest.param("2026-01-03T00:00:00Z", "today-7d", "${var.day:%d.%m.%y}", "27.12.25", id="a week back"),
        pytest.param("2026-01-03T00:00:00Z", "today+1d", "${var.day}", "2026-01-04", id="a day ahead"),
        pytest.param("2026-01-03T00:00:00Z", "yesterday-1d", "${var.day}", "2026-01-01", id="before yesterday"),
        pytest.param("2026-01-03T00:00:00Z", "2024-02-29", "${var.day-366d}", "2023-02-28", id="offset over leap day"),
        pytest.param("2026-01-03T00:00:00Z", "2024-02-29", "${ var.day+1d:%B %d }", "March 01", id="spaces, names"),
        pytest.param("2026-01-03T00:00:00Z", "2021-01-03", "${var.day:%G-W%V-%u}", "2020-W53-7", id="ISO week"),
        pytest.param("2026-01-03T00:00:00Z", "2024-12-31", "${var.day:%j}", "366", id="day of the year"),
        pytest.param("2026-01-03T00:00:00Z", "0001-01-01", "${var.day:%Y/%m}", "0001/01", id="years keep four digits"),
        pytest.param("2026-01-03T00:00:00Z", "9999-12-31", "${var.day:%a %b %A %%}", "Fri Dec Friday %", id="the end"),
        pytest.param("2026-01-03T00:00:00Z", "today", "${run.date-1d:%Y-%m-%d}", "2026-01-02", id="the run's day"),
        pytest.param("2026-01-03T00:00:00Z", "today", "$${var.day:%Y}", "${var.day:%Y}", id="a literal"),
        pytest.param("2026-01-03T00:00:00Z", "today", "${var.day:%H:}"[:0] + "${var.day:%m:%d}", "01:03", id="a colon"),
    ],
)
def test_days_and_their_forms(now: str, default: str, text: str, said: str) -> None:
    assert target(default, text, at(now)) == said


def test_the_day_of_the_first_start_wins_over_the_clock() -> None:
    later = at("2026-12-24T08:00:00Z")
    assert target("yesterday", "${var.day} ${run.date}", later, run_date=date(2026, 11, 22)) == "2026-11-21 2026-11-22"


def test_an_environment_may_have_a_zone_of_its_own() -> None:
    text = "timezone: UTC\nenvironments: {apac: {timezone: Asia/Tokyo}}\njobs: {a: {trigger: '/a ${run.date}'}}"
    now = at("2026-11-22T16:00:00Z")
    days = [built(text, Given(now=now, environment=it)).date for it in (None, "apac")]
    assert days == ["2026-11-22", "2026-11-23"]


def test_a_pipeline_without_dates_has_no_day() -> None:
    assert built("jobs: {a: {trigger: 1}}", Given(now=at("2026-11-22T16:00:00Z"))).date is None


def test_a_relative_day_without_a_clock_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="give `now`"):
        built(ONE % ("UTC", "today", "${var.day}"), Given())


@given(st.dates(), st.integers(-(10**6), 10**6))
def test_an_offset_and_back(day: date, days: int) -> None:
    try:
        there = moved(day, days)
    except OverflowError:
        return
    assert moved(there, -days) == day
    assert resolved(f"today{days:+}d", day) == there.isoformat()
    assert is_day(there.isoformat())
    assert days_of(f"{days:+}d") == days


@given(
    st.dates(min_value=date(1000, 1, 1)),
    st.lists(st.sampled_from(["%Y", "%m", "%d", "%y", "%j", "%u", "%G", "%V", "-"])),
)
def test_the_form_is_that_of_strftime(day: date, parts: list[str]) -> None:
    form = "%Y" + "".join(parts)
    assert not list(flaws(form))
    assert formatted(day, form) == day.strftime(form)


@given(st.datetimes(timezones=st.just(UTC), min_value=dt.datetime(1970, 1, 2), max_value=dt.datetime(2100, 1, 1)))  # noqa: DTZ001
def test_the_zone_of_the_moment_makes_no_difference(now: datetime) -> None:
    zones = ("UTC", "Pacific/Apia", "America/St_Johns")
    days = {Given(now=now.astimezone(ZoneInfo(zone))).today("Europe/Berlin") for zone in zones}
    assert days == {now.astimezone(ZoneInfo("Europe/Berlin")).date()}


@given(st.text(max_size=20))
def test_no_format_raises(form: str) -> None:
    if not list(flaws(form)):
        assert isinstance(formatted(date(2026, 11, 22), form), str)
