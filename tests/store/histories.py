"""Facts to write down: any that the types allow, and those of small runs. And a clock that only moves when it is told to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args, get_type_hints

from hypothesis import strategies as st

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.store.folder.journal import JournalFile
from spectrum_pipelines.store.folder.state_directory import StateDirectory
from spectrum_pipelines.store.holder import Who

RUN_ID = "20261123T150405Z-7f3a"
MOMENT = datetime(2026, 11, 23, 15, 4, 5, 123_000, tzinfo=UTC)
ME = Who(pid=4711, host="ci-7.example.com")

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(), max_size=30)  # lone surrogates too: JSON can carry them, so servers can send them
st.register_type_strategy(float, FLOATS)
st.register_type_strategy(str, TEXTS)
SCALARS: st.SearchStrategy[Scalar] = TEXTS | st.integers() | FLOATS | st.booleans()
TIMES = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
EVENT_CLASSES: tuple[type, ...] = get_args(ev.Event)


def _event_of(event: type) -> st.SearchStrategy[ev.Event]:
    return st.builds(
        event, **{name: st.from_type(hint) for name, hint in get_type_hints(event).items() if name != "is_promise"}
    )


def stamped_of(event: type) -> st.SearchStrategy[Stamped]:
    return st.builds(
        Stamped,
        at=st.floats(0, 1e10),
        time=TIMES,
        event=_event_of(event),
    )


STAMPED = st.one_of([stamped_of(event) for event in EVENT_CLASSES])


def stamped(event: ev.Event, at: float = 0.0) -> Stamped:
    return Stamped(at=at, time=MOMENT + timedelta(seconds=at), event=event)


def started(run_id: str = RUN_ID, *, digest: str = "sha256:0", run_key: str | None = None) -> ev.RunStarted:
    return ev.RunStarted(
        run_id=run_id,
        pipeline="nightly-sales",
        file="sales.yaml",
        digest=digest,
        plan_digest="sha256:1",
        server="http://127.0.0.1:8080",
        tool_version="0.1.0",
        run_key=run_key,
    )


def write(path: Path, *events: ev.Event) -> list[Stamped]:
    facts = [stamped(event, float(at)) for at, event in enumerate(events)]
    with JournalFile.create(path) as journal:
        journal.append(facts)
    return facts


def built(text: str) -> Pipeline:
    document, faults = parse(Source(name="sales.yaml", text=text))
    assert document is not None, faults
    pipeline, faults = build(document, given=Given(), run_id=RUN_ID)
    assert pipeline is not None, faults
    return pipeline


def tokens(*words: str) -> Callable[[], str]:
    return iter(words).__next__


def begin(state: StateDirectory, *events: ev.Event, token: str = "7f3a") -> Path:
    """A run with a journal of `RunStarted` and `events`; the path of the journal."""
    run = state.new_run(MOMENT, tokens(token))
    write(run.journal, started(run.run_id), *events)
    return run.journal


class Clock:
    """Moves by `sleep` alone, and tells `then` of each sleep."""

    def __init__(self, then: Callable[[float], None] | None = None) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []
        self._then = then

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return MOMENT + timedelta(seconds=self.seconds - 1000.0)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)
        if self._then is not None:
            self._then(self.seconds - 1000.0)
