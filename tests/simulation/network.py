"""What lies between: a `Transport` for the real client, over which anything may happen to a call.

A request that left is out of our hands: it reaches Spectrum when its time has come, whether or not the process that sent it still
waits, or lives.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from greenlet import getcurrent

from spectrum_pipelines.client.transport.exchange import Call, Reply
from spectrum_pipelines.engine.requests import PostSequence, PostTrigger, Request
from spectrum_pipelines.errors import TlsFailure, Unanswered, Unsent
from tests.simulation.answers import Answers
from tests.simulation.kernel import Kernel
from tests.simulation.pool import Worker
from tests.simulation.spectrum import Execution, Origin
from tests.simulation.story import Story
from tests.simulation.weather import RETRY_AFTER, Fate, Weather

_ID = re.compile(rb'"(job-execution-id|jobExecutionId)": \d+')
_NO_IDS = (b"null", b'"eleven"', b"-7", b"99999999999999999999999", b"true", b"1.5")
_PAGE = b"<html><body>Bad things happened on the way</body></html>"


@dataclass(slots=True, kw_only=True, eq=False)
class Passage:
    """One request on its way, and what became of it in truth."""

    process: int
    request: Request
    call: Call
    fate: Fate
    sent_at: float
    is_pending: bool = False
    touched: list[Execution] = field(default_factory=list)
    reply: Reply | None = None

    @property
    def is_trigger(self) -> bool:
        """It may start something."""
        return isinstance(self.request, PostTrigger | PostSequence)


class Network:
    """All wires of a simulation. `watch` is told of each request as it leaves, and again when Spectrum has handled it."""

    def __init__(
        self,
        kernel: Kernel,
        answers: Answers,
        weather: Weather,
        random: random.Random,
        story: Story,
    ) -> None:
        self.on_sent: Callable[[Passage], None] = lambda _: None
        self.on_handled: Callable[[Passage], None] = lambda _: None
        self.sent = 0
        self._kernel = kernel
        self._answers = answers
        self._weather = weather
        self._random = random
        self._story = story
        self._under_way: list[Passage] = []

    def bury(self, process: int, *, within: float) -> None:
        """The process is dead. What it has sent is lost, or arrives within so many seconds."""
        for passage in [p for p in self._under_way if p.process == process and p.is_pending]:
            self._under_way.remove(passage)
            if self._random.random() < 0.5:
                passage.is_pending = False
            else:
                self._kernel.after(self._random.random() * within, partial(self._arrive, passage))

    def send(self, process: int, call: Call, *, read_timeout: float) -> Reply:
        """Carry one call, in the greenlet of a worker."""
        worker = getcurrent()
        assert isinstance(worker, Worker)
        fate = self._weather.fate_of(call.method, self._kernel.now, self._random)
        if self._nobody_listens():
            fate = Fate.UNSENT
        passage = Passage(
            process=process,
            request=worker.request,
            call=call,
            fate=fate,
            sent_at=self._kernel.now,
            is_pending=fate.reaches_spectrum,
        )
        self.sent += 1
        self._story.tell(f"process {process}", lambda: f"{call.method} {call.url} [{fate.value}]")
        self.on_sent(passage)
        if fate.reaches_spectrum:
            return self._handled(passage, read_timeout)
        return self._unhandled(fate, read_timeout)

    def _nobody_listens(self) -> bool:
        now = self._kernel.now
        return self._answers.spectrum.is_down or any(since <= now < until for since, until in self._weather.outages)

    def _latency(self) -> float:
        return min(self._random.expovariate(1.0) * self._weather.latency, 2.0)

    def _unhandled(self, fate: Fate, read_timeout: float) -> Reply:
        self._kernel.sleep(read_timeout if fate is Fate.DROPPED else self._latency())
        match fate:
            case Fate.UNSENT:
                raise Unsent("connection refused")
            case Fate.NO_TLS:
                raise TlsFailure("the certificate is not trusted")
            case Fate.LOST:
                raise Unanswered("the connection was reset")
            case Fate.DROPPED:
                raise Unanswered(f"no answer within {read_timeout:g}s")
            case Fate.THROTTLED:
                return Reply(http_status=429, headers={"Retry-After": self._random.choice(RETRY_AFTER)}, body=b"")
            case Fate.LOCKED_OUT:
                return Reply(http_status=401, headers={}, body=b"")
            case Fate.GATEWAY:
                return Reply(http_status=503, headers={}, body=_PAGE)
            case Fate.REDIRECT:
                return Reply(http_status=302, headers={"Location": "https://sso.example.com/"}, body=b"")
            case _:
                return Reply(http_status=200, headers={"Content-Type": "text/html"}, body=_PAGE)

    def _handled(self, passage: Passage, read_timeout: float) -> Reply:
        """Two stretches: to Spectrum, and back to whoever still waits."""
        fate = passage.fate
        there = self._latency()
        if fate is Fate.LATE:
            there = read_timeout + self._random.random() * self._weather.worst_lateness
        self._under_way.append(passage)
        self._kernel.after(there, lambda: self._arrive(passage))
        self._kernel.sleep(min(there, read_timeout))
        if fate in {Fate.LATE, Fate.SILENT}:
            self._kernel.sleep(max(0.0, read_timeout - there))
            raise Unanswered(f"no answer within {read_timeout:g}s")
        self._kernel.sleep(self._latency())
        if passage.reply is None or fate is Fate.RESET:
            raise Unanswered("the connection was reset")
        return self._on_the_way_back(fate, passage.reply, passage.call)

    def _arrive(self, passage: Passage) -> None:
        if not passage.is_pending:
            return
        passage.is_pending = False
        if passage in self._under_way:
            self._under_way.remove(passage)
        if self._answers.spectrum.is_down:
            return  # the connection dies with the server
        for turn in range(1 + (passage.fate is Fate.REPEATED and passage.call.method != "GET")):
            passage.reply, touched = self._answers.handle(passage.call, _origin(passage), repeated=turn > 0)
            passage.touched += touched
        self.on_handled(passage)

    def _on_the_way_back(self, fate: Fate, reply: Reply, call: Call) -> Reply:
        match fate:
            case Fate.TRUNCATED:
                return _with_body(reply, reply.body[: self._random.randrange(max(1, len(reply.body)))])
            case Fate.BAD_GATEWAY:
                # Some gateways show what they were given, secrets and all.
                return Reply(http_status=502, headers={}, body=_PAGE + (call.body or b""))
            case Fate.CRASHED:
                failure = {"status": "failure", "reason": f"internal error near {(call.body or b'').decode()}"}
                return Reply(http_status=500, headers={}, body=json.dumps(failure).encode())
            case Fate.LOST_PAGE:
                return Reply(http_status=404, headers={}, body=_PAGE)
            case Fate.GARBLED:
                # A null id in an answer to a question means "never ran": only a trigger's answer may be so wrong.
                wrong = _NO_IDS[0 if call.method == "POST" else 1 :]
                return _with_body(reply, _ID.sub(rb'"\1": ' + self._random.choice(wrong), reply.body))
            case _:
                return reply


def _origin(passage: Passage) -> Origin | None:
    match passage.request:
        case PostTrigger(job=job, attempt=attempt) | PostSequence(job=job, attempt=attempt):
            return Origin(process=passage.process, job=job, attempt=attempt)
        case _:
            return None


def _with_body(reply: Reply, body: bytes) -> Reply:
    return Reply(http_status=reply.http_status, headers=reply.headers, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One process's `Transport`."""

    network: Network
    process: int
    read_timeout: float

    def send(self, call: Call) -> Reply:
        """One call, once."""
        return self.network.send(self.process, call, read_timeout=self.read_timeout)
