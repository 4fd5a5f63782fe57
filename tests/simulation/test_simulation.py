"""Never twice, never lost, never a lie: held against thousands of random runs.

`pytest tests/simulation --simulations 100000` is the long form; `--simulation-seed N` replays one and tells what happened.
"""

import traceback
from pathlib import Path

import pytest

from tests.simulation.scenario import draw
from tests.simulation.world import World, simulate

_TOLD = 80


def test_no_promise_is_broken(seeds: range, folder: Path, is_alone: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if is_alone:
        with capsys.disabled():
            print(story_of(seeds.start, folder))  # noqa: T201 - it was asked for
    for seed in seeds:
        try:
            simulate(draw(seed), folder)
        except Exception as error:
            last = "\n".join(story_of(seed, folder).splitlines()[-_TOLD:])
            replay = f"pytest tests/simulation --simulation-seed {seed}"
            raise AssertionError(f"seed {seed}: {error}\nreplay it with: {replay}\n{last}") from error


def story_of(seed: int, folder: Path) -> str:
    """What happened, and how it ended."""
    world = World(draw(seed), folder, told=True)
    try:
        end = f"{world.live()}"
    except Exception:  # noqa: BLE001 - the end of this story
        end = traceback.format_exc(limit=-3)
    return f"{world.scenario}\n{world.story}\n{end}"
