"""Dates as servers write them: for display, so anything may come and nothing may break."""

import locale
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client.dates import age, parse_server_date, run_seconds

DATES = [
    pytest.param("Sep 28, 2018 6:44:56 PM", datetime(2018, 9, 28, 18, 44, 56), id="vendor"),  # noqa: DTZ001
    pytest.param("Sep 28, 2018 6:44:56\u202fPM", datetime(2018, 9, 28, 18, 44, 56), id="java-20"),  # noqa: DTZ001
    pytest.param("Sep 28, 2018, 6:44:56\u00a0PM", datetime(2018, 9, 28, 18, 44, 56), id="comma-and-nbsp"),  # noqa: DTZ001
    pytest.param("sept. 28, 2018 at 18:44", datetime(2018, 9, 28, 18, 44), id="long-form"),  # noqa: DTZ001
    pytest.param("Jan 1, 2020 12:00:00 AM", datetime(2020, 1, 1), id="midnight"),  # noqa: DTZ001
    pytest.param("Jan 1, 2020 12:30:00 PM", datetime(2020, 1, 1, 12, 30), id="noon"),  # noqa: DTZ001
    pytest.param("2012-07-06 18:19:09.0", datetime(2012, 7, 6, 18, 19, 9), id="older-details"),  # noqa: DTZ001
    pytest.param("2018-09-28T18:44:56Z", datetime(2018, 9, 28, 18, 44, 56, tzinfo=UTC), id="iso"),
    pytest.param(1582878238075, datetime(2020, 2, 28, 8, 23, 58, 75000, tzinfo=UTC), id="epoch-ms"),
    pytest.param("1582878238075", datetime(2020, 2, 28, 8, 23, 58, 75000, tzinfo=UTC), id="epoch-ms-as-text"),
    pytest.param(None, None, id="null"),
    pytest.param("", None, id="empty"),
    pytest.param("soon", None, id="a-word"),
    pytest.param("Foo 28, 2018 6:44:56 PM", None, id="no-month"),
    pytest.param("Sep 31, 2018 6:44:56 PM", None, id="no-day"),
    pytest.param("Sep 28, 2018 13:44:56 PM", None, id="no-hour"),
    pytest.param("Sep 28, 2018 0:44:56 AM", None, id="no-zeroth-hour"),
    pytest.param("2018-13-28 18:44:56", None, id="no-thirteenth-month"),
    pytest.param(10**30, None, id="beyond-time"),
    pytest.param("9" * 5000, None, id="thousands-of-digits"),
]


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_a_date_is_read_or_none(value: str | int | None, expected: datetime | None) -> None:
    assert parse_server_date(value) == expected


