"""Never twice, never lost, never a lie: held against thousands of random runs.

`pytest tests/simulation --simulations 100000` is the long form; `--simulation-seed N` replays one and tells what happened.
"""

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.simulation.scenario import draw
from tests.simulation.world import World, simulate

_TOLD = 80
#: Broken seeds of which the rest of a chunk is not simulated any more.
_ENOUGH = 10


def test_no_promise_is_broken(
    seeds: range,
    folder: Path,
    is_alone: bool,
    capsys: pytest.CaptureFixture[str],
    counted: Callable[[range], Iterator[int]],
) -> None:
    if is_alone:
        with capsys.disabled():
            print(story_of(seeds.start, folder))  # noqa: T201 - it was asked for
    broken: list[str] = []
    for seed in counted(seeds):
        try:
            simulate(draw(seed), folder)
        except Exception as error:  # noqa: BLE001 - one broken seed must not hide the others
            broken.append(_told(seed, error, folder))
            if len(broken) == _ENOUGH:
                break
    assert not broken, "\n\n".join(broken)


def _told(seed: int, error: Exception, folder: Path) -> str:
    last = "\n".join(story_of(seed, folder).splitlines()[-_TOLD:])
    replay = f"pytest tests/simulation --simulation-seed {seed}"
    return f"seed {seed}: {type(error).__name__}: {error}\nreplay it with: {replay}\n{last}"


def story_of(seed: int, folder: Path) -> str:
    """What happened, and how it ended."""
    world = World(draw(seed), folder, told=True)
    try:
        end = f"{world.live()}"
    except Exception:  # noqa: BLE001 - the end of this story
        end = traceback.format_exc(limit=-3)
    return f"{world.scenario}\n{world.story}\n{end}"
