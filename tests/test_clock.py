from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.clock import SystemClock, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        pytest.param(datetime(2026, 11, 23, 15, 4, 5, 123456, UTC), "2026-11-23T15:04:05.123Z", id="milliseconds"),
        pytest.param(datetime(2026, 11, 23, 15, 4, 5, 0, UTC), "2026-11-23T15:04:05.000Z", id="always three digits"),
        pytest.param(
            datetime(2026, 11, 23, 15, 4, 5, 0, timezone(timedelta(hours=5, minutes=30))),
            "2026-11-23T09:34:05.000Z",
            id="another zone is turned into UTC",
        ),
    ],
)
def test_moments_are_written_in_utc(moment: datetime, text: str) -> None:
    assert rfc3339(moment) == text


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_what_was_written_is_read_back_to_the_millisecond(moment: datetime) -> None:
    read = parse_rfc3339(rfc3339(moment))
    assert read == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert read.tzinfo is not None


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_rfc3339(text)


def test_the_system_clock() -> None:
    clock = SystemClock()
    earlier = clock.monotonic()
    clock.sleep(0.0)
    assert clock.monotonic() >= earlier
    assert clock.now().tzinfo is UTC
