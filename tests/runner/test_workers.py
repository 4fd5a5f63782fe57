"""Real threads: never more than there are connections, nothing lost, bugs and signals are heard."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    AskStatus,
    AskTarget,
    Outcome,
    PostStop,
    PostTrigger,
    Purpose,
    Request,
)
from spectrum_pipelines.errors import HeldBack
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.runner.loop import Heard, Interrupted
from spectrum_pipelines.runner.workers import TRIGGER_IS_FRESH, Workers
from spectrum_pipelines.spectrum import ExecutionId, FileReference, StatusAnswer

_ANSWER = StatusAnswer(job_status="RUNNING")
_LONG = 10.0  # seconds: only a failing test waits so long


def _ask(number: int) -> AskTarget:
    return AskTarget(target=FileReference(f"/{number}"))


def _gather(workers: Workers, count: int) -> list[Heard | Interrupted]:
    arrived: list[Heard | Interrupted] = []
    while len(arrived) < count:
        more = workers.collect(_LONG)
        assert more, "nothing came"
        arrived += more
    return arrived


class _Gate:
    """Calls that hang until they are let through, and know how many hang at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.entered = threading.Semaphore(0)

    def perform(self, _: Request) -> Outcome:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.open.wait(_LONG)
        with self.lock:
            self.inside -= 1
        return _ANSWER


@pytest.fixture
def gate() -> Iterator[_Gate]:
    one = _Gate()
    yield one
    one.open.set()


@pytest.mark.parametrize("connections", [1, 3, 8])
def test_no_more_calls_are_under_way_than_there_are_connections(gate: _Gate, connections: int) -> None:
    workers = Workers(gate.perform, connections=connections)
    for number in range(20):
        workers.submit(_ask(number))
    for _ in range(connections):
        assert gate.entered.acquire(timeout=_LONG)
    assert workers.collect(0.0) == []
    gate.open.set()
    arrived = _gather(workers, 20)
    assert gate.most == connections
    assert sorted(str(one.request) for one in arrived if isinstance(one, Heard)) == sorted(
        str(_ask(number)) for number in range(20)
    )


def test_threads_are_started_only_as_they_are_needed() -> None:
    used: set[int] = set()

    def perform(request: Request) -> Outcome:
        used.add(threading.get_ident())
        return _ANSWER

    workers = Workers(perform, connections=8)
    for number in range(50):
        workers.submit(_ask(number))
        assert _gather(workers, 1) == [Heard(request=_ask(number), outcome=_ANSWER)]
    assert len(used) == 1


def test_submitting_never_waits(gate: _Gate) -> None:
    workers = Workers(gate.perform, connections=1)
    begin = time.monotonic()
    for number in range(1000):
        workers.submit(_ask(number))
    assert time.monotonic() - begin < 5.0


def test_nothing_comes_within_the_timeout(gate: _Gate) -> None:
    workers = Workers(gate.perform, connections=1)
    workers.submit(_ask(1))
    assert workers.collect(0.01) == []


@pytest.mark.parametrize("bug", [ZeroDivisionError("odd"), SystemExit(3)], ids=["an exception", "an exit"])
def test_a_bug_in_a_worker_is_raised_where_it_is_waited_for(bug: BaseException) -> None:
    def perform(request: Request) -> Outcome:
        raise bug

    workers = Workers(perform, connections=1)
    workers.submit(_ask(1))
    with pytest.raises(type(bug)):
        workers.collect(_LONG)


def test_a_worker_survives_its_bug() -> None:
    def perform(request: Request) -> Outcome:
        if request == _ask(1):
            raise ZeroDivisionError
        return _ANSWER

    workers = Workers(perform, connections=1)
    workers.submit(_ask(1))
    with pytest.raises(ZeroDivisionError):
        workers.collect(_LONG)
    workers.submit(_ask(2))
    assert _gather(workers, 1) == [Heard(request=_ask(2), outcome=_ANSWER)]


def test_an_interrupt_is_heard_while_every_call_hangs(gate: _Gate) -> None:
    workers = Workers(gate.perform, connections=1)
    workers.submit(_ask(1))
    assert gate.entered.acquire(timeout=_LONG)
    workers.interrupt(Interrupted(signal="SIGTERM"))
    assert workers.collect(_LONG) == [Interrupted(signal="SIGTERM")]


