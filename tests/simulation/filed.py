"""Pipelines as people write them, with dates, lists, switches, needs per combination and outputs: read from their file each time.

What a run began with is kept and read again by the real application; what a sequence is sent is held against the file and the day
on which the run first started, whatever day it is by now.
"""

import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from spectrum_pipelines.app import go_on
from spectrum_pipelines.app.loading import load_source
from spectrum_pipelines.app.recall import Again, History, recall
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine.facts import Adopted, Resumed, Retried, RunStarted, Settled, Stamped, Triggered
from spectrum_pipelines.engine.requests import PostSequence
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.plan.agreed import plan_digest
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.store.history import Recorded
from spectrum_pipelines.store.interface import RunStore
from spectrum_pipelines.store.texts import Texts
from tests.promises import Promise
from tests.simulation.kernel import EPOCH
from tests.simulation.ledger import BrokenPromise
from tests.simulation.network import Passage
from tests.simulation.pipelines import RUN_ID, SECRET, URL
from tests.simulation.rounds import is_fair
from tests.simulation.spectrum import File

FILE = "simulated.yaml"
#: Where it is nearly midnight when a simulation begins, just after it, and far from it.
_ZONES = ("Australia/Eucla", "Australia/Eucla", "Asia/Tokyo", "UTC", "America/New_York")
_OFFSETS = {"today": 0, "yesterday": -1, "today-7d": -7}
#: Seconds after which it is another day anywhere.
NIGHT = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file, and its later versions, one for each round that a person goes on from what failed (None: as it was)."""

    text: str
    later: tuple[str | None, ...] = ()

    def load(self) -> Pipeline:
        """The pipeline of a run that starts as the simulation begins."""
        return load_source(Source(name=FILE, text=self.text), _given(EPOCH), run_id=RUN_ID).pipeline


def _given(now: datetime) -> Given:
    return Given(now=now, process_environment={"SPECTRUM_VAR_token": SECRET})


def draw_written(rng: random.Random) -> tuple[Written, list[File]]:
    """A small nightly pipeline, and the files that it acts on."""
    regions = rng.sample(("emea", "apac", "amer"), rng.choice((1, 2, 3)))
    names = [*(f"load {it}" for it in regions), *(f"clean {it}" for it in regions), "publish", "report"]
    files = [_file(rng, place, name) for place, name in enumerate(names)]
    texts = [json.dumps(data := _pipeline(rng, regions, report=files[-1].id))]
    later: list[str | None] = []
    for _ in range(rng.choice((0, 1, 2))):
        is_mended = rng.random() < 0.6
        if is_mended:
            data = _mended(rng, data)
        later.append(json.dumps(data) if is_mended else None)
    return Written(text=texts[0], later=tuple(later)), files


def _file(rng: random.Random, place: int, name: str) -> File:
    return File(
        id=40 + place,
        uuid=f"73b2800b-ed90-47ef-abdc-{place:012x}",
        path=f"/Data/{name}.imp",
        configuration_id=400 + place,
        outcomes=tuple(rng.choice(("COMPLETED", "COMPLETED", "COMPLETED", "ERROR", "CANCELED")) for _ in range(3)),
        durations=tuple(round(rng.expovariate(1 / 8), 2) + 0.1 for _ in range(3)),
    )


def _pipeline(rng: random.Random, regions: Sequence[str], *, report: int) -> dict[str, Any]:
    first = rng.choice(regions)
    output = rng.choice(("execution_id", "success_count", "counters.IMPORT_RECORDS"))
    return {
        "version": 1,
        "name": "simulated",
        "timezone": rng.choice(_ZONES),
        "server": {"url": URL},
        "variables": {
            "day": {"type": "date", "default": rng.choice(list(_OFFSETS))},
            "regions": {"type": "list", "default": list(regions)},
            "publish": {"type": "boolean", "default": rng.random() < 0.5},
            "token": {"type": "string", "secret": True},
        },
        "defaults": _policy(rng),
        "http": {"max_connections": rng.choice((1, 2, 8))},
        "fail_fast": rng.random() < 0.5,
        "on_abort": rng.choice(("stop", "detach")),
        "jobs": {
            "load": {"matrix": {"region": "${var.regions}"}, "trigger": "/Data/load ${matrix.region}.imp"},
            "clean": {
                "needs": ["load[${matrix.region}]"],
                "matrix": {"region": "${var.regions}"},
                "run_if": rng.choice(("all_success", "all_done")),
                "trigger": "/Data/clean ${matrix.region}.imp",
            },
            "publish": {"enabled": "${var.publish}", "needs": ["clean"], "trigger": "/Data/publish.imp"},
            "report": {
                "needs": ["publish", f"load[{first}]"],
                "run_if": rng.choice(("all_success", "all_done", "any_failed")),
                "sequence": [report],
                "variables": {
                    "day": "${var.day:%Y-%m-%d}",
                    "before": "${var.day-1d:%Y%m%d}",
                    "today": "${run.date}",
                    "loaded": f"${{jobs.load[{first}].{output}}}",
                    "token": "${var.token}",
                },
            },
        },
        "finally": {"cleanup": {"delete_data": [f"${{jobs.load[{first}].execution_id}}"], "if_missing": "ok"}},
    }


def _policy(rng: random.Random) -> dict[str, Any]:
    retry = {"limit": rng.choice((0, 0, 1, 2)), "interval": "1s", "when": ["failed", "timed_out", "canceled"]}
    return {
        "timeout": rng.choice(("30s", "2m", "2h")),
        "on_running": rng.choice(("wait", "fail", "attach")),
        "ambiguous_grace": "2s",
        "retry": retry,
    }


def _mended(rng: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Another policy, other work, or another day."""
    match rng.choice(("policy", "work", "day", "switch")):
        case "policy":
            return {**data, "defaults": _policy(rng)}
        case "day":
            day = {"type": "date", "default": rng.choice(list(_OFFSETS))}
            return {**data, "variables": {**data["variables"], "day": day}}
        case "switch":
            publish = {"type": "boolean", "default": not data["variables"]["publish"]["default"]}
            return {**data, "variables": {**data["variables"], "publish": publish}}
        case _:
            report = data["jobs"]["report"]
            again = {**report, "variables": {**report["variables"], "note": str(rng.random())}}
            return {**data, "jobs": {**data["jobs"], "report": again}}


