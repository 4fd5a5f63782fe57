"""Waiting for a run that somebody else holds: for one that is dead, and not for one that is alive."""

from typing import Any, cast

import pytest

from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Busy, Store
from spectrum_pipelines.store.leasing import busy, take_run
from tests.store.histories import Clock

_US = Who(pid=2, host="here")
_LEASE = 6.0


class _Held:
    """A store whose run is held by a process that renews its lease at these seconds."""

    name = "a store"

    def __init__(self, clock: Clock, renewals: tuple[float, ...], *, answer: float) -> None:
        self._clock = clock
        self._renewals = renewals
        self._answer = answer  # seconds

    def _left(self) -> float:
        now = self._clock.monotonic() - 1000.0
        return max((at for at in self._renewals if at <= now), default=0.0) + _LEASE - now

    def lease(self, *_: object, **__: object) -> object | None:
        given = "ours" if self._left() <= 0.0 else None
        self._clock.sleep(self._answer)
        return given

    def holder(self, _: object) -> Holder | None:
        left = self._left()
        return (
            Holder(pid=1, host="there", run_id="r", since="2026-11-23T15:04:05Z", lease_left=left) if left > 0 else None
        )


@pytest.mark.parametrize("answer", [0.0, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize(
    ("renewals", "is_taken"),
    [
        pytest.param((), True, id="a dead one: its lease is waited for"),
        pytest.param((5.0,), True, id="the last renewal of a dead one came late"),
        pytest.param((1.5, 3.0, 4.5, 6.0, 7.5, 9.0, 10.5, 12.0), False, id="one that is alive"),
    ],
)
def test_who_is_waited_for(renewals: tuple[float, ...], is_taken: bool, answer: float) -> None:
    """Where answers are slow, a lease ends after it was refused and before its holder is looked up."""
    clock = Clock()
    store = cast("Store", _Held(clock, renewals, answer=answer))
    told: list[Any] = []

    def take() -> object:
        return take_run(store, "r", _US, clock=clock, on_wait=lambda *them: told.append(them), stopping=lambda: False)

    if is_taken:
        assert take() == "ours"
    else:
        with pytest.raises(Busy, match="already being worked on"):
            take()
        assert clock.monotonic() - 1000.0 < 2 * _LEASE
    assert len(told) == 1


def test_a_refusal_names_a_store_so_that_the_command_can_be_pasted() -> None:
    refusal = busy("20261123T150405Z-7f3a", None, store="a\tb")
    assert "`spectrum-pipelines report 20261123T150405Z-7f3a --state $'a\\011b'`" in str(refusal.hint)
