"""What a seed decides before the first second passes: pipeline, server, weather, strangers, and how our processes die."""

import random
from dataclasses import dataclass, replace
from enum import Enum

from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from tests.simulation.answers import Details, History, Listing, Manners
from tests.simulation.disk import DiskFault
from tests.simulation.filed import NIGHT, Written, draw_written
from tests.simulation.pipelines import Drawing, draw_pipeline
from tests.simulation.rounds import Round, draw_rounds
from tests.simulation.spectrum import File, Habits
from tests.simulation.weather import Weather

_SPELLINGS = {"COMPLETED_WITH_WARNINGS": "COMPLETED_WITH_Warnings", "CANCELED": "CANCELLED", "RUNNING": "Running"}


class Mood(Enum):
    """`CALM`: only our own processes die, so the run must end as if they had not."""

    CALM = "calm"
    FAIR = "fair"
    ROUGH = "rough"
    LOST_TRIGGERS = "lost triggers"
    SHADOWED = "shadowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """So many seconds after the process has asked for something of this kind for the nth time; None: as it is about to ask."""

    kind: str
    nth: int
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process of ours. It dies at a step, a second or a moment of its own, if at all; `cuts_power`: the machine dies with it.

    `signal_at`, `signal_on`: when a person interrupts it. `breaks_on`: when its disk breaks. `freezes_on`: when it stands still
    while the world goes on, for `frozen_for` seconds. `rests`: seconds until the next one. `skew`: seconds by which the wall clock
    of its machine is wrong.
    """

    dies_at_step: int | None = None
    dies_at: float | None = None
    dies_on: Moment | None = None
    signal_on: Moment | None = None
    breaks_on: Moment | None = None
    freezes_on: Moment | None = None
    frozen_for: float = 0.0
    skew: float = 0.0
    cuts_power: bool = False
    disk_fault: DiskFault | None = None
    signal_at: float | None = None
    signal: str = "SIGTERM"
    detaches: bool = False
    rests: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """Somebody else's deed: `trigger` or `stop` of a file."""

    at: float
    verb: str
    file_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The server loses its id counter, or, with an `age` in seconds, everything that is younger."""

    at: float
    age: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One simulation, ready to be run. `restarts` are (at, for so long); `rounds` are retries of a run that has failed.

    `written` is the file of a pipeline that has one.
    """

    seed: int
    mood: Mood
    pipeline: Pipeline
    files: tuple[File, ...]
    habits: Habits
    manners: Manners
    weather: Weather
    strangers: tuple[Stranger, ...] = ()
    losses: tuple[Loss, ...] = ()
    restarts: tuple[tuple[float, float], ...] = ()
    jumps: tuple[tuple[float, float], ...] = ()
    lives: tuple[Life, ...] = ()
    rounds: tuple[Round, ...] = ()
    written: Written | None = None

    def without_crashes(self) -> "Scenario":
        """The same, undisturbed. Drawn anew, because files remember what has run."""
        return replace(draw(self.seed), lives=())


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    rng = random.Random(f"scenario/{seed}")
    mood = rng.choices(list(Mood), (2, 3, 3, 2, 3))[0]
    crowded = mood is Mood.SHADOWED
    drawing = Drawing(random=rng, calm=mood is Mood.CALM, crowded=crowded, hiding=crowded and rng.random() < 0.2)
    pipeline, files = draw_pipeline(drawing)
    nightly = random.Random(f"written/{seed}")
    written = None
    if mood not in {Mood.CALM, Mood.SHADOWED} and nightly.random() < 0.07:
        written, files = draw_written(nightly)
        pipeline = written.load()
    scenario = Scenario(
        seed=seed,
        mood=mood,
        pipeline=pipeline,
        files=tuple(files),
        habits=Habits(slots=rng.choice((1, 4, 20))),
        manners=Manners(),
        weather=Weather(latency=rng.choice((0.01, 0.05, 0.3))),
        lives=_lives(rng, mood),
        rounds=draw_rounds(random.Random(f"rounds/{seed}"), pipeline, files, calm=mood is Mood.CALM),
    )
    if mood is Mood.CALM:
        return scenario
    rough = replace(
        scenario,
        habits=_habits(rng),
        manners=_manners(rng),
        weather=_weather(rng, mood),
        strangers=_strangers(rng, mood, files),
        restarts=_windows(rng, often=0.15, longest=90.0),
        jumps=tuple(
            (rng.uniform(0, 100), rng.choice((-3600.0, 3600.0, 40.0))) for _ in range(rng.choice((0, 0, 0, 1)))
        ),
    )
    trials = random.Random(f"trials/{seed}")
    if drawing.hiding:
        return hidden(rough, trials)
    tough = frozen(tried(rough, trials), random.Random(f"freezes/{seed}"))
    return tough if written is None else through_the_night(replace(tough, written=written), nightly)


