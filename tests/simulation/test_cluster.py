"""Several processes on one store: no seed breaks a promise, and every planted bug is caught."""

from collections.abc import Callable, Sequence

import pytest

from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.runner import guard, loop
from spectrum_pipelines.runner.guard import Left, Perform
from spectrum_pipelines.store.memory import MemoryLease, MemoryStore
from tests.simulation import cluster
from tests.simulation.cluster import Cluster, drawn, outcomes
from tests.simulation.ledger import BrokenPromise

_SEEDS = 150
_BUDGET = 500


def test_processes_that_freeze_die_and_lose_their_store_share_one_run(stride: int) -> None:
    """A process that freezes while it stops a job for a signal ends without a confirmation: the run says so, and that is true."""
    ended = outcomes(range(_SEEDS if stride > 1 else 20 * _SEEDS))
    assert set(ended) <= {RunStatus.SUCCEEDED, RunStatus.TIMED_OUT}
    assert ended[RunStatus.TIMED_OUT] <= ended.total() / 100


def test_the_same_seed_is_the_same_simulation() -> None:
    first, second = Cluster(drawn(7)), Cluster(drawn(7))
    assert first.live() is second.live()
    assert first.kernel.now == second.kernel.now


Plant = Callable[[pytest.MonkeyPatch], None]


def _no_fence(patch: pytest.MonkeyPatch) -> None:
    def append(store: MemoryStore, run_id: str, lease: MemoryLease, count: int, lines: Sequence[str]) -> None:
        run = store.reach().runs[run_id]
        run.lines[count : count + len(lines)] = lines
        store.answered()

    patch.setattr(MemoryStore, "append", append)


def _no_lease_guard(patch: pytest.MonkeyPatch) -> None:
    def unguarded(perform: Perform, may_change: Callable[[], bool]) -> Perform:
        return perform

    patch.setattr(cluster, "guarded", unguarded)


def _stop_when_fenced(patch: pytest.MonkeyPatch) -> None:
    def like_a_full_disk(error: OSError | StateError) -> Left:
        return guard.left(OSError(str(error)))

    patch.setattr(loop, "left", like_a_full_disk)


def _lost_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cluster, "CALLS_LEFT", 0.0)


BUGS = [
    pytest.param(_no_fence, "^", id="no fence"),
    pytest.param(_no_lease_guard, "one holder: process .* does not hold the run", id="no lease guard"),
    pytest.param(_stop_when_fenced, "one holder: process .* knows that it has lost the run", id="stop when fenced"),
    pytest.param(
        _lost_at_once,
        "never twice: .* was triggered 2 times",
        id="an intent is called lost before the old call's deadline",
    ),
]


@pytest.mark.parametrize(("plant", "told"), BUGS)
def test_a_planted_bug_is_caught(plant: Plant, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fence two processes write one journal, and it is no history of the run any more: a StateError, too."""
    plant(monkeypatch)
    with pytest.raises((BrokenPromise, StateError), match=told):
        outcomes(range(_BUDGET))
