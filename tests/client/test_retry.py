"""Lost GETs again, on virtual time (faults 19, 20, 22)."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client.retry import Retrier, RetrySettings, is_transient
from spectrum_pipelines.errors import (
    ClientError,
    NotSpectrum,
    Refused,
    ServerFault,
    Throttled,
    TlsFailure,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unsent,
)
from tests.client.conftest import VirtualClock

TRANSIENT = [
    Unsent("x"),
    Unanswered("x"),
    ServerFault("x", http_status=503),
    Undecodable("x"),
    Throttled("x", retry_after=None),
]
FINAL = [TlsFailure("x"), NotSpectrum("x"), Unauthorized("x"), Refused("x")]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_asking_again_may_help(error: ClientError) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error", [*FINAL, KeyError("a bug"), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
def test_asking_again_is_no_use(error: BaseException) -> None:
    assert not is_transient(error)


class Question:
    """Fails a number of times, always in the same way."""

    def __init__(self, error: ClientError, times: int = 10**9) -> None:
        self.error = error
        self.times = times
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return "answer"


def retrier(clock: VirtualClock, **settings: float) -> Retrier:
    return Retrier(settings=RetrySettings(**settings), clock=clock, random=random.Random(3))  # type: ignore[arg-type]


def test_waits_double_up_to_the_longest() -> None:
    clock, question = VirtualClock(), Question(Unsent("x"))
    with pytest.raises(Unsent):
        retrier(clock, limit=6, interval=1, max_interval=10, jitter=0).run(question)
    assert clock.slept == [1, 2, 4, 8, 10, 10]
    assert question.asked == 7


def test_jitter_takes_off_a_share_from_the_injected_randomness() -> None:
    clocks = [VirtualClock(), VirtualClock()]
    for clock in clocks:
        with pytest.raises(Unsent):
            retrier(clock, limit=5, interval=1, jitter=0.5).run(Question(Unsent("x")))
    assert clocks[0].slept == clocks[1].slept
    assert all(full / 2 <= wait <= full for wait, full in zip(clocks[0].slept, [1, 2, 4, 8, 16], strict=True))
    assert len(set(clocks[0].slept)) == 5


def test_an_answer_ends_it() -> None:
    clock, question = VirtualClock(), Question(Unanswered("x"), times=2)
    assert retrier(clock).run(question) == "answer"
    assert len(clock.slept) == 2


@pytest.mark.parametrize("error", FINAL, ids=lambda error: type(error).__name__)
def test_what_will_not_change_is_asked_once(error: ClientError) -> None:
    clock, question = VirtualClock(), Question(error)
    with pytest.raises(type(error)) as caught:
        retrier(clock).run(question)
    assert caught.value is error
    assert (question.asked, clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("told", "waits"), [(7.0, [7.0, 7.0]), (0.0, [0.0, 0.0]), (None, [1.0, 2.0])], ids=["told", "at-once", "untold"]
)
def test_fault_22_the_server_may_say_when(told: float | None, waits: list[float]) -> None:
    clock = VirtualClock()
    retrier(clock, jitter=0).run(Question(Throttled("x", retry_after=told), times=2))
    assert clock.slept == waits


def test_fault_22_no_wait_goes_beyond_the_time_left() -> None:
    clock, question = VirtualClock(), Question(Throttled("x", retry_after=60.0))
    with pytest.raises(Throttled):
        retrier(clock, limit=100, max_elapsed=150).run(question)
    assert clock.slept == [60, 60, 30]
    assert question.asked == 4, "the last one when the time was just over"


def test_limit_zero_asks_once() -> None:
    clock, question = VirtualClock(), Question(Unsent("x"))
    with pytest.raises(Unsent):
        retrier(clock, limit=0).run(question)
    assert question.asked == 1


def test_an_abort_cuts_the_wait_and_asks_no_more() -> None:
    clock, question = VirtualClock(), Question(Unsent("x"))
    settings = RetrySettings(interval=30, jitter=0)
    waiting = Retrier(settings=settings, clock=clock, random=random.Random(3), stopping=lambda: clock.monotonic() >= 5)
    with pytest.raises(Unsent):
        waiting.run(question)
    assert question.asked == 1
    assert 5 <= clock.monotonic() < 5.5


def test_an_abort_before_the_wait_begins_raises_at_once() -> None:
    clock, question = VirtualClock(), Question(Unsent("x"))
    waiting = Retrier(settings=RetrySettings(), clock=clock, random=random.Random(3), stopping=lambda: True)
    with pytest.raises(Unsent):
        waiting.run(question)
    assert (question.asked, clock.slept) == (1, [])


def test_each_repetition_is_told_in_one_line() -> None:
    lines: list[str] = []
    settings = RetrySettings(limit=2, jitter=0)
    telling = Retrier(settings=settings, clock=VirtualClock(), random=random.Random(3), on_retry=lines.append)
    with pytest.raises(Unsent):
        telling.run(Question(Unsent("GET http://host/x: refused")))
    assert lines == [
        "GET http://host/x: refused; retry 1 of 2 in 1.0s",
        "GET http://host/x: refused; retry 2 of 2 in 2.0s",
    ]


@given(
    st.integers(0, 30),
    st.floats(0.001, 100),
    st.floats(0.001, 100),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0, 60)),
)
def test_every_wait_ends(limit: int, interval: float, longest: float, jitter: float, told: float | None) -> None:
    clock, question = VirtualClock(), Question(Throttled("x", retry_after=told))
    settings = {"interval": interval, "max_interval": longest, "jitter": jitter}
    with pytest.raises(Throttled):
        retrier(clock, limit=limit, max_elapsed=120, **settings).run(question)
    assert question.asked <= limit + 1
    assert clock.monotonic() <= 120.001
    assert all(wait >= 0 for wait in clock.slept)
