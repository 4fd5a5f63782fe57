"""A small, fast job server for the benchmarks: the vendor's page on a bare asyncio protocol, jobs that only pass the time.

    python tests/benchmarks/server.py '{"durations": [1.0, 0.8], "latency": 0.001, "hints": "right"}'

File n (from 1) takes `durations[n - 1]` seconds. The first line on stdout is the port; when stdin closes, the last one tells in
JSON what has happened. It shares nothing with the package, so that what is measured is not measured by itself.

`hints` is what a status says of a running job's end: `right` (whole percent, whole seconds), `none`, `half` and `double` (an
estimate that is so wrong, no progress), `nonsense` (anything).
"""

import asyncio
import json
import random
import sys
from dataclasses import dataclass
from typing import Any

_DATE = "Sep 28, 2018 6:44:56 PM"


@dataclass(slots=True)
class Execution:
    id: int
    file_id: int
    began: float
    ends: float
    entry: bytes


class Spectrum:
    """The jobs and what is told of them. Times in seconds on the loop's clock."""

    def __init__(self, durations: list[float], *, hints: str) -> None:
        self.durations = durations
        self.hints = hints
        self.executions: dict[int, Execution] = {}
        self.latest: dict[int, Execution] = {}
        self.active: dict[int, Execution] = {}
        self.counts: dict[str, int] = {}
        self.random = random.Random(5)
        self.most_active = 0

    def trigger(self, file_id: int, now: float) -> dict[str, Any]:
        number = 1000 + len(self.executions)
        entry = {
            "jobStatus": "RUNNING", "fileName": f"f{file_id}", "jobName": "Import job", "fileId": file_id,
            "uuid": f"f8d450cd-f065-4abb-a232-{file_id:012d}", "creationDate": 1580808994422, "jobExecutionId": number,
            "dapJobConfigurationId": file_id + 100_000, "estimatedTime": 0, "startTime": 1582878238075,
        }  # fmt: skip
        made = Execution(number, file_id, now, now + self.durations[file_id - 1], json.dumps(entry).encode())
        self.executions[number] = self.latest[file_id] = self.active[number] = made
        self.most_active = max(self.most_active, len(self.active))
        return {
            "status": "success",
            "job-execution-id": number,
            "job-execution-user": "admin",
            "job-execution-trigger": "RESTAPI",
        }

    def status(self, file_id: int, now: float) -> dict[str, Any]:
        latest = self.latest.get(file_id)
        if latest is None:
            return {"status": "success", "job-status": "_NONE"}
        body = {"status": "success", "file-id": file_id, "job-execution-id": latest.id, "start-time": _DATE}
        if latest.ends > now:
            return body | {"job-status": "RUNNING"} | self._hint(latest, now)
        return body | {"job-status": "COMPLETED", "stop-time": _DATE}

    def _hint(self, execution: Execution, now: float) -> dict[str, str]:
        left, whole = execution.ends - now, execution.ends - execution.began
        match self.hints:
            case "right":
                return {"estimate-time": f"{round(left)}s", "job-progress": str(int(100 * (1 - left / whole)))}
            case "half" | "double":
                return {"estimate-time": f"{round(left * (0.5 if self.hints == 'half' else 2.0))}s"}
            case "nonsense":
                return {
                    "estimate-time": f"{self.random.randint(0, 300)}s",
                    "job-progress": str(self.random.randint(0, 100)),
                }
            case _:
                return {}

    def details(self, number: int, now: float) -> dict[str, Any]:
        one = self.executions[number]
        ended = one.ends <= now
        return {
            "startTime": _DATE, "stopTime": _DATE if ended else None, "jobStatus": "COMPLETED" if ended else "RUNNING",
            "jobConfigurationId": one.file_id + 100_000,
            "file": {"id": one.file_id, "uuid": f"f8d450cd-f065-4abb-a232-{one.file_id:012d}"},
            "successCount": 7, "failureCount": 0, "counters": {"IMPORT_RECORDS": 7, "IMPORT_DROPPED_RECORDS": 0},
        }  # fmt: skip

    def list_running(self, now: float) -> bytes:
        for number in [number for number, one in self.active.items() if one.ends <= now]:
            del self.active[number]
        return b"[" + b", ".join([one.entry for one in self.active.values()]) + b"]"

    def answer(self, method: str, path: str, now: float) -> tuple[int, bytes]:
        parts = path.partition("?")[0].split("/")[1:]
        match [method, *parts]:
            case ["GET", "api", "job-execution", "list-running"]:
                kind, value = "list", self.list_running(now)
            case ["GET", "api", "job-execution", number, "status"]:
                kind, value = "status", json.dumps(self.status(int(number), now)).encode()
            case ["POST", "api", "job-execution", number, "trigger"]:
                kind, value = "trigger", json.dumps(self.trigger(int(number), now)).encode()
            case ["GET", "rest", "job-execution", "job-details", number]:
                kind, value = "details", json.dumps(self.details(int(number), now)).encode()
            case ["GET", "rest", "job-configuration", "job-history", number]:
                past = [one for one in self.executions.values() if one.file_id == int(number) - 100_000]
                kind = "history"
                value = json.dumps([{"id": one.id, "jobStatus": "COMPLETED"} for one in reversed(past)]).encode()
            case _:
                self.counts["other"] = self.counts.get("other", 0) + 1
                return 404, json.dumps({"status": "failure", "reason": f"no such call: {method} {path}"}).encode()
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return 200, value


class Connection(asyncio.Protocol):
    """One client. Requests have a Content-Length or no body."""

    def __init__(self, spectrum: Spectrum, latency: float) -> None:
        self._spectrum = spectrum
        self._latency = latency
        self._loop = asyncio.get_running_loop()
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].decode("latin-1")
            lowered = head.lower()
            at = lowered.find("content-length:")
            length = int(lowered[at + 15 :].partition("\r\n")[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + length:
                return
            self._data = self._data[end + 4 + length :]
            method, path, _ = head.partition("\r\n")[0].split(" ", 2)
            code, body = self._spectrum.answer(method, path, self._loop.time())
            closes = "connection: close" in lowered
            framing = f"HTTP/1.1 {code} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            reply = (framing + ("Connection: close\r\n\r\n" if closes else "\r\n")).encode() + body
            self._loop.call_later(self._latency, self._say, reply, closes)

    def _say(self, reply: bytes, closes: bool) -> None:
        self._transport.write(reply)
        if closes:
            self._transport.close()


async def serve(settings: dict[str, Any]) -> None:
    spectrum = Spectrum(settings["durations"], hints=settings["hints"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(spectrum, settings["latency"]), "127.0.0.1", 0, backlog=1024, reuse_address=True
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - the protocol
    await loop.run_in_executor(None, sys.stdin.read)
    told = {
        "requests": spectrum.counts,
        "executions": len(spectrum.executions),
        "most_active": spectrum.most_active,
        "busy_seconds": sum(one.ends - one.began for one in spectrum.executions.values()),
    }
    print(json.dumps(told), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline() if len(sys.argv) < 2 else sys.argv[1])))