class _Shelf:
    """As much of a kept run as recalling one takes."""

    run_id = RUN_ID
    place = "the shelf"

    def __init__(self, text: str) -> None:
        self._texts = Texts(pipeline=text)

    def texts(self, digest: str) -> Texts:
        assert digest == self._texts.digest
        return self._texts


class Filed:
    """The source of a run that has a file. It judges what the run makes of its values, too."""

    def __init__(self, written: Written) -> None:
        self._written = written
        self._shelf = cast("RunStore", _Shelf(written.text))
        self._day: date | None = None
        self._executions: dict[str, set[int]] = defaultdict(set)
        self._data: Mapping[str, Any] = json.loads(written.text)

    def pipelines(self) -> list[Pipeline]:
        """Those of all rounds, as far as their policies go."""
        texts = [self._written.text, *(text for text in self._written.later if text is not None)]
        return [Written(text=text).load() for text in texts]

    def begin(self, now: datetime) -> tuple[RunState, RunStarted]:
        """What `run` does with the file."""
        loaded = load_source(Source(name=FILE, text=self._written.text), _given(now), run_id=RUN_ID)
        values = {name: "***" if it.secret else it.recorded for name, it in loaded.pipeline.variables.items()}
        started = RunStarted(
            run_id=RUN_ID,
            pipeline="simulated",
            file=FILE,
            digest=loaded.texts.digest,
            plan_digest=plan_digest(plan_data(loaded.planned())),
            server=URL,
            tool_version="0.2.0",
            variables=values,
            date=loaded.pipeline.date,
        )
        return RunState(loaded.pipeline, RUN_ID), started

    def replayed(self, facts: Sequence[Stamped]) -> RunState:
        """What `report` makes of the journal."""
        return self._recall(facts, Again(given=_given(EPOCH))).state

    def next(self, facts: Sequence[Stamped], now: datetime) -> tuple[RunState, Resumed | Retried | None]:
        """What `resume` and `retry` do with the file as it is now."""
        for fact in facts:
            self._learn(fact)
        rounds = sum(isinstance(fact.event, Retried) for fact in facts)
        retries = rounds < len(self._written.later)
        known = [self._written.text, *(text for text in self._written.later[: rounds + retries] if text is not None)]
        again = Again(given=_given(now), source=Source(name=FILE, text=known[-1]), retries=retries)
        history = self._recall(facts, again)
        if history.state.ended is not None and not retries and go_on._next(history, Again(given=_given(now))) is None:
            return history.state, None
        onward = go_on._next(history, again)
        if onward is None:
            return history.state, None
        if isinstance(onward.first, Retried):
            plan = plan_retry(history.state, onward.pipeline)
            assert isinstance(plan, RetryPlan)
            is_fair(history.state, onward.pipeline, plan)
        return history.state, onward.first

    def _recall(self, facts: Sequence[Stamped], again: Again) -> History:
        return recall(self._shelf, Recorded(facts=list(facts), length=0, size=0), again)

    def observed(self, fact: Stamped) -> None:
        """The run starts on the day that it is in its time zone, and keeps that; a round may have another file."""
        event = fact.event
        self._learn(fact)
        if isinstance(event, RunStarted):
            self._day = fact.time.astimezone(ZoneInfo(self._data["timezone"])).date()
            if event.date != self._day.isoformat():
                raise BrokenPromise(Promise.NEVER_A_LIE, f"the run starts on {self._day}, and says {event.date}")
        elif isinstance(event, Resumed | Retried) and event.changed is not None and event.changed.text is not None:
            self._data = json.loads(event.changed.text)

    def _learn(self, fact: Stamped) -> None:
        """What a job has come by, whoever started it and whoever said so."""
        event = fact.event
        if isinstance(event, Triggered | Adopted):
            self._executions[event.job].update(one.execution_id for one in event.executions)
        elif isinstance(event, Settled) and event.execution_id is not None:
            self._executions[event.job].add(event.execution_id)

    def sent(self, passage: Passage) -> None:
        """What a sequence is told is what the file says, counted from the first start; outputs are those of the job."""
        request = passage.request
        if not isinstance(request, PostSequence) or self._day is None:
            return
        day = self._day + timedelta(days=_OFFSETS[self._data["variables"]["day"]["default"]])
        wanted = {
            "day": day.isoformat(),
            "before": f"{day - timedelta(days=1):%Y%m%d}",
            "today": self._day.isoformat(),
            "token": SECRET,
        }
        for name, value in wanted.items():
            if request.variables[name] != value:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"{request.job} is told {name} = {request.variables[name]}, not {value}"
                )
        reference = str(self._data["jobs"]["report"]["variables"]["loaded"])
        name, _, output = reference.removeprefix("${jobs.").removesuffix("}").partition("].")
        ours = self._executions[f"{name}]"]
        if not ours or (output == "execution_id" and request.variables["loaded"] not in ours):
            told = f"{request.job} is told {request.variables['loaded']}, and {name}] has {ours}"
            raise BrokenPromise(Promise.NEVER_A_LIE, told)
