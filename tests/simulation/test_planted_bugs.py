"""The simulator sees: every planted bug breaks a promise within a small part of what CI simulates."""

from pathlib import Path

import pytest

from tests.promises import Promise
from tests.simulation.bugs import BUGS, Bug
from tests.simulation.kernel import Spins, WaitsForEver
from tests.simulation.ledger import BrokenPromise
from tests.simulation.scenario import draw
from tests.simulation.world import simulate

_BUDGET = 500


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(bug: Bug, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bug.seen_at < _BUDGET
    bug.plant(monkeypatch)
    for seed in (bug.seen_at, *range(_BUDGET)):
        try:
            simulate(draw(seed), folder)
        except (WaitsForEver, Spins):
            assert bug.promise is Promise.EVERY_WAIT_ENDS
            return
        except BrokenPromise as broken:
            if broken.promise is bug.promise:
                return
    pytest.fail(f"{_BUDGET} simulations did not notice: {bug.name}")