def tried(scenario: Scenario, rng: random.Random) -> Scenario:
    """The same with what a server in trouble says, and with processes that end just where it hurts."""
    shadowed = scenario.mood is Mood.SHADOWED
    past = rng.choice((0, 1, 3))
    losses = _losses(rng)
    return replace(
        scenario,
        # Where ids begin anew there have been many.
        habits=replace(scenario.habits, past=past, first_id=500 if losses or past else scenario.habits.first_id),
        manners=replace(
            scenario.manners,
            history=rng.choice(list(History)) if shadowed or rng.random() < 0.3 else History.ALL,
            mixed_up=rng.choice((0.0, 0.0, 0.0, 0.0, 0.05, 1.0)),
            absurd=rng.choice((0.0, 0.0, 0.3)),
            text_ids=rng.random() < 0.1,
        ),
        losses=losses,
        strangers=_shadows(rng, scenario.files) if shadowed else scenario.strangers,
        lives=_lives_on_the_edge(rng) if shadowed or rng.random() < 0.2 else _skewed(rng, scenario.lives),
    )


def through_the_night(scenario: Scenario, rng: random.Random) -> Scenario:
    """The same in fair weather, but the first process ends early, and the next one comes on another day, or soon."""
    fair = replace(scenario.weather, asking=0.01, acting=0.03, outages=(), locked_out=())
    first = replace((*scenario.lives, Life())[0], rests=rng.choice((0.0, 900.0, NIGHT)))
    if rng.random() < 0.7:
        first = replace(first, signal_on=_moment(rng, ("trigger", "details", "other")))
    return replace(scenario, weather=fair, losses=(), lives=(first, *scenario.lives[1:]))


def frozen(scenario: Scenario, rng: random.Random) -> Scenario:
    """The same, but a process may stand still, most often as it stops something."""
    if rng.random() >= 0.15:
        return scenario
    kinds = ("stop", "stop", "verify", "trigger", "look-up", "details", "other")
    freezes_on = Moment(kind=rng.choice(kinds), nth=rng.choice((1, 1, 2)), after=None)
    length = rng.choice((3.0, 40.0, 40.0, 300.0))
    first = replace((*scenario.lives, Life())[0], freezes_on=freezes_on, frozen_for=length)
    if rng.random() < 0.5:
        first = replace(first, signal_on=_moment(rng, ("trigger", "details", "other")), dies_at=None, dies_on=None)
    return replace(scenario, lives=(first, *scenario.lives[1:]))


def hidden(scenario: Scenario, rng: random.Random) -> Scenario:
    """A process dies with its first trigger under way; the next one's looks show what hides it, and little else."""
    dies = tuple(
        Life(dies_on=Moment(kind=kind, nth=1, after=rng.choice((0.02, 0.1, 0.5))), rests=rng.choice((0.0, 0.0, 1.0)))
        for kind in ("trigger", *rng.choice(((), ("look-up",), ("look-up", "trigger"))))
    )
    blind = (History.REFUSED, History.EMPTY, History.SHORT, History.ENDED_ONLY)
    return replace(
        scenario,
        habits=Habits(slots=20, past=1, first_id=500),
        manners=Manners(history=rng.choice(blind), listing=rng.choice((Listing.EMPTY, Listing.NO_QUEUED))),
        weather=Weather(latency=0.02),
        restarts=(),
        lives=dies,
    )


def _losses(rng: random.Random) -> tuple[Loss, ...]:
    if rng.random() < 0.85:
        return ()
    return (Loss(at=rng.uniform(0, 40), age=rng.choice((None, 3.0, 10.0, 60.0))),)


def _shadows(rng: random.Random, files: tuple[File, ...]) -> tuple[Stranger, ...]:
    """Somebody who starts the same files around the same time, again and again; or nobody but ourselves."""
    if rng.random() < 0.6:
        return ()
    began = rng.uniform(0, 3)
    times = (began + rng.expovariate(0.5) * turn for turn in range(rng.choice((2, 5, 10))))
    return tuple(Stranger(at=at, verb="trigger", file_id=rng.choice(files).id) for at in times)


def _skewed(rng: random.Random, lives: tuple[Life, ...]) -> tuple[Life, ...]:
    """Processes on several machines, whose clocks differ."""
    return tuple(replace(life, skew=rng.choice((0.0, 0.0, 0.0, 3600.0, -3600.0, 20.0))) for life in lives)


def _lives_on_the_edge(rng: random.Random) -> tuple[Life, ...]:
    return _skewed(rng, tuple(_life_on_the_edge(rng) for _ in range(rng.choice((1, 2, 2, 3, 4)))))


