from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.engine.timing.agenda import Agenda, Budget

_TIMES = st.floats(min_value=0, max_value=1000, allow_nan=False)
_WAKES = st.lists(st.tuples(_TIMES, st.integers(0, 9)), max_size=30)


@given(wakes=_WAKES, now=_TIMES)
def test_taking_gives_all_that_is_due_once_and_keeps_the_rest(wakes: list[tuple[float, int]], now: float) -> None:
    agenda: Agenda[int] = Agenda()
    for at, key in wakes:
        agenda.wake_at(at, key)
    taken = agenda.take(now)
    assert sorted(taken) == sorted({key for at, key in wakes if at <= now})
    assert agenda.take(now) == []
    later = [at for at, _ in wakes if at > now]
    assert agenda.next_at() == (min(later) if later else None)


@given(wakes=_WAKES)
def test_nothing_is_ever_taken_before_its_time_or_forgotten(wakes: list[tuple[float, int]]) -> None:
    agenda: Agenda[int] = Agenda()
    for at, key in wakes:
        agenda.wake_at(at, key)
    seen: list[tuple[float, int]] = []
    while (now := agenda.next_at()) is not None:
        seen += [(now, key) for key in agenda.take(now)]
    assert seen == sorted(seen, key=lambda one: one[0])
    assert set(seen) == set(wakes)


def test_who_is_awake_comes_before_who_is_due_in_the_order_of_waking() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.wake_at(2.0, "due later")
    agenda.wake_at(1.0, "due")
    agenda.wake("second")
    agenda.wake("first")
    agenda.wake("second")
    assert agenda.next_at() == 0.0
    assert agenda.take(1.5) == ["second", "first", "due"]
    assert agenda.next_at() == 2.0


@given(
    per_second=st.floats(min_value=0.1, max_value=50),
    waits=st.lists(st.floats(min_value=0, max_value=3), min_size=1, max_size=200),
)
def test_a_budget_never_lets_more_out_in_any_window_than_it_says(per_second: float, waits: list[float]) -> None:
    budget, now, sent = Budget(per_second=per_second), 0.0, []
    for wait in waits:
        now = budget.free_at(now + wait)
        budget.spend(now)
        sent.append(now)
    for number, begin in enumerate(sent):
        for count, end in enumerate(sent[number:], 1):
            # One second's worth may be saved up; beyond that the rate holds.
            assert count <= max(1.0, per_second) + (end - begin) * per_second + 1e-6


def test_a_rested_budget_gives_one_second_s_worth_at_once_and_then_one_by_one() -> None:
    budget, at = Budget(per_second=10), []
    for _ in range(13):
        free = budget.free_at(100.0)
        budget.spend(free)
        at.append(round(free, 6))
    assert at == [100.0] * 10 + [100.1, 100.2, 100.3]


def test_stale_keys_are_not_waited_for() -> None:
    agenda = Agenda[str]()
    for at, key in ((1.0, "old"), (2.0, "new"), (3.0, "old")):
        agenda.wake_at(at, key)
    assert agenda.next_at(lambda key: key == "old") == 2.0
    assert agenda.take(2.0) == ["new"]
    assert agenda.next_at(lambda key: key == "old") is None
    assert agenda.take(9.0) == []
