"""The simulator itself: a seed is a run to the last event, and its runs come to where things can go wrong."""

import itertools
import os
import random
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from spectrum_pipelines.engine.facts import Event, Resumed, Settled, Stamped
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.state.run import RunState
from tests.simulation.disk import Disk
from tests.simulation.kernel import Kernel, Spins, VirtualClock, WaitsForEver
from tests.simulation.network import Passage
from tests.simulation.scenario import Mood, draw
from tests.simulation.weather import Fate
from tests.simulation.world import World

_REPLAYED = "from tests.simulation.test_simulator import stories; print(stories({seeds}))"
_SEEDS = (3, 18, 60)

_JOURNEYS = 600
#: Seeds that together come to everything, as things are: where they do no longer, all the others are tried as well.
_WELL_TRAVELLED = (589, 45, 21, 242, 110, 1, 8, 46, 64, 100, 332)
_RARE = {Fate.NO_TLS, Fate.REPEATED, Fate.REDIRECT}
_NEVER_ENDS_SO: set[object] = {
    RunStatus.RUNNING,
    RunStatus.INTERRUPTED,
    JobStatus.PENDING,
    JobStatus.RUNNING,
    AdoptedBy.SETTLED,
}


def stories(seeds: tuple[int, ...], folder: str = "/dev/shm") -> str:
    """What happens in these, word for word."""
    journals = Path(folder) / f"replay-{os.getpid()}"
    journals.mkdir()
    try:
        worlds = [World(draw(seed), journals, told=True) for seed in seeds]
        return "\n".join(f"{world.live()}\n{world.story}" for world in worlds)
    finally:
        (journals / "journal.jsonl").unlink(missing_ok=True)
        journals.rmdir()


def test_a_seed_replays_exactly() -> None:
    """In another process, with other hashes: nothing may depend on the order of a set, or on the machine's clock."""
    told = []
    for hashes in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        code = _REPLAYED.format(seeds=_SEEDS)
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        told.append(done.stdout)
    assert "RunEnded" in told[0]
    assert told[0] == told[1]


class Sightseer:
    """Counts what a number of simulations have come by."""

    def __init__(self) -> None:
        self.seen: Counter[object] = Counter()

    def visit(self, seed: int, folder: Path) -> None:
        scenario = draw(seed)
        world = World(scenario, folder)
        world.also_observe(self._observe)
        world.network.on_sent = partial(self._sent, world)
        end = world.live()
        self.seen.update([end.run, scenario.mood, *end.jobs.values()])
        self.seen["a run that took several processes"] += end.processes > 1
        self.seen[Settled] += len(world.truths.vouched_for)
        self.seen["a stranger taken for ours"] += len(world.truths.confused)

    def _sent(self, world: World, passage: Passage) -> None:
        self.seen[passage.fate, passage.call.method] += 1
        world.promises.sent(passage)

    def _observe(self, fact: Stamped, _state: RunState) -> None:
        event = fact.event
        told = [getattr(event, name, None) for name in ("cause", "by")]
        self.seen.update([type(event), *(one for one in told if one is not None)])
        self.seen["a resume under another policy"] += isinstance(event, Resumed) and event.changed is not None


def test_simulations_come_to_where_things_can_go_wrong(folder: Path) -> None:
    """Every fact, verdict and cause, and every fate of a question and of a trigger: else a check has nothing to look at."""
    sightseer = Sightseer()
    wanted: set[object] = {*get_args(Event), *Mood, *RunStatus, *JobStatus, *Cause, *AdoptedBy} - _NEVER_ENDS_SO
    wanted |= {(fate, method) for fate in Fate for method in ("GET", "POST") if fate not in _RARE}
    wanted |= {"a run that took several processes", "a stranger taken for ours", "a resume under another policy"}
    assert max(_WELL_TRAVELLED) < _JOURNEYS
    for seed in dict.fromkeys([*_WELL_TRAVELLED, *range(_JOURNEYS)]):
        sightseer.visit(seed, folder)
        wanted = {one for one in wanted if not sightseer.seen[one]}
        if not wanted:
            return
    pytest.fail(f"{_JOURNEYS} simulations never came to {wanted}")


def test_a_wait_that_nothing_can_end_is_noticed() -> None:
    with pytest.raises(WaitsForEver):
        Kernel().advance(None, lambda: False)


def test_a_loop_that_spins_is_noticed() -> None:
    clock = VirtualClock(Kernel())
    with pytest.raises(Spins):
        all(clock.monotonic() == 0.0 for _ in itertools.count())


def test_things_happen_in_the_order_of_their_times() -> None:
    kernel, done = Kernel(), list[str]()
    kernel.at(2.0, lambda: done.append("b"))
    kernel.at(1.0, lambda: done.append("a"))
    kernel.at(2.0, lambda: done.append("c"))
    kernel.pass_time(1.5)
    assert (done, kernel.now) == (["a"], 1.5)
    kernel.pass_time(1.0)
    assert (done, kernel.now) == (["a", "b", "c"], 2.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_takes_only_what_was_not_synced(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    disk = Disk(random.Random(seed))
    promised, hoped = b'{"event": "a"}\n', b'{"event": "b"}\n'
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    disk.write(descriptor, promised)
    disk.fsync(descriptor)
    disk.write(descriptor, hoped)
    os.close(descriptor)
    disk.lose_power(path)
    left = path.read_bytes()
    assert left.startswith(promised)
    assert len(left) <= len(promised + hoped)
    assert hoped.startswith(left[len(promised) :].rstrip(b"\0"))
