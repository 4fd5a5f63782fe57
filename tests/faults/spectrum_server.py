"""A Spectrum-like job server that can be told to misbehave, request by request.

Written from the vendor's page "REST API Job Commands" on bare sockets, so that every byte and every end of a connection is ours to
choose. It shares nothing with the package and nothing with the embedded server: a misreading must not cancel out. Jobs do nothing:
a timeline says which status word they show how many seconds after their start.
"""

import base64
import json
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote_plus

PATIENCE = 10.0  # seconds until a test gives up waiting for an event
USER = "analyst"
#: No part of it is a word that stands in a file or a message by chance.
PASSWORD = "pw-Zq7x\u00e4&KvT9-never-shown"
FINAL = frozenset({"COMPLETED", "COMPLETED_WITH_WARNINGS", "ERROR", "CANCELED"})

#: Pairs of seconds since the start and the status word from then on.
Timeline = Sequence[tuple[float, str]]
QUICK: Timeline = ((0.0, "QUEUED"), (0.03, "RUNNING"), (0.08, "COMPLETED"))
AT_ONCE: Timeline = ((0.0, "COMPLETED"),)
FAILS: Timeline = ((0.0, "RUNNING"), (0.04, "ERROR"))
WARNS: Timeline = ((0.0, "RUNNING"), (0.04, "COMPLETED_WITH_WARNINGS"))
ENDLESS: Timeline = ((0.0, "RUNNING"),)
WAITS_FOR_EVER: Timeline = ((0.0, "QUEUED"),)


@dataclass(kw_only=True)
class File:
    """A job's file. The n-th run shows the n-th timeline, every later one the last. `downstream` is what a sequence starts, too."""

    id: int
    path: str
    timelines: Sequence[Timeline] = (QUICK,)
    downstream: Sequence[int] = ()
    counters: Mapping[str, int] = field(default_factory=lambda: {"IMPORT_RECORDS": 7})
    failure_count: int = 0

    @property
    def uuid(self) -> str:
        return f"f8d450cd-f065-4abb-a232-{self.id:012d}"

    @property
    def configuration_id(self) -> int:
        return self.id + 1000


@dataclass(kw_only=True)
class Execution:
    id: int
    file: File
    user: str
    began: float
    timeline: list[tuple[float, str]]

    @property
    def word(self) -> str:
        age = time.monotonic() - self.began
        return [word for since, word in self.timeline if since <= age][-1]

    @property
    def is_active(self) -> bool:
        return self.word not in FINAL

    def become(self, word: str) -> None:
        self.timeline.append((time.monotonic() - self.began, word))


@dataclass(kw_only=True)
class Seen:
    """A request as it came over the wire."""

    operation: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    #: The server said no before it did anything, in a way that a client may rely on (401, 429).
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    code: int
    body: bytes

    @classmethod
    def of(cls, value: object, code: int = 200) -> Self:
        return cls(code=code, body=json.dumps(value).encode())

    def rendered(self, *lines: str) -> bytes:
        framing = [f"HTTP/1.1 {self.code} Any", f"Content-Length: {len(self.body)}", "Content-Type: application/json"]
        return "\r\n".join([*framing, *lines, "", ""]).encode("latin-1") + self.body


class Exchange:
    """One request and the connection that it came over. `handle` does what was asked, and is the truth."""

    def __init__(self, server: "SpectrumServer", sock: socket.socket, seen: Seen) -> None:
        self.server = server
        self.sock = sock
        self.seen = seen

    def handle(self) -> Reply:
        with self.server.changed:
            return self.server.answer(self.seen)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)


#: One answer to one request. True keeps the connection for the next.
Fault = Callable[[Exchange], bool]


def honest(exchange: Exchange) -> bool:
    exchange.say(exchange.handle().rendered())
    return True


