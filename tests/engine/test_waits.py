import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from spectrum_pipelines.engine.decide import next_wake_up
from spectrum_pipelines.engine.timing.waits import backoff, retry_wait
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.policy import Retry
from tests.engine.forgotten import overdue
from tests.engine.made import fold, fresh, job, settle, triggered

_A = JobId("a")


@given(
    interval=st.floats(min_value=0.001, max_value=3600),
    factor=st.floats(min_value=1, max_value=10),
    max_interval=st.floats(min_value=0.001, max_value=86_400),
    jitter=st.floats(min_value=0, max_value=1),
    attempt=st.integers(1, 5000),
)
def test_a_wait_is_the_capped_exponential_give_or_take_the_jitter(
    interval: float, factor: float, max_interval: float, jitter: float, attempt: int
) -> None:
    retry = Retry(interval=interval, factor=factor, max_interval=max_interval, jitter=jitter)
    wait = retry_wait(retry, run_id="r", job=_A, attempt=attempt)
    try:
        base = min(interval * factor ** (attempt - 1), max_interval)
    except OverflowError:
        base = max_interval
    assert base * (1 - jitter) - 1e-9 <= wait <= min(base * (1 + jitter), max_interval) + 1e-9
    assert wait >= 0


@given(run=st.text(max_size=9), job=st.text(max_size=9), attempt=st.integers(1, 9))
def test_the_same_attempt_always_waits_the_same(run: str, job: str, attempt: int) -> None:
    waits = {retry_wait(Retry(), run_id=run, job=JobId(job), attempt=attempt) for _ in range(3)}
    assert len(waits) == 1


def test_runs_jobs_and_attempts_do_not_march_in_step() -> None:
    flat = Retry(factor=1.0)
    waits = [retry_wait(flat, run_id=r, job=JobId(j), attempt=n) for r in "xyz" for j in "ab" for n in (1, 2)]
    assert len(set(waits)) == len(waits)


def test_waits_that_have_reached_the_longest_are_spread_all_the_same() -> None:
    capped = Retry(interval=600.0, factor=2.0, max_interval=600.0, jitter=0.2)
    waits = [retry_wait(capped, run_id=run, job=_A, attempt=3) for run in "abcdefgh"]
    assert len({round(wait) for wait in waits}) > 4
    assert max(waits) <= 600.0


#: Every field of a retry. A new one that has a say in the waits belongs into `longest_waits`, and into `validate`'s reckoning.
RETRIES = {
    "limit": st.integers(0, 30),
    "interval": st.floats(0, 3600),
    "factor": st.floats(1, 10),
    "max_interval": st.floats(0.001, 86_400),
    "jitter": st.floats(0, 1),
    "max_duration": st.none(),
    "when": st.just(Retry().when),
}


def test_every_field_of_a_retry_is_drawn() -> None:
    assert [it.name for it in fields(Retry)] == list(RETRIES)


@given(st.builds(Retry, **RETRIES))
def test_a_retry_waits_add_up_to_at_most_what_validation_reckons_with(retry: Retry) -> None:
    waits = [retry_wait(retry, run_id="r", job=_A, attempt=n) for n in range(1, retry.limit + 1)]
    assert sum(waits) <= retry.longest_waits() * (1 + 1e-9)


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [
        pytest.param(1, 1.0, id="the interval, after the first try"),
        pytest.param(0, 1.0, id="nothing below the interval"),
        pytest.param(3, 4.0, id="doubled each time"),
        pytest.param(10, 60.0, id="never more than a minute"),
        pytest.param(100_000, 60.0, id="no overflow, however often"),
    ],
)
def test_backoff(tries: int, seconds: float) -> None:
    assert backoff(1.0, tries) == seconds


def test_a_time_to_decide_that_is_over_is_looked_at_again_after_a_rest() -> None:
    """Whatever slip lets a time stand that nothing comes of: the loop does not go round without end."""
    state = fold(fresh(job("a", timeout=900.0)), *triggered("a", 11))
    settle(state, 5.0)
    state.agenda.wake_at(3.0, _A)
    assert overdue(state, 5.0) == [3.0]
    assert next_wake_up(state, 5.0) == 5.0 + state.patience.stale_rest
    settle(state, 6.0)
    assert not overdue(state, 6.0)
