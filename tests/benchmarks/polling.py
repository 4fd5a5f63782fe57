"""What looking at one running job costs, in virtual time: requests, and how late its end is seen.

The looks are those of the engine's own `Watch`, as its folds schedule them. Durations are spread around a value, so that no policy
is lucky with round numbers. The policies to compare with look blindly, as other tools do.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import mean

from spectrum_pipelines.engine.state.watch import Watch, next_look
from spectrum_pipelines.engine.timing.hint import read_hint
from spectrum_pipelines.engine.timing.pace import FIRST_LOOK
from spectrum_pipelines.pipeline.model.pipeline import Poll
from tests.benchmarks.row import Row

POLL = Poll()
DURATIONS = {"10 s": 10.0, "60 s": 60.0, "10 min": 600.0, "1 h": 3600.0, "6 h": 21600.0}
_SPREAD = 0.1
_MOST_LOOKS = 100_000

#: What a status tells at an age, of a job that takes so long: progress in percent, estimate in seconds.
Told = Callable[[float, float, random.Random], tuple[float | None, float | None]]


def silent(age: float, duration: float, drawn: random.Random) -> tuple[float | None, float | None]:
    return None, None


def estimate(scale: float, error: float = 0.0) -> Told:
    """Whole seconds of what remains, times `scale`, wrong by up to `error` of it each time."""

    def told(age: float, duration: float, drawn: random.Random) -> tuple[float | None, float | None]:
        left = (duration - age) * scale * (1 + drawn.uniform(-error, error))
        return None, float(max(0, round(left)))

    return told


def percent(scale: float = 1.0) -> Told:
    """Whole percent, cut off, and nothing else."""

    def told(age: float, duration: float, drawn: random.Random) -> tuple[float | None, float | None]:
        return float(int(min(99.0, 100 * age / duration * scale))), None

    return told


def nonsense(age: float, duration: float, drawn: random.Random) -> tuple[float | None, float | None]:
    return float(drawn.randint(0, 100)), float(drawn.randint(0, 2 * int(duration)))


def stuck(age: float, duration: float, drawn: random.Random) -> tuple[float | None, float | None]:
    """The vendor's own example, for ever."""
    return 0.0, 11.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Requests of one job, and seconds from its end until it is seen, both on average."""

    requests: float
    lateness: float


def ours(duration: float, drawn: random.Random, *, told: Told = silent, past: float | None = None) -> Iterator[float]:
    """Ages at which a look comes."""
    how = Watch(since=0.0, heard_at=0.0, next_poll_at=0.0, past=past)
    at, over = min(FIRST_LOOK, POLL.min), False
    while True:
        yield at
        if at >= duration:
            return
        if over:
            at, over = at + max(0.02, how.hint.error if how.hint else 0.0), False
            continue
        progress, left = told(at, duration, drawn)
        hint = read_hint(how.hint, at=at, age=at, progress=progress, estimate=left)
        how.hint = hint
        how.contradictions += hint is not None and hint.contradicts
        pause, over = next_look(how, POLL, at=at)
        at += pause


def every(seconds: Callable[[int], float]) -> Callable[..., Iterator[float]]:
    """A blind policy: the n-th pause, from 1."""

    def ages(duration: float, drawn: random.Random) -> Iterator[float]:
        at, n = 0.0, 0
        while at < duration:
            n += 1
            at += seconds(n)
            yield at

    return ages


OTHERS = {
    "fixed 1 s": every(lambda n: 1.0),  # noqa: ARG005
    "fixed 60 s": every(lambda n: 60.0),  # noqa: ARG005
    "doubling 1 to 30 s": every(lambda n: min(30.0, 2.0 ** min(n - 1, 10))),
    "1 to 10 s by steps of 1": every(lambda n: min(10.0, float(n))),
}


def cost(ages: Callable[[float, random.Random], Iterator[float]], around: float, *, samples: int = 200) -> Cost:
    """The average over jobs that take about so long."""
    drawn = random.Random(7)
    looks, late = [], []
    for _ in range(samples):
        duration = around * drawn.uniform(1 - _SPREAD, 1 + _SPREAD)
        last = 0.0
        for count, last in enumerate(ages(duration, drawn), 1):  # noqa: B007
            assert count < _MOST_LOOKS
        looks.append(count)
        late.append(last - duration)
    return Cost(requests=mean(looks), lateness=mean(late))


def past_within(error: float) -> Callable[[float, random.Random], Iterator[float]]:
    """What it took before is right within a share."""

    def ages(duration: float, drawn: random.Random) -> Iterator[float]:
        return ours(duration, drawn, past=duration * drawn.uniform(1 - error, 1 + error))

    return ages


def told(how: Told) -> Callable[[float, random.Random], Iterator[float]]:
    """With what a status tells."""
    return lambda duration, drawn: ours(duration, drawn, told=how)


def past_times(scale: float) -> Callable[[float, random.Random], Iterator[float]]:
    """What it took before is wrong by a factor."""
    return lambda duration, drawn: ours(duration, drawn, past=duration * scale)


OURS: dict[str, Callable[[float, random.Random], Iterator[float]]] = {
    "no hint": told(silent),
    "past within 30 %": past_within(0.3),
    "estimate within 10 %": told(estimate(1.0, 0.1)),
    "progress in whole percent": told(percent()),
    "past half of it": past_times(0.5),
    "past twice of it": past_times(2.0),
    "estimate half": told(estimate(0.5)),
    "estimate double": told(estimate(2.0)),
    "progress half": told(percent(0.5)),
    "progress double": told(percent(2.0)),
    "nonsense": told(nonsense),
    "stuck": told(stuck),
}

#: (what, duration, requests, seconds): the most that it should cost.
_GOALS = {
    ("no hint", "10 s"): (None, 0.3),
    ("no hint", "60 s"): (None, 1.6),
    ("no hint", "1 h"): (210.0, 16.0),
    ("past within 30 %", "1 h"): (40.0, 20.0),
    ("estimate within 10 %", "1 h"): (25.0, 10.0),
}
_WRONG = ("past half of it", "past twice of it", "estimate half", "estimate double", "nonsense", "stuck")


def rows(*, samples: int = 200) -> Iterator[Row]:
    """The whole table. What is wrong may cost a third more questions than nothing; how late it is, is told."""
    for name, policy in [*OURS.items(), *OTHERS.items()]:
        for label, around in DURATIONS.items():
            measured = cost(policy, around, samples=samples)
            most, latest = _GOALS.get((name, label), (None, None))
            if name in _WRONG:
                most = cost(OURS["no hint"], around, samples=samples).requests * 4 / 3
            section = f"Looking at a job of {label}"
            yield Row(section=section, what=name, figure="requests", value=measured.requests, goal=most)
            yield Row(section=section, what=name, figure="s late", value=measured.lateness, goal=latest)
