"""What the simulated Spectrum says: the vendor's answers, with everything that servers in the field do differently.

Written from the vendor's page alone; it shares nothing with the client, so that a misreading cannot cancel out.
"""

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from spectrum_pipelines.client.transport.exchange import Call, Reply
from tests.simulation.kernel import EPOCH, Kernel
from tests.simulation.nonsense import with_nonsense, with_text_ids
from tests.simulation.spectrum import Execution, File, Origin, SimulatedSpectrum
from tests.simulation.spoilt import Spoiler

_FILE = re.compile(r"/api/job-execution/(.+)/(status|trigger|stop)")
_ODD_WORDS = ("PREPARING", "", "SUBMITTED_TO_CLUSTER", "STOPPING")
_SHORT_HISTORY = 2


class Listing(Enum):
    """How far list-running can be trusted."""

    COMPLETE = "complete"
    NO_QUEUED = "no queued"
    FLAPPING = "flapping"
    EMPTY = "empty"
    REFUSED = "refused"
    BROKEN = "broken"


class Details(Enum):
    """What job-details gives away."""

    ALL = "all"
    SPARSE = "sparse"
    NOT_OF_STRANGERS = "not of strangers"
    REFUSED = "refused"


class History(Enum):
    """What job-history gives away."""

    ALL = "all"
    SHORT = "short"
    EMPTY = "empty"
    ENDED_ONLY = "ended only"
    REFUSED = "refused"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """What this server's answers look like. Lags are seconds by which a view is behind the truth.

    `mixed_up`: the share of details that are another file's. `absurd`: the share of dates and numbers that make no sense.
    `text_ids`: ids are written as text where the page has numbers. `spoilers`: what else is wrong in them.
    """

    listing: Listing = Listing.COMPLETE
    list_lag: float = 0.0
    status_lag: float = 0.0
    details: Details = Details.ALL
    history: History = History.ALL
    mixed_up: float = 0.0
    absurd: float = 0.0
    text_ids: bool = False
    spoilers: tuple[Spoiler, ...] = ()
    failure_code: int = 200
    spelling: Mapping[str, str] | None = None
    narrow_space: bool = False
    odd_words: float = 0.0
    echoes: bool = False


