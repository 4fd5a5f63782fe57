"""Traces as a collector gets them: the real command line, and an OTLP/HTTP receiver on loopback."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines import Connection, load, open_store
from spectrum_pipelines import run as run_pipeline
from spectrum_pipelines.cli.main import run
from spectrum_pipelines.cli.traces import endpoint_of
from spectrum_pipelines.engine.facts import RunEnded, Stamped
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.telemetry.spans import Span, Spans
from tests.cli.command_line import embedded

proto = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="needs the extra: pip install -e '.[otel]'"
)
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET = "s3cret-of-the-pipeline"

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {duration: 10ms, records: 7}}
  - {id: 21, path: /flaky.wbk, simulate: {duration: 10ms, outcomes: [ERROR, COMPLETED], repeat: cycle}}
"""
PIPELINE = """
version: 1
name: night
poll: {min: 10ms}
jobs:
  load: {trigger: 21, retry: {limit: 1, interval: 10ms}}
  sales: {needs: [load], trigger: 20, expect: {success_count: {min: 100}}}
"""
HIDING = """
version: 1
name: hiding
variables: {token: {type: string, secret: true, required: true}}
jobs:
  load: {trigger: "/of ${var.token}.wbk"}
"""


@dataclass
class Collector:
    """What was sent, decoded: spans by name."""

    url: str
    spans: dict[str, dict[str, Any]] = field(default_factory=dict)
    raw: bytes = b""

    def take(self, body: bytes) -> None:
        self.raw += body
        message = proto.ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans[span.name] = {
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "attributes": {it.key: _value(it.value) for it in span.attributes},
                        "events": [it.name for it in span.events],
                        "failed": span.status.code == 2,
                        "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                    }


def _value(value: Any) -> Any:
    return getattr(value, value.WhichOneof("value"))


@pytest.fixture
def collector() -> Iterator[Collector]:
    got = Collector("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            got.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield got
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "night.yaml").write_text(PIPELINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("TRACEPARENT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


COMMAND = ["run", "night.yaml", "--local", "workspace.yaml", "--report", "report.json", "--progress", "none"]


def test_a_run_is_a_trace(place: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{CALLER}-01")
    assert run(COMMAND) == ExitCode.FAILED
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    spans = collector.spans
    whole = spans["RUN night"]
    assert {one["trace"] for one in spans.values()} == {TRACE}
    assert whole["parent"] == CALLER
    assert whole["attributes"] == {
        "cicd.pipeline.action.name": "RUN",
        "cicd.pipeline.name": "night",
        "cicd.pipeline.run.id": report["run_id"],
        "cicd.pipeline.result": "failure",
        "spectrum.status": "failed",
        "spectrum.exit_code": 1,
    }
    assert spans["load"]["parent"] == spans["sales"]["parent"] == whole["id"]
    assert (spans["load"]["events"], spans["load"]["failed"]) == (["retry"], False)
    assert (spans["sales"]["events"], spans["sales"]["failed"]) == (["gate"], True)
    executions = {name: one for name, one in spans.items() if name.startswith("execution ")}
    assert [one["parent"] for one in executions.values()].count(spans["load"]["id"]) == 2
    assert sum(one["failed"] for one in executions.values()) == 1
    assert all(one["seconds"] >= 0 for one in spans.values())


def test_no_secret_is_sent(place: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("SPECTRUM_VAR_token", SECRET)
    (place / "night.yaml").write_text(HIDING, encoding="utf-8")
    assert run(COMMAND) == ExitCode.USAGE, "there is no such file"
    assert collector.spans
    assert SECRET.encode() not in collector.raw
    assert b"analyst" not in collector.raw


def test_a_secret_that_a_server_repeats_is_masked(place: Path) -> None:
    (place / "night.yaml").write_text(HIDING, encoding="utf-8")
    loaded = load("night.yaml", variables={"token": SECRET}, server="https://spectrum.example.com")
    ended = RunEnded(status=RunStatus.FAILED, exit_code=ExitCode.FAILED, reason=f"no /of {SECRET}.wbk \udcff")
    fact = Stamped(at=1.0, time=datetime(2026, 11, 23, tzinfo=UTC), event=ended)
    (span,) = Spans().told(fact, RunState(loaded.pipeline, "20261123T150405Z-7f3a"))
    assert span.failed == "no /of ***.wbk ?"


def test_the_name_of_a_span_is_masked(place: Path) -> None:
    loaded = load(
        _hiding(place, name=f"of {SECRET}"), variables={"token": SECRET}, server="https://spectrum.example.com"
    )
    ended = RunEnded(status=RunStatus.SUCCEEDED, exit_code=ExitCode.SUCCEEDED)
    fact = Stamped(at=1.0, time=datetime(2026, 11, 23, tzinfo=UTC), event=ended)
    (span,) = Spans().told(fact, RunState(loaded.pipeline, "20261123T150405Z-7f3a"))
    assert (span.name, span.attributes["cicd.pipeline.name"]) == ("RUN of ***", "of ***")


def _hiding(place: Path, *, name: str) -> Path:
    path = place / "hiding.yaml"
    path.write_text(HIDING.replace("name: hiding", f"name: {name}"), encoding="utf-8")
    return path


def test_a_process_that_goes_on_with_the_run_continues_the_trace(place: Path) -> None:
    with embedded(place / "workspace.yaml") as server:
        loaded = load("night.yaml", server=server.url)
        connection, store = Connection(server.url, username="analyst", password="analyst"), open_store("state")
        told: list[dict[str, Span]] = []
        for _ in range(2):
            spans, found = Spans(), dict[str, Span]()

            def observe(fact: Stamped, state: RunState, spans: Spans = spans, found: dict[str, Span] = found) -> None:
                found.update({span.name: span for span in spans.told(fact, state)})

            report = run_pipeline(loaded, connection, store=store, run_key="k", when_ended="retry", observers=[observe])
            assert report.lost == ()
            told.append(found)
    first, again = told
    assert (first["RUN night"].trace_id, first["RUN night"].parent_id) == (trace(again), None)
    assert first["RUN night"].span_id == again["RUN night"].span_id
    assert first["sales"].span_id == again["sales"].span_id
    assert "load" not in again, "it keeps what it did"
    assert [event.name for event in again["RUN night"].events] == ["retried"]


def trace(spans: dict[str, Span]) -> int:
    (found,) = {span.trace_id for span in spans.values()}
    return found


@pytest.mark.parametrize("how", ["refuses", "never answers"])
def test_a_collector_that_is_away_costs_three_seconds_and_no_exit_code(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    if how == "refuses":
        listener.close()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    began = time.monotonic()
    with listener:
        assert run([*COMMAND, "--only", "load"]) == ExitCode.SUCCEEDED
    assert time.monotonic() - began < 10
    assert "opentelemetry" not in capfd.readouterr().err.lower()


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        pytest.param({}, None, id="nobody asks"),
        pytest.param({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, None, id="set and empty counts as not set"),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"}, "http://c:4318/v1/traces", id="for all signals"
        ),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/x"},
            "http://t/x",
            id="for traces alone",
        ),
        pytest.param(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, None, id="switched off"
        ),
    ],
)
def test_where_traces_go(environ: dict[str, str], endpoint: str | None) -> None:
    assert endpoint_of(environ) == endpoint
