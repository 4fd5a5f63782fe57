"""The API over the real transport: what only the two together can show (faults 3 to 6, 12, 20, 24, 45, 48)."""

import random
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.client.api import SpectrumApi
from spectrum_pipelines.client.retry import RetrySettings
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import (
    AnswerTimeout,
    ClientError,
    NotSpectrum,
    Refused,
    ServerFault,
    Unanswered,
    Undecodable,
    Unsent,
)
from spectrum_pipelines.spectrum import FileReference
from tests.client.conftest import (
    PASSWORD,
    RUNNING,
    STARTED,
    Line,
    ScriptedServer,
    Seen,
    Step,
    Transports,
    answer,
    hang_up,
    head,
    raw,
    reset,
    silence,
)

FILE = FileReference("/Data/Größe 1.imp")
QUICK = RetrySettings(limit=3, interval=0.001)


def over(server: ScriptedServer, build: Transports, **more: Any) -> SpectrumApi:
    line = build(**more)
    return SpectrumApi(
        server=f"{server.url}/spectrum",
        transport=line,
        retry=QUICK,
        clock=SystemClock(),
        random=random.Random(1),
        redact=line.redact,
    )


AMBIGUOUS = [
    pytest.param(hang_up, Unanswered, id="03-closed"),
    pytest.param(reset, Unanswered, id="03-reset"),
    pytest.param(silence, AnswerTimeout, id="04-slow"),
    pytest.param(raw(head(length=99) + b'{"status": "success", "job-exec'), Undecodable, id="05-truncated"),
    pytest.param(
        raw(b'HTTP/1.1 200 OK\r\n\r\n{"status": "success", "job-exec'), Undecodable, id="05-cut-without-a-length"
    ),
    pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Le"), Undecodable, id="05-cut-in-the-header"),
    pytest.param(answer(b"done"), NotSpectrum, id="05-not-json"),
    pytest.param(answer(code=500), ServerFault, id="06-500"),
    pytest.param(answer(code=502), ServerFault, id="06-502"),
    pytest.param(answer(code=504), ServerFault, id="06-504"),
    pytest.param(answer(None, "Retry-After: 0", code=503), ServerFault, id="08-503"),
    pytest.param(answer(b"<html>login"), NotSpectrum, id="10-login-page"),
    pytest.param(answer({"status": "success", "job-execution-id": -1}), Undecodable, id="11-negative-id"),
    pytest.param(answer(None, "Location: /login", code=302), NotSpectrum, id="12-redirect"),
    pytest.param(answer(b"[" * 100_000), Undecodable, id="24-deep"),
]


@pytest.mark.parametrize(("step", "kind"), AMBIGUOUS)
def test_promise_1_a_trigger_whose_answer_is_lost_was_sent_once_and_may_run(
    transport: Transports, step: Step, kind: type[ClientError]
) -> None:
    with ScriptedServer(answer(RUNNING), step, answer(STARTED)) as server:
        api = over(server, transport, read_timeout=0.2)
        api.status(FILE)
        with pytest.raises(Unanswered) as caught:
            api.trigger(FILE)
    assert type(caught.value) is kind
    assert [seen.method for seen in server.seen] == ["GET", "POST"]
    assert [seen.connection for seen in server.seen] == [1, 2]
    assert server.seen[1].target == "/spectrum/api/job-execution/Data/Gr%C3%B6%C3%9Fe%201.imp/trigger"


def test_a_trigger_that_is_answered(transport: Transports) -> None:
    with ScriptedServer(answer(STARTED)) as server:
        assert over(server, transport).trigger(FILE).execution_id == 11


def test_a_stop_that_is_answered_by_nothing(transport: Transports) -> None:
    with ScriptedServer(raw(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        over(server, transport).stop(FILE)


def test_fault_19_a_question_survives_a_burst_of_troubles(transport: Transports) -> None:
    with ScriptedServer(reset, answer(code=502), raw(head(length=99) + b"{"), answer(RUNNING)) as server:
        api = over(server, transport)
        assert api.status(FILE).execution_id == 3
    assert (api.requests, api.retries) == (4, 3)


def test_fault_20_a_server_that_is_away_gets_no_more_than_the_limit(transport: Transports, closed_port: int) -> None:
    line = transport()
    api = SpectrumApi(
        server=f"http://localhost:{closed_port}",
        transport=line,
        retry=QUICK,
        clock=SystemClock(),
        random=random.Random(1),
    )
    with pytest.raises(Unsent):
        api.status(FILE)
    assert api.requests == 4


@pytest.mark.parametrize("variable", ["NETRC", "HOME"])
def test_fault_45_netrc_is_not_read(
    transport: Transports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine localhost login thief password stolen\ndefault login thief password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv(variable, str(netrc if variable == "NETRC" else tmp_path))
    with ScriptedServer(answer(RUNNING)) as server:
        over(server, transport, auth=None).status(FILE)
        over(server, transport).status(FILE)
    assert "authorization" not in server.seen[0].headers
    assert server.seen[1].headers["authorization"].endswith("DpzM2NyJnQgUMOkc3N3b3J0")


@pytest.mark.parametrize("code", [200, 403, 500])
def test_fault_48_a_server_that_echoes_the_request_learns_us_nothing(transport: Transports, code: int) -> None:
    def echo(line: Line, seen: Seen) -> bool:
        return answer({"status": "failure", "reason": f"{seen.headers} {PASSWORD}"}, code=code)(line, seen)

    with ScriptedServer(echo) as server, pytest.raises((Refused, ServerFault)) as caught:
        over(server, transport).trigger(FILE)
    text = "".join(traceback.format_exception(caught.value))
    assert server.seen[0].headers["authorization"].removeprefix("Basic ") not in text
    assert PASSWORD not in text


def test_importing_the_api_does_not_import_requests() -> None:
    """Start-up counts: only what really talks pays for requests."""
    code = (
        "import sys, spectrum_pipelines.client.api; sys.exit(bool({'requests', 'urllib3', 'ssl'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