class Answers:
    """One call in, one reply out; handling happens here and now."""

    def __init__(self, kernel: Kernel, spectrum: SimulatedSpectrum, manners: Manners, random: random.Random) -> None:
        self.spectrum = spectrum
        self.manners = manners
        self._kernel = kernel
        self._random = random

    def handle(self, call: Call, origin: Origin | None, *, repeated: bool = False) -> tuple[Reply, list[Execution]]:
        """Do what is asked. Also tells what was started or stopped by it, for the checks."""
        operation, reply, touched = self._handle(call, origin, repeated=repeated)
        for spoiler in self.manners.spoilers:
            if spoiler.operation == operation:
                reply = self._spoilt(reply, spoiler, call)
        return reply, touched

    def _spoilt(self, reply: Reply, spoiler: Spoiler, call: Call) -> Reply:
        told = json.loads(reply.body or b"null")
        about = self._file_of(call)
        others = [e for e in self.spectrum.executions.values() if e.file is not about]
        another = self._random.choice(others) if others else _nobody()
        spoilt = spoiler.spoil(told, another, self._random)
        return Reply(http_status=reply.http_status, headers=reply.headers, body=json.dumps(spoilt).encode())

    def _file_of(self, call: Call) -> File | None:
        """The file that a call is about, if it is about one."""
        path = unquote(urlsplit(call.url).path)
        if found := _FILE.fullmatch(path):
            return self.spectrum.find(found[1])
        name, number = path.rsplit("/", 2)[-2:]
        known = self.spectrum.executions.get(int(number)) if name == "job-details" else None
        return None if known is None else known.file

    def _handle(self, call: Call, origin: Origin | None, *, repeated: bool) -> tuple[str, Reply, list[Execution]]:
        url = urlsplit(call.url)
        path = unquote(url.path)
        if found := _FILE.fullmatch(path):
            return found[2], *self._file(found[1], found[2], origin, repeated=repeated)
        match path.rsplit("/", 1):
            case ["/api/job-execution", "list-running"]:
                return "list", self._list(), []
            case ["/api/job-execution", "trigger"]:
                return "sequence", *self._sequence(json.loads(call.body or b"{}"), origin, repeated=repeated)
            case ["/rest/job-execution/job-details", number]:
                return "details", self._details(int(number)), []
            case ["/rest/job-configuration/job-history", number]:
                asked = parse_qs(url.query)
                return "history", self._history(int(number), int(asked["start"][0]), int(asked["length"][0])), []
            case ["/rest/data", number]:
                return "delete", self._delete(int(number)), []
            case _:
                raise AssertionError(f"the client asked for {call.method} {call.url}")

    def _file(
        self, reference: str, verb: str, origin: Origin | None, *, repeated: bool
    ) -> tuple[Reply, list[Execution]]:
        file = self.spectrum.find(reference)
        if file is None or (file.refuses and verb == "trigger"):
            return self._no("File doesn\u2019t exist or isn\u2019t accessible with current permissions"), []
        if verb == "status":
            return self._told(self._status(file)), []
        if verb == "stop":
            hit = self.spectrum.stop(file)
            return Reply(http_status=200, headers={}, body=b""), [hit] if hit else []
        started = self.spectrum.trigger(file, origin, repeated=repeated)
        told = {"status": "success", "job-execution-id": started.id, "job-execution-trigger": "RESTAPI"}
        return _json({**told, "job-execution-user": "analyst"}), [started]

    def _status(self, file: File) -> dict[str, Any]:
        seen_at = self._kernel.now - self.manners.status_lag
        for execution in reversed(file.executions):
            word = execution.word_at(seen_at)
            if word is not None:
                told = {"status": "success", "file-id": file.id, "job-execution-id": execution.id}
                return {
                    **told,
                    "job-status": self._spelled(word),
                    **self._times(execution, seen_at, "start-time", "stop-time"),
                }
        return {"status": "success", "job-status": "_NONE"}

    def _times(self, execution: Execution, seen_at: float, start: str, stop: str) -> dict[str, Any]:
        told: dict[str, Any] = {start: self._date(execution.started_at)}
        if execution.ended_at is not None and execution.ended_at <= seen_at:
            told[stop] = self._date(execution.ended_at)
        elif self._random.random() < 0.5:
            rest = (execution.started_at or seen_at) + execution.duration - seen_at
            told |= {"estimate-time": f"{max(0, round(rest * self._random.uniform(0, 2)))}s", "job-progress": "37"}
        return told

    def _date(self, when: float | None) -> str | None:
        if when is None:
            return None
        moment = EPOCH + timedelta(seconds=when)
        half = "PM" if moment.hour >= 12 else "AM"
        space = "\u202f" if self.manners.narrow_space else " "
        clock = f"{moment.hour % 12 or 12}:{moment.minute:02}:{moment.second:02}{space}{half}"
        return f"{('Nov', 'Dec')[moment.month == 12]} {moment.day}, {moment.year} {clock}"

    def _spelled(self, word: str) -> str:
        if word in {"RUNNING", "QUEUED"} and self._random.random() < self.manners.odd_words:
            return self._random.choice(_ODD_WORDS)
        return (self.manners.spelling or {}).get(word, word)

    def _list(self) -> Reply:
        match self.manners.listing:
            case Listing.REFUSED:
                return self._no("Not allowed")
            case Listing.BROKEN:
                return Reply(http_status=500, headers={}, body=b"<html>Internal Server Error</html>")
            case Listing.EMPTY:
                return _json([])
        seen_at = self._kernel.now - self.manners.list_lag
        shown = [e for e in self.spectrum.executions.values() if self._is_listed(e, seen_at)]
        return self._told([self._entry(e, seen_at) for e in shown])

    def _is_listed(self, execution: Execution, seen_at: float) -> bool:
        if execution.queued_at > seen_at or (execution.ended_at is not None and execution.ended_at <= seen_at):
            return False
        if self.manners.listing is Listing.NO_QUEUED:
            return execution.started_at is not None and execution.started_at <= seen_at
        return self.manners.listing is not Listing.FLAPPING or self._random.random() < 0.7

    def _entry(self, execution: Execution, seen_at: float) -> dict[str, Any]:
        return {
            "jobStatus": self._spelled(execution.word_at(seen_at) or ""),
            "fileName": execution.file.path.rsplit("/", 1)[-1],
            "jobName": None,
            "fileId": execution.file.id,
            "uuid": execution.file.uuid,
            "creationDate": int(execution.queued_at * 1000),
            "jobExecutionId": execution.id,
            "dapJobConfigurationId": execution.file.configuration_id,
            "estimatedTime": 0,
            "startTime": None if execution.started_at is None else int(execution.started_at * 1000),
        }

    def _sequence(self, body: Any, origin: Origin | None, *, repeated: bool) -> tuple[Reply, list[Execution]]:
        files = [self.spectrum.find(str(number)) for number in body["fileIds"]]
        known = [file for file in files if file is not None]
        if len(known) < len(files) or any(file.refuses for file in known):
            echo = f" (variables were {json.dumps(body['variables'])})" if self.manners.echoes else ""
            return self._no(f"No such file{echo}"), []
        started = self.spectrum.sequence(known, origin, repeated=repeated)
        echo = f" for {body['variables'].get('token')}" if self.manners.echoes else ""
        plan = [_planned(e, echo) for e in started]
        if self._random.random() < 0.3:
            plan.append({"job-configuration-name": "not due", "job-configuration-id": 9999, "trigger": False})
        return _json({"status": "success", "execution-plan": plan}), started

    def _details(self, number: int) -> Reply:
        execution = self.spectrum.executions.get(number)
        hidden = self.manners.details is Details.REFUSED
        if self.manners.details is Details.NOT_OF_STRANGERS and execution is not None and execution.origin is None:
            hidden = True
        if execution is None or hidden:
            return self._no(f"Entity of type 'JobExecution' with id '{number}' not found.")
        # A mix-up that cannot be seen is nobody's fault but the server's.
        if self.manners.details is not Details.SPARSE and self._random.random() < self.manners.mixed_up:
            others = [e for e in self.spectrum.executions.values() if e.file is not execution.file]
            execution = self._random.choice(others) if others else execution
        word = execution.word_at(self._kernel.now) or ""
        if self.manners.details is Details.SPARSE:
            return _json({"jobStatus": self._spelled(word), "startTime": None, "file": None, "counters": None})
        good = execution.final is not None and execution.final.startswith("COMPLETED")
        return self._told({
            **self._times(execution, self._kernel.now, "startTime", "stopTime"),
            "jobStatus": self._spelled(word),
            "jobConfigurationId": execution.file.configuration_id,
            "file": {"id": execution.file.id, "uuid": execution.file.uuid},
            "successCount": 7 if good else 0,
            "failureCount": 0 if good else 3,
            "counters": {"IMPORT_RECORDS": 7 if good else 0},
        })  # fmt: skip

    def _history(self, number: int, start: int, length: int) -> Reply:
        file = next((f for f in self.spectrum.files.values() if f.configuration_id == number), None)
        if file is None or self.manners.history is History.REFUSED:
            return self._no("No such configuration")
        if self.manners.history is History.BROKEN:
            return Reply(http_status=500, headers={}, body=b"<html>Internal Server Error</html>")
        shown = [
            e
            for e in reversed(file.executions)
            if e.ended_at is not None or self.manners.history is not History.ENDED_ONLY
        ]
        rows = [{"id": e.id, "jobStatus": e.word_at(self._kernel.now)} for e in shown]
        most = {History.SHORT: _SHORT_HISTORY, History.EMPTY: 0}.get(self.manners.history, length)
        return self._told(rows[start : start + min(length, most)])

    def _delete(self, number: int) -> Reply:
        if number not in self.spectrum.executions:
            return self._no(f"Entity of type 'Data' with id '{number}' not found.")
        is_new = number not in self.spectrum.deleted
        self.spectrum.deleted.add(number)
        return _json({"status": is_new})

    def _told(self, answer: Any) -> Reply:
        """An answer, with what this server makes of numbers and dates."""
        if self.manners.text_ids:
            answer = with_text_ids(answer)
        return _json(with_nonsense(answer, self.manners.absurd, self._random) if self.manners.absurd else answer)

    def _no(self, reason: str) -> Reply:
        return _json({"status": "failure", "reason": reason}, code=self.manners.failure_code)


def _nobody() -> Execution:
    """An execution of a file that is not ours, where the server has none."""
    file = File(id=9_077, uuid="0", path="/elsewhere", configuration_id=95_077, outcomes=(), durations=())
    return Execution(id=990_077, file=file, origin=None, queued_at=0.0, outcome="COMPLETED", duration=1.0)


def _planned(execution: Execution, echo: str) -> dict[str, Any]:
    return {
        "job-configuration-name": execution.file.path.rsplit("/", 1)[-1] + echo,
        "job-configuration-id": execution.file.configuration_id,
        "trigger": True,
        "job-execution-id": execution.id,
    }


def _json(value: object, *, code: int = 200) -> Reply:
    return Reply(http_status=code, headers={"Content-Type": "application/json"}, body=json.dumps(value).encode())