def test_the_locale_of_the_process_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a German locale strptime would look for `Mai`."""
    monkeypatch.setattr(locale, "setlocale", lambda *_: pytest.fail("asked for the locale"))
    assert parse_server_date("May 2, 2018 1:00:00 AM") is not None


@given(st.one_of(st.text(max_size=80), st.integers(), st.none()))
def test_nothing_breaks_it(value: str | int | None) -> None:
    parse_server_date(value)


MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1))  # noqa: DTZ001


@given(MOMENTS.map(lambda moment: moment.replace(microsecond=0)))
def test_what_java_writes_is_read_back(moment: datetime) -> None:
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    hour, half = (moment.hour % 12 or 12), "AM" if moment.hour < 12 else "PM"
    text = f"{months[moment.month - 1]} {moment.day}, {moment.year} {hour}:{moment.minute:02}:{moment.second:02} {half}"
    assert parse_server_date(text) == moment


_NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
_BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "stop", "seconds"),
    [
        pytest.param("Nov 23, 2026 11:00:00 AM", "Nov 23, 2026 11:00:02 AM", 2.0, id="as the vendor writes them"),
        pytest.param("2026-11-23T11:00:00Z", "2026-11-23T11:00:02Z", 2.0, id="both with a zone"),
        pytest.param("2026-11-23T11:00:00Z", "Nov 23, 2026 11:00:02 AM", None, id="only the start has a zone"),
        pytest.param("Nov 23, 2026 11:00:00 AM", "2026-11-23T11:00:02Z", None, id="only the stop has a zone"),
        pytest.param("Nov 23, 2026 11:00:02 AM", "Nov 23, 2026 11:00:00 AM", None, id="stopped before it began"),
        pytest.param("Jan 1, 0001 12:00:00 AM", "Dec 31, 9999 11:59:59 PM", None, id="the whole calendar"),
        pytest.param(None, "Nov 23, 2026 11:00:02 AM", None, id="no start"),
        pytest.param("yesterday", "today", None, id="words"),
    ],
)
def test_the_span_between_two_server_dates(start: str | None, stop: str | None, seconds: float | None) -> None:
    assert run_seconds(start, stop, zone=None) == seconds


@pytest.mark.parametrize(
    ("start", "stop", "seconds"),
    [
        pytest.param("Mar 29, 2026 01:55:00 AM", "Mar 29, 2026 03:05:00 AM", 600.0, id="the hour that is left out"),
        pytest.param("Oct 25, 2026 01:55:00 AM", "Oct 25, 2026 03:05:00 AM", 7800.0, id="the hour that comes twice"),
        pytest.param("Oct 25, 2026 01:55:00 AM", "Oct 25, 2026 02:05:00 AM", None, id="an end in either of two hours"),
        pytest.param("Oct 25, 2026 02:55:00 AM", "Oct 25, 2026 02:05:00 AM", None, id="backwards on the clock"),
        pytest.param("Mar 29, 2026 02:30:00 AM", "Mar 29, 2026 03:05:00 AM", None, id="a time that no clock showed"),
        pytest.param("Nov 23, 2026 11:00:00 AM", "Nov 23, 2026 11:00:02 AM", 2.0, id="any other day"),
        pytest.param("2026-03-29T00:55:00Z", "Mar 29, 2026 03:05:00 AM", 600.0, id="one with its own zone"),
        pytest.param("Jan 1, 0001 12:00:00 AM", "Jan 1, 0001 12:00:02 AM", None, id="the first day, east of Greenwich"),
    ],
)
def test_the_span_where_the_zone_of_the_server_is_known(start: str, stop: str, seconds: float | None) -> None:
    assert run_seconds(start, stop, zone=_BERLIN) == seconds


@pytest.mark.parametrize(
    ("stop", "zone", "seconds"),
    [
        pytest.param("Nov 23, 2026 11:00:00 AM", UTC, 3600.0, id="in UTC"),
        pytest.param("Nov 23, 2026 12:00:00 PM", _BERLIN, 3600.0, id="in the server's zone"),
        pytest.param("2026-11-23T11:00:00Z", _BERLIN, 3600.0, id="its own zone goes before ours"),
        pytest.param("Nov 23, 2026 8:00:00 PM", UTC, -28_800.0, id="ahead, as a wrong zone makes it"),
        pytest.param("Nov 25, 2026 8:00:00 PM", UTC, None, id="further ahead than any zone"),
        pytest.param("Jan 1, 0001 12:00:00 AM", _BERLIN, None, id="the first day, east of Greenwich"),
        pytest.param("Dec 31, 9999 11:59:59 PM", ZoneInfo("America/New_York"), None, id="the last day, west of it"),
        pytest.param("Dec 31, 9999 11:59:59 PM", None, None, id="the last day, in the zone of the machine"),
        pytest.param("0001-01-01 00:00:00.0", None, None, id="the first day, in the zone of the machine"),
        pytest.param(None, UTC, None, id="none"),
    ],
)
def test_how_long_ago_a_server_date_is(stop: str | None, zone: tzinfo | None, seconds: float | None) -> None:
    assert age(stop, zone=zone, now=_NOW) == seconds