def _life_on_the_edge(rng: random.Random) -> Life:
    """It ends at a step of a trigger, a search or a stop; or it is interrupted there, and dies or loses its disk on the way out."""
    rests = rng.choice((0.0, 1.0, 5.0, 30.0))
    last = _moment(rng, ("trigger", "trigger", "trigger", "stop", "stop", "verify", "look-up", "details"))
    if rng.random() < 0.4:
        # Its trigger is under way, and nobody will ever hear the answer.
        return Life(dies_on=Moment(kind="trigger", nth=rng.choice((1, 1, 2, 3)), after=0.02), rests=rests)
    match rng.choice(("kill", "kill", "kill", "signal", "disk", "signal and kill", "signal and disk")):
        case "kill":
            return Life(dies_on=last, cuts_power=rng.random() < 0.3, rests=rests)
        case "signal":
            return Life(signal_on=last, rests=rests)
        case "disk":
            return Life(breaks_on=last, rests=rests)
        case "signal and kill":
            return Life(signal_on=last, dies_on=_moment(rng, ("stop", "verify", "details")), rests=rests)
        case _:
            return Life(signal_on=last, breaks_on=_moment(rng, ("stop", "verify", "details")), rests=rests)


def _moment(rng: random.Random, kinds: tuple[str, ...]) -> Moment:
    after = rng.choice((None, 0.0, 0.02, rng.expovariate(2.0), rng.expovariate(0.3)))
    return Moment(kind=rng.choice(kinds), nth=rng.choice((1, 1, 1, 2, 2, 3, 5)), after=after)


def _habits(rng: random.Random) -> Habits:
    return Habits(
        slots=rng.choice((1, 4, 20)),
        stop_is_heard=rng.random() < 0.9,
        stop_cancels_queued=rng.random() < 0.3,
        leaves_behind=rng.random() < 0.4,
        restart_ends_with=rng.choice(("ERROR", "CANCELED", None)),
    )


def _manners(rng: random.Random) -> Manners:
    return Manners(
        listing=rng.choices(list(Listing), (12, 3, 2, 1, 1, 1))[0],
        list_lag=rng.choice((0.0, 0.0, 0.0, 0.5, 2.0)),
        status_lag=rng.choice((0.0, 0.0, 0.0, 0.0, 0.5)),
        details=rng.choices(list(Details), (12, 2, 1, 1))[0],
        failure_code=rng.choice((200, 200, 400, 404, 500)),
        spelling=rng.choice((None, _SPELLINGS)),
        narrow_space=rng.random() < 0.5,
        odd_words=rng.choice((0.0, 0.0, 0.1)),
        echoes=rng.random() < 0.5,
    )


def _weather(rng: random.Random, mood: Mood) -> Weather:
    share = {Mood.FAIR: 0.03, Mood.ROUGH: 0.25, Mood.LOST_TRIGGERS: 0.02, Mood.SHADOWED: 0.02}[mood]
    return Weather(
        asking=share,
        acting={Mood.LOST_TRIGGERS: 0.6, Mood.SHADOWED: 0.3}.get(mood, share),
        latency=rng.choice((0.01, 0.05, 0.3)),
        outages=tuple((at, at + length) for at, length in _windows(rng, often=0.15, longest=700.0)),
        locked_out=tuple((at, at + length) for at, length in _windows(rng, often=0.05, longest=30.0)),
    )


def _windows(rng: random.Random, *, often: float, longest: float) -> tuple[tuple[float, float], ...]:
    return ((rng.uniform(0, 60), rng.uniform(1, longest)),) if rng.random() < often else ()


def _strangers(rng: random.Random, mood: Mood, files: list[File]) -> tuple[Stranger, ...]:
    number = rng.choice((0, 4, 8)) if mood is Mood.LOST_TRIGGERS else rng.choice((0, 0, 1, 3, 8))
    return tuple(
        Stranger(
            at=rng.uniform(0, rng.choice((5, 20, 120))),
            verb=rng.choice(("trigger", "trigger", "trigger", "stop")),
            file_id=rng.choice(files).id,
        )
        for _ in range(number)
    )


def _lives(rng: random.Random, mood: Mood) -> tuple[Life, ...]:
    number = rng.choice((1, 1, 2, 4)) if mood is Mood.CALM else rng.choice((0, 0, 1, 2))
    return tuple(_life(rng, mood) for _ in range(number))


def _life(rng: random.Random, mood: Mood) -> Life:
    rests = rng.choice((0.0, 1.0, 30.0))
    cuts_power = rng.random() < 0.5
    kind = rng.choices(("step", "time", "signal", "disk"), (5, 3, 3, 2) if mood is not Mood.CALM else (1, 1, 0, 0))[0]
    match kind:
        case "step":
            return Life(dies_at_step=int(2 ** rng.uniform(0, 9)), cuts_power=cuts_power, rests=rests)
        case "time":
            return Life(dies_at=rng.expovariate(1 / 15), cuts_power=cuts_power, rests=rests)
        case "signal":
            return Life(
                signal_at=rng.expovariate(1 / 10),
                signal=rng.choice(("SIGINT", "SIGTERM", "SIGHUP")),
                detaches=rng.random() < 0.2,
                dies_at_step=rng.choice((None, None, int(2 ** rng.uniform(0, 9)))),
                cuts_power=cuts_power,
                rests=rests,
            )
        case _:
            fault = DiskFault(call=int(2 ** rng.uniform(0, 7)), writes_half=rng.random() < 0.5)
            return Life(disk_fault=fault, rests=rests)