def test_an_interrupt_from_a_signal_handler_wakes_the_loop_that_waits_without_end(gate: _Gate) -> None:
    workers = Workers(gate.perform, connections=1)
    workers.submit(_ask(1))
    before = signal.signal(signal.SIGUSR1, lambda *_: workers.interrupt(Interrupted(signal="SIGUSR1")))
    try:
        threading.Thread(target=_signal_once_inside, args=(gate,), daemon=True).start()
        assert workers.collect(None) == [Interrupted(signal="SIGUSR1")]
    finally:
        signal.signal(signal.SIGUSR1, before)


def _signal_once_inside(gate: _Gate) -> None:
    gate.entered.acquire(timeout=_LONG)
    os.kill(os.getpid(), signal.SIGUSR1)


def test_threads_that_hang_do_not_keep_the_process(gate: _Gate) -> None:
    workers = Workers(gate.perform, connections=2)
    workers.submit(_ask(1))
    assert gate.entered.acquire(timeout=_LONG)
    assert all(one.daemon for one in threading.enumerate() if one.name.startswith("spectrum-"))


_A, _FILE = JobId("a"), FileReference("/a")
_POST = PostTrigger(job=_A, turn=2, attempt=1, target=_FILE)
_STOP = PostStop(job=_A, turn=2, target=_FILE, execution_id=ExecutionId(11))


def _status(purpose: Purpose) -> AskStatus:
    return AskStatus(job=_A, turn=1, target=_FILE, purpose=purpose)


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        pytest.param(_POST, _status(Purpose.BASELINE), id="a trigger before the baselines of others"),
        pytest.param(_POST, _status(Purpose.POLL), id="a trigger before looks"),
        pytest.param(_STOP, _status(Purpose.POLL), id="a stop before looks"),
        pytest.param(AskAllRunning(), _status(Purpose.POLL), id="the list, which shows all, before looks at one"),
        pytest.param(_status(Purpose.VERIFY_STOP), _status(Purpose.POLL), id="the look before a stop before others"),
        pytest.param(AskAllRunning(), _status(Purpose.BASELINE), id="the list before baselines"),
        pytest.param(_status(Purpose.POLL), _ask(1), id="looks before the targets of the pre-flight"),
        pytest.param(_status(Purpose.BASELINE), _status(Purpose.LESSON), id="baselines before lessons"),
    ],
)
def test_what_is_urgent_goes_first_when_connections_are_scarce(gate: _Gate, later: Request, earlier: Request) -> None:
    workers = Workers(gate.perform, connections=1)
    workers.submit(_ask(0))
    assert gate.entered.acquire(timeout=_LONG)
    for request in (earlier, later):
        workers.submit(request)
    gate.open.set()
    heard = [one.request for one in _gather(workers, 3) if isinstance(one, Heard)]
    assert heard == [_ask(0), later, earlier]


class _Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        raise NotImplementedError

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def test_nothing_is_overtaken_for_ever(gate: _Gate) -> None:
    clock = _Clock()
    workers = Workers(gate.perform, connections=1, clock=clock)
    workers.submit(_ask(0))
    assert gate.entered.acquire(timeout=_LONG)
    workers.submit(_status(Purpose.BASELINE))
    clock.seconds = 61.0
    workers.submit(_status(Purpose.POLL))
    gate.open.set()
    heard = [one.request for one in _gather(workers, 3) if isinstance(one, Heard)]
    assert heard == [_ask(0), _status(Purpose.BASELINE), _status(Purpose.POLL)]


@pytest.mark.parametrize(("waited", "is_sent"), [(TRIGGER_IS_FRESH, True), (TRIGGER_IS_FRESH + 0.1, False)])
def test_a_trigger_that_had_to_wait_is_not_sent_on_the_strength_of_an_old_baseline(
    gate: _Gate, waited: float, is_sent: bool
) -> None:
    clock = _Clock()
    workers = Workers(gate.perform, connections=1, clock=clock)
    workers.submit(_ask(0))
    assert gate.entered.acquire(timeout=_LONG)
    workers.submit(_POST)
    clock.seconds = waited
    gate.open.set()
    _, post = _gather(workers, 2)
    assert isinstance(post, Heard)
    assert isinstance(post.outcome, HeldBack) is not is_sent


@pytest.mark.parametrize("threads", [0, 1], ids=["no thread at all", "one thread"])
def test_a_system_without_threads_to_spare_gets_fewer_workers(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    started: list[threading.Thread] = []
    real = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if len(started) >= threads:
            raise RuntimeError("can't start new thread")
        started.append(self)
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    workers = Workers(lambda _: _ANSWER, connections=8)
    for number in range(20):
        workers.submit(_ask(number))
    assert len(_gather(workers, 20)) == 20
    assert len(started) == threads
