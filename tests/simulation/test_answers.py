"""Nothing that a server says ends the process or makes a red run green: each field of each answer, wrong in each way.

`pytest tests/simulation --answers 100000` is the long form; `--answers-seed N` replays one and tells what happened.
"""

import random
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.pipeline.model.action import Sequence, Trigger
from tests.promises import Promise
from tests.simulation.answers import Manners
from tests.simulation.ledger import BrokenPromise
from tests.simulation.pipelines import Drawing, draw_pipeline
from tests.simulation.scenario import Mood, Scenario, Stranger
from tests.simulation.spectrum import Habits
from tests.simulation.spoilt import FOREIGN, Spoiler, spoilers
from tests.simulation.weather import Weather
from tests.simulation.world import World

#: In an order of no order, so that a part of them is a fair part.
_SPOILERS = tuple(random.Random("answers").sample(every := tuple(spoilers()), len(every)))
_TOLD = 60


def draw_spoilt(seed: int) -> Scenario:
    """The first seeds have each way to be wrong once, and nothing else; later ones have several now and then."""
    rng = random.Random(f"answers/{seed}")
    pipeline, files = draw_pipeline(Drawing(random=rng, calm=False, largest=4))
    wrong: tuple[Spoiler, ...] = (_SPOILERS[seed % len(_SPOILERS)],)
    if seed >= len(_SPOILERS):
        wrong = tuple(replace(one, share=rng.choice((1.0, 0.5, 0.1))) for one in (*wrong, *rng.sample(_SPOILERS, 2)))
    return Scenario(
        seed=seed,
        mood=Mood.FAIR,
        pipeline=pipeline,
        files=tuple(files),
        habits=Habits(slots=4, past=rng.choice((0, 1)), first_id=100),
        manners=Manners(spoilers=wrong),
        weather=Weather(latency=0.02, acting=rng.choice((0.0, 0.0, 0.3))),
        strangers=tuple(
            Stranger(at=rng.uniform(0, 20), verb="trigger", file_id=rng.choice(files).id)
            for _ in range(rng.choice((0, 2)))
        ),
    )


def run_spoilt(seed: int, folder: Path, *, told: bool = False) -> str:
    """The story of one run. Raises what goes wrong in it."""
    scenario = draw_spoilt(seed)
    world = World(scenario, folder, told=told)
    try:
        end = world.live()
    except Exception as error:
        if not told:
            return run_spoilt(seed, folder, told=True)
        last = "\n".join(str(world.story).splitlines()[-_TOLD:])
        where = traceback.format_exc(limit=-2)
        raise AssertionError(f"answers {seed}: {error}\n{scenario.manners.spoilers}\n{last}\n{where}") from error
    for spoiler in scenario.manners.spoilers:
        if spoiler.value is FOREIGN and spoiler.share == 1.0 and spoiler.operation == "details":
            green = [name for name, status in end.jobs.items() if status is JobStatus.SUCCEEDED]
            lies = [name for name in green if _is_known_to_be_foreign(scenario, name, spoiler)]
            if lies:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"answers {seed}: {lies} are green by details of another file\n{world.story}"
                )
    return f"{scenario}\n{world.story}\n{end}"


def _is_known_to_be_foreign(scenario: Scenario, name: str, spoiler: Spoiler) -> bool:
    """The run knows the file of a trigger by its number, and the configurations of a sequence by its plan, if that has come."""
    action = next(job.action for job in scenario.pipeline.jobs.values() if job.id == name)
    match action:
        case Trigger(target=target):
            return spoiler.field in {"file", "file.id"} or (spoiler.field == "file.uuid" and "-" in str(target))
        case Sequence():
            return spoiler.field == "jobConfigurationId" and not scenario.weather.acting
        case _:
            return False


def test_no_answer_ends_the_process_or_makes_it_lie(
    answers: range, folder: Path, is_alone: bool, counted: Callable[[range], Iterator[int]]
) -> None:
    for seed in counted(answers):
        story = run_spoilt(seed, folder, told=is_alone)
        if is_alone:
            print(story)  # noqa: T201 - it was asked for


def test_a_run_with_one_wrong_field_is_drawn_for_each_of_them() -> None:
    assert [draw_spoilt(seed).manners.spoilers for seed in range(len(_SPOILERS))] == [(one,) for one in _SPOILERS]


@pytest.mark.parametrize("spoiler", [one for one in _SPOILERS if one.operation == "details"][:40], ids=repr)
def test_a_spoiler_changes_its_field_only(spoiler: Spoiler) -> None:
    answer = {
        "jobStatus": "RUNNING",
        "startTime": "now",
        "file": {"id": 1, "uuid": "u"},
        "counters": {"IMPORT_RECORDS": 7},
    }
    spoilt = spoiler.spoil(answer, None, random.Random(0)) if spoiler.value is not FOREIGN else answer
    if spoiler.field and isinstance(spoilt, dict):
        top = spoiler.field.split(".")[0]
        assert {k: v for k, v in spoilt.items() if k != top} == {k: v for k, v in answer.items() if k != top}