_ROUTES = (
    ("GET", re.compile(r"/api/job-execution/list-running"), "list"),
    ("GET", re.compile(r"/api/job-execution/(?P<file>.+)/status"), "status"),
    ("POST", re.compile(r"/api/job-execution/trigger"), "sequence"),
    ("POST", re.compile(r"/api/job-execution/(?P<file>.+)/trigger"), "trigger"),
    ("POST", re.compile(r"/api/job-execution/(?P<file>.+)/stop"), "stop"),
    ("GET", re.compile(r"/rest/job-configuration/job-history/(?P<id>\d+)\?start=(?P<start>\d+)&length=(?P<length>\d+)"),
     "history"),
    ("GET", re.compile(r"/rest/job-execution/job-details/(?P<id>\d+)"), "details"),
    ("DELETE", re.compile(r"/rest/data/(?P<id>.+)"), "delete"),
)  # fmt: skip


def route(method: str, target: str) -> tuple[str, Mapping[str, str]]:
    for expected, pattern, operation in _ROUTES:
        if method == expected and (match := pattern.fullmatch(target)):
            return operation, match.groupdict()
    return "elsewhere", {}


class SpectrumServer:
    """Files, executions, faults, and a log of all that came. Closed at the end of a `with`.

    `failure_code` comes with a failure body. `lists` says which words list-running shows (None: all that are active). `dates`
    writes a date. With `null_fields` details hold a null for all that is not known yet.
    """

    def __init__(self, *files: File, failure_code: int = 404) -> None:
        self.files = {file.id: file for file in files}
        self.executions: list[Execution] = []
        self.seen: list[Seen] = []
        self.logins = {(USER, PASSWORD)}
        self.failure_code = failure_code
        self.lists: frozenset[str] | None = None
        self.dates: Callable[[], str] = lambda: "Sep 28, 2018 6:44:56 PM"
        self.null_fields = False
        self.refuses_encoded_slashes = False
        self.deleted: list[int | str] = []  # ids, and names of files
        self.next_id = 11
        self.changed = threading.Condition(threading.RLock())
        self.closing = threading.Event()
        self._faults: dict[str, deque[Fault]] = {}
        self._habits: dict[str, Fault] = {}
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._open()

    # What a test says to it

    def misbehave(self, operation: str, *faults: Fault) -> None:
        """The next requests of this operation meet these faults, one each; then all is as usual."""
        with self.changed:
            self._faults.setdefault(operation, deque()).extend(faults)

    def always(self, operation: str, fault: Fault | None) -> None:
        """Every request of this operation that meets no other fault meets this one; None ends it."""
        with self.changed:
            if fault is None:
                self._habits.pop(operation, None)
            else:
                self._habits[operation] = fault

    def start(self, file_id: int, timeline: Timeline | None = None, *, user: str = "somebody") -> Execution:
        """A run of a file, begun now."""
        with self.changed:
            file = self.files[file_id]
            nth = sum(one.file is file for one in self.executions)
            chosen = timeline or file.timelines[min(nth, len(file.timelines) - 1)]
            started = Execution(id=self.next_id, file=file, user=user, began=time.monotonic(), timeline=list(chosen))
            self.next_id += 1
            self.executions.append(started)
            self.changed.notify_all()
            return started

    def had(self, file_id: int, word: str = "COMPLETED") -> Execution:
        """A run of yesterday."""
        return self.start(file_id, ((0.0, word),))

    def requests(self, operation: str) -> list[Seen]:
        with self.changed:
            return [one for one in self.seen if one.operation == operation]

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that a request changes."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), [(s.operation, s.target) for s in self.seen]

    def until_asked(self, operation: str, times: int = 1) -> None:
        self.until(lambda: len(self.requests(operation)) >= times)

    # What a checker asks of it: the judge of "never twice"

    def started(self) -> dict[int, int]:
        """How many executions of each file our own user has started."""
        counts: dict[int, int] = {}
        for one in self.executions:
            if one.user == USER:
                counts[one.file.id] = counts.get(one.file.id, 0) + 1
        return counts

    def posts(self) -> dict[int, int]:
        """Trigger POSTs of each file that a client cannot know to be unhandled."""
        counts: dict[int, int] = {}
        for seen in self.seen:
            if seen.operation == "trigger" and not seen.refused:
                file_id = self.file_id_of(unquote_plus(route(seen.method, seen.target)[1]["file"]))
                if file_id is not None:
                    counts[file_id] = counts.get(file_id, 0) + 1
            elif seen.operation == "sequence" and not seen.refused:
                for one in json.loads(seen.body)["fileIds"]:
                    counts[one] = counts.get(one, 0) + 1
        return counts

    def downstream_of(self, file_id: int) -> Iterator[int]:
        for one in self.files[file_id].downstream:
            yield one
            yield from self.downstream_of(one)

    def word_of(self, execution_id: int) -> str:
        return next(one.word for one in self.executions if one.id == execution_id)

    def file_id_of(self, name: str) -> int | None:
        before, masked, after = name.partition("***")  # as a journal shows a target that holds a secret
        for file in self.files.values():
            if masked and file.path.startswith(before) and file.path.endswith(after):
                return file.id
            if name in {str(file.id), file.uuid} or name.strip("/") == file.path.strip("/"):
                return file.id
        return None

    # What the wire asks of it

    def answer(self, seen: Seen) -> Reply:
        """Handle a request, honestly."""
        if not self._knows(seen.headers.get("authorization", "")):
            seen.refused = True
            return Reply.of({"status": "failure", "reason": "bad credentials"}, 401)
        if self.refuses_encoded_slashes and "%2f" in seen.target.lower():
            return Reply(code=400, body=b"")
        operation, found = route(seen.method, seen.target)
        if operation == "sequence":
            return self._sequence(json.loads(seen.body)["fileIds"])
        handler: Callable[..., Reply] = getattr(self, f"_{operation}")
        return handler(**found)

    def _knows(self, header: str) -> bool:
        return header in {
            "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode() for name, password in self.logins
        }

    def _failure(self, reason: str) -> Reply:
        return Reply.of({"status": "failure", "reason": reason}, self.failure_code)

    def _missing(self) -> Reply:
        return self._failure("File doesn\u2019t exist or isn\u2019t accessible with current permissions")

    def _elsewhere(self) -> Reply:
        return Reply(code=404, body=b"<html>no such page</html>")

    def _of(self, file_id: int) -> list[Execution]:
        return [one for one in self.executions if one.file.id == file_id]

    def _status(self, file: str) -> Reply:
        if (file_id := self.file_id_of(unquote_plus(file))) is None:
            return self._missing()
        if not (runs := self._of(file_id)):
            return Reply.of({"status": "success", "job-status": "_NONE"})
        latest = runs[-1]
        answer: dict[str, Any] = {
            "status": "success",
            "file-id": file_id,
            "job-execution-id": latest.id,
            "job-status": latest.word,
            "start-time": None if latest.word == "QUEUED" else self.dates(),
        }
        if latest.word in FINAL:
            answer["stop-time"] = self.dates()
        elif latest.word == "RUNNING":
            answer |= {"estimate-time": "1s", "job-progress": "0"}
        return Reply.of(answer)

    def _list(self) -> Reply:
        shown = [one for one in self.executions if one.is_active and (self.lists is None or one.word in self.lists)]
        return Reply.of(
            [
                {
                    "jobStatus": one.word,
                    "fileName": one.file.path.rsplit("/", 1)[-1],
                    "jobName": "Workbook job",
                    "fileId": one.file.id,
                    "uuid": one.file.uuid,
                    "creationDate": 1580808994422,
                    "jobExecutionId": one.id,
                    "dapJobConfigurationId": one.file.configuration_id,
                    "estimatedTime": 0,
                    "startTime": 1582878238075,
                }
                for one in shown
            ]
        )

    def _trigger(self, file: str) -> Reply:
        if (file_id := self.file_id_of(unquote_plus(file))) is None:
            return self._missing()
        started = self.start(file_id, user=USER)
        answer = {"job-execution-id": started.id, "job-execution-user": USER, "job-execution-trigger": "RESTAPI"}
        return Reply.of({"status": "success", **answer})

    def _sequence(self, wanted: list[int]) -> Reply:
        if any(file_id not in self.files for file_id in wanted):
            return self._missing()
        plan = []
        todo = list(wanted)
        while todo:
            started = self.start(todo.pop(0), user=USER)
            todo += [one for one in started.file.downstream if one not in todo]
            plan.append(
                {
                    "job-configuration-name": started.file.path.rsplit("/", 1)[-1],
                    "job-configuration-id": started.file.configuration_id,
                    "trigger": True,
                    "job-execution-id": started.id,
                }
            )
        return Reply.of({"status": "success", "execution-plan": plan})

    def _stop(self, file: str) -> Reply:
        file_id = self.file_id_of(unquote_plus(file))
        running = [one for one in self._of(file_id or 0) if one.is_active]
        if not running:
            return self._failure("no job of this file is running")
        running[0].become("CANCELED")
        self.changed.notify_all()
        return Reply(code=200, body=b"")

    def _history(self, id: str, start: str, length: str) -> Reply:  # noqa: A002 - the API's word
        mine = [one for one in self.executions if one.file.configuration_id == int(id)]
        lines = [{"id": one.id, "jobStatus": one.word} for one in reversed(mine)]
        return Reply.of(lines[int(start) : int(start) + int(length)])

    def _details(self, id: str) -> Reply:  # noqa: A002 - the API's word
        for one in self.executions:
            if one.id == int(id):
                return Reply.of(self._detailed(one))
        return self._failure(f"Entity of type 'JobExecution' with id '{id}' not found.")

    def _detailed(self, one: Execution) -> dict[str, Any]:
        known: dict[str, Any] = {"startTime": self.dates(), "jobStatus": one.word}
        later: dict[str, Any] = {
            "jobConfigurationId": one.file.configuration_id,
            "file": {"id": one.file.id, "uuid": one.file.uuid},
            "stopTime": self.dates(),
            "successCount": 7,
            "failureCount": one.file.failure_count,
            "counters": dict(one.file.counters),
        }
        if one.word in FINAL:
            return {**known, **later}
        return {**known, **dict.fromkeys(later)} if self.null_fields else known

    def _delete(self, id: str) -> Reply:  # noqa: A002 - the API's word
        data = int(id) if id.isdecimal() else f"/{unquote_plus(id)}"
        if data not in {one.id for one in self.executions} | {one.path for one in self.files.values()}:
            return self._failure(f"Entity of type 'Data' with id '{id}' not found.")
        fresh = data not in self.deleted
        self.deleted.append(data)
        return Reply.of({"status": fresh})

    # Sockets

    def _open(self, port: int = 0) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._begin(self._accept, self._listener)

    def _begin(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                sock.settimeout(PATIENCE)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(sock)
                self._begin(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        # The client under test hangs up in the middle of things, by design.
        with suppress(OSError, ValueError), sock, sock.makefile("rb") as file:
            while (seen := _read(file)) is not None:
                with self.changed:
                    self.seen.append(seen)
                    waiting = self._faults.get(seen.operation)
                    fault = waiting.popleft() if waiting else self._habits.get(seen.operation, honest)
                    self.changed.notify_all()
                if not fault(Exchange(self, sock, seen)):
                    with suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)
                    return

    def stop_listening(self) -> None:
        """Refuse new connections; those that are open stay."""
        # Closing a listener does not wake the thread that accepts on it.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def go_away(self) -> None:
        """Refuse and drop all connections, as a server does that is shut down."""
        self.stop_listening()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Listen again where we were."""
        self._open(self.port)

    def close(self) -> None:
        self.closing.set()
        self.go_away()
        for thread in self._threads:
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(file: Any) -> Seen | None:
    start = file.readline().decode("latin-1").split()
    if len(start) < 2:
        return None
    headers: dict[str, str] = {}
    while (line := file.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    body = file.read(int(headers.get("content-length", "0")))
    operation, _ = route(start[0], start[1])
    return Seen(operation=operation, method=start[0], target=start[1], headers=headers, body=body)
