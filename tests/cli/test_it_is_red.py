"""README's "It is red": a run ends with each exit code, and the commands of the code's paragraph lead from there to green."""

import json
import re
import shlex
import signal
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import trustme

from spectrum_pipelines.app.embedded import load_workspace
from spectrum_pipelines.engine.facts import Triggered
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import LOGIN, PATIENCE, ROOT, Ended, call, dead_port, start
from tests.cli.front import Front

SECTION = re.search(r"^## It is red$(.*?)^## ", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
assert SECTION
#: Each paragraph: its exit codes, and its commands.
PARAGRAPHS = {
    tuple(map(int, codes.split(", "))): [line.partition("  ")[0] for line in commands.splitlines()]
    for codes, commands in re.findall(r"^\*\*([\d, ]+): .*?^```\n(.*?)^```$", SECTION[1], re.MULTILINE | re.DOTALL)
}
RED = ("run", "nightly.yaml", "--report", "report.json")
SALES = "/Workbooks/sales.wbk"
NIGHTLY = """
version: 1
name: nightly
poll: {{min: 10ms}}
http: {{retry: {{limit: 0}}}}
defaults: {{ambiguous_grace: 100ms, {policy}}}
jobs:
  orders: {{trigger: /Data/Imports/orders.imp}}
  sales: {{needs: [orders], trigger: /Workbooks/sales.wbk}}
  publish: {{needs: [sales], trigger: /Exports/sales.exp}}
"""
WORKSPACE = """
version: 1
users: [{{name: analyst, password: analyst}}]
files:
  - {{id: 4, path: /Data/Imports/orders.imp, simulate: {{}}}}
  - {{id: 48, path: /Workbooks/sales.wbk, simulate: {{{sales}}}}}
  - {{id: 7, path: /Exports/sales.exp, simulate: {{}}}}
"""
QUICK, SLOW = "duration: 1ms", "duration: 1h"


class Step(NamedTuple):
    """The next command of a paragraph: what is done before it is typed, and the exit code that it has. None: it is not typed."""

    code: int | None = 0
    before: Callable[[], object] = lambda: None


class Night:
    """A folder with `nightly.yaml`, a server on which it runs, and the shell of whoever looks after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**LOGIN}
        self._port = 0
        self._server: RunningServer | None = None
        self.file()

    def file(self, policy: str = "timeout: 5m") -> None:
        """Write the pipeline."""
        (self.folder / "nightly.yaml").write_text(NIGHTLY.format(policy=policy), encoding="utf-8")

    def server(self, sales: str = QUICK, *, port: int | None = None) -> str:
        """The server, begun anew on the same address with the same history; `sales` is how the workbook behaves."""
        self.close()
        workspace = self.folder / "workspace.yaml"
        workspace.write_text(WORKSPACE.format(sales=sales), encoding="utf-8")
        self._server = RunningServer.start(
            load_workspace(workspace), port=port or self._port, state=self.folder / "history"
        )
        self._port = urlsplit(self._server.url).port or 0
        self.env.setdefault("SPECTRUM_URL", self._server.url)
        return self._server.url

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.close()

    def type(self, line: str) -> Ended:
        """Type a command, and each look that its end tells to take."""
        program, *words = shlex.split(line)
        assert program == "spectrum-pipelines"
        ended = call(*words, cwd=self.folder, env=self.env)
        for look in re.findall(r"^ +look: spectrum-pipelines (.*)$", ended.stderr, re.MULTILINE):
            if "SPECTRUM_PASSWORD" in self.env and ended.code in {1, 4}:
                assert call(*shlex.split(look), cwd=self.folder, env=self.env).code == 0, look
        return ended

    def ends(self, code: int) -> Ended:
        """The run of the night, which ends with this code and leaves its report."""
        ended = call(*RED, cwd=self.folder, env=self.env)
        assert ended.code == code, ended.stderr
        assert self.report["exit_code"] == code
        return ended

    @property
    def report(self) -> Mapping[str, Any]:
        """What the run has written."""
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text("utf-8"))
        return found

    def execution(self) -> str:
        """The id of the last execution of the workbook."""
        told = call("job", "status", SALES, "--format", "json", cwd=self.folder, env=self.env)
        return str(json.loads(told.stdout)["execution_id"])

    def follow(self, code: int, *steps: Step) -> list[Ended]:
        """Type the commands of a paragraph, one after another."""
        (lines,) = (lines for codes, lines in PARAGRAPHS.items() if code in codes)
        run_id, typed = str(self.report["run_id"]), []
        for line, step in zip(lines, steps, strict=True):
            if step.code is None:
                continue
            step.before()
            filled = line.replace("RUN_ID", run_id)
            filled = filled.replace("EXECUTION_ID", self.execution()) if "EXECUTION_ID" in filled else filled
            ended = self.type(filled)
            assert ended.code == step.code, (filled, ended.stdout, ended.stderr)
            typed.append(ended)
        return typed


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    begun = Night(tmp_path)
    yield begun
    begun.close()


def test_each_exit_code_has_its_paragraph() -> None:
    assert sorted(code for codes in PARAGRAPHS for code in codes) == sorted(set(ExitCode) - {ExitCode.SUCCEEDED})
    tested = re.findall(r"^def test_([\d_]+)_", Path(__file__).read_text("utf-8"), re.MULTILINE)
    assert {int(code) for codes in tested for code in codes.split("_") if code} == {
        code for codes in PARAGRAPHS for code in codes
    }


def test_1_a_job_failed(night: Night) -> None:
    night.server(f"{QUICK}, outcomes: [ERROR, COMPLETED]")
    night.ends(1)
    told, dry, _ = night.follow(1, Step(), Step(), Step())
    assert "sales failed (nightly.yaml:9, trigger /Workbooks/sales.wbk)" in told.stdout
    assert re.findall(r"^(again|stays) +(\w+)", dry.stdout, re.MULTILINE) == [
        ("again", "sales"),
        ("again", "publish"),
        ("stays", "orders"),
    ]


def test_2_the_file_is_wrong(night: Night) -> None:
    night.server()
    night.file("timeuot: 5m")
    assert "unknown key `timeuot`" in night.ends(2).stderr
    first, _ = night.follow(2, Step(1), Step(0, night.file))
    assert "did you mean `timeout`?" in first.stdout
    night.ends(0)


def test_2_a_target_is_not_there(night: Night) -> None:
    night.server()
    (night.folder / "nightly.yaml").write_text(NIGHTLY.format(policy="").replace("sales.wbk", "sale.wbk"))
    night.ends(2)
    _, online = night.follow(2, Step(), Step(1))
    assert "nightly.yaml:9:" in online.stdout
    assert "[missing-target]" in online.stdout
    night.file()
    night.ends(0)


def test_3_the_server_is_away(night: Night) -> None:
    night.env["SPECTRUM_URL"] = dead_port()
    night.ends(3)
    ((line,),) = (lines for codes, lines in PARAGRAPHS.items() if codes == (3,))
    with start(*shlex.split(line)[1:], "--progress", "plain", cwd=night.folder, env=night.env) as waiting:
        assert waiting.stderr is not None
        for told in waiting.stderr:
            if "waiting for the server" in told:
                break
        night.server(port=urlsplit(night.env["SPECTRUM_URL"]).port)
        rest = waiting.stderr.read()
        assert waiting.wait(PATIENCE) == 0, rest
    assert re.search(r"^trace: POST /api/job-execution/\S+ 200 \d+ ms$", rest, re.MULTILINE)


def test_4_a_time_limit_is_over(night: Night) -> None:
    night.server(SLOW)
    night.file("timeout: 300ms, on_timeout: leave")
    ended = night.ends(4)
    (stop,) = re.findall(r"if it is to end: (spectrum-pipelines job stop .*)", ended.stderr)
    assert re.search(r"Next: look first: [^:]*: spectrum-pipelines retry ", unwrapped(ended.stderr))

    def mend() -> None:
        assert "isn" in night.type(stop).stderr, "it was stopped already"
        night.server(QUICK)
        night.file("timeout: 2h")

    details, *_ = night.follow(4, Step(), Step(), Step(0, mend))
    assert re.search(r"^status +RUNNING$", details.stdout, re.MULTILINE)


@contextmanager
def lost_trigger(night: Night) -> Iterator[None]:
    """The first trigger of the workbook gets lost; everything else arrives."""
    direct, lost = night.server(), threading.Event()

    def loses(request: str) -> bool:
        if not re.search(r"^POST .*sales\.wbk", request) or lost.is_set():
            return False
        lost.set()
        return True

    with Front(direct, loses).serving() as port:
        night.env["SPECTRUM_URL"] = f"http://127.0.0.1:{port}"
        yield
    assert lost.is_set()


def test_5_a_lost_trigger_that_came_too_late(night: Night) -> None:
    with lost_trigger(night):
        ended = night.ends(5)
        assert "spectrum-pipelines adopt" in ended.stderr
        # Nobody looks any more when the server begins with it.
        assert night.type(f"spectrum-pipelines job trigger {SALES}").code == 0
        report, history, *_ = night.follow(5, Step(), Step(), Step(), Step(None), Step())
        assert "? sales unknown" in report.stdout
        assert night.execution() in history.stdout
        (_, sales, _) = night_jobs(night)
        assert sales["status"] == "succeeded"
        assert len(sales["executions"]) == 1, "adopted, and not triggered again"


def test_5_a_lost_trigger_that_never_arrived(night: Night) -> None:
    with lost_trigger(night):
        night.ends(5)
        night.follow(5, Step(), Step(), Step(None), Step(), Step())
        assert night_jobs(night)[1]["status"] == "succeeded"


def test_5_a_login_that_was_refused_in_mid_run(night: Night) -> None:
    direct = night.server(SLOW)
    with ExitStack() as stack:
        env = {**night.env, "SPECTRUM_URL": direct}
        running = stack.enter_context(start(*RED, "--progress", "plain", cwd=night.folder, env=env))
        assert running.stderr is not None
        for line in running.stderr:
            if "sales: RUNNING" in line:
                break
        night.close()
        text = WORKSPACE.format(sales=SLOW).replace("password: analyst", "password: other")
        (night.folder / "workspace.yaml").write_text(text, encoding="utf-8")
        other = RunningServer.start(
            load_workspace(night.folder / "workspace.yaml"),
            port=urlsplit(direct).port or 0,
            state=night.folder / "history",
        )
        stack.callback(other.close)
        told = running.stderr.read()
        assert running.wait(PATIENCE) == 5, told
        assert (
            "Next: mend login, certificate or rights first (repeated tries lock accounts), then: spectrum-pip"
            in unwrapped(told)
        )
    night.server(QUICK)
    # A server that was begun anew has ended what ran: the run learns that, and fails; then it is a red 1.
    night.follow(5, Step(), Step(), Step(None), Step(None), Step(1))
    assert night_jobs(night)[1]["reason"]
    night.follow(1, Step(), Step(), Step())


def test_6_the_job_runs_already(night: Night) -> None:
    night.server(SLOW)
    assert night.type(f"spectrum-pipelines job trigger {SALES}").code == 0
    assert "already runs as execution 1" in night.ends(6).stderr
    _, status, _ = night.follow(6, Step(), Step(), Step(0, night.server))
    assert "RUNNING" in status.stdout


def test_6_the_run_key_is_held(night: Night) -> None:
    night.server(SLOW)
    with start(*RED, "--run-key", "k", "--progress", "plain", cwd=night.folder, env=night.env) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "sales: RUNNING" in line:
                break
        busy = call("run", "nightly.yaml", "--run-key", "k", cwd=night.folder, env=night.env)
        assert busy.code == 6
        assert f"by process {running.pid} on " in busy.stderr
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
        assert running.wait(PATIENCE) == 143


def test_7_the_password_is_wrong(night: Night) -> None:
    night.server()
    night.env["SPECTRUM_PASSWORD"] = "wrong"
    night.ends(7)
    (asked,) = night.follow(7, Step(7), Step(None))
    assert "SPECTRUM_PASSWORD" in asked.stderr
    night.env["SPECTRUM_PASSWORD"] = LOGIN["SPECTRUM_PASSWORD"]
    night.follow(7, Step(), Step(None))
    night.ends(0)


def test_7_the_certificate_comes_from_an_authority_of_our_own(night: Night) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(night.folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    with Front(night.server(), tls=context).serving() as port:
        night.env["SPECTRUM_URL"] = f"https://localhost:{port}"
        assert "--ca-bundle" in night.ends(7).stderr
        night.follow(7, Step(None), Step())


def test_70_a_bug(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.server()

    def broken(*asked: Any) -> list[Any]:
        found = list(interpret(*asked))
        if any(isinstance(it, Triggered) and it.job == "sales" for it in found):
            raise LookupError("an unforeseen thing")
        return found

    with monkeypatch.context() as patch:
        patch.setattr("spectrum_pipelines.runner.loop.interpret", broken)
        told = night.ends(70).stderr
    assert "bug: LookupError: an unforeseen thing" in told
    assert f"next: spectrum-pipelines resume {night.report['run_id']}" in told, "not the same command again"
    night.follow(70, Step())
    assert [job["status"] for job in night_jobs(night)] == ["succeeded"] * 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_130_143_interrupted(number: signal.Signals, code: int, night: Night) -> None:
    night.server(SLOW)
    with start(*RED, "--progress", "plain", cwd=night.folder, env=night.env) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "sales: RUNNING" in line:
                break
        running.send_signal(number)
        running.stderr.read()
        assert running.wait(PATIENCE) == code
    night.follow(code, Step(0, night.server))


def unwrapped(text: str) -> str:
    """A text without the ends of its lines, which depend on the width of the terminal."""
    return " ".join(text.split())


def night_jobs(night: Night) -> list[dict[str, Any]]:
    """The jobs of the run, as the journal has them now."""
    told = call("report", str(night.report["run_id"]), "--format", "json", cwd=night.folder, env=night.env)
    jobs: list[dict[str, Any]] = json.loads(told.stdout)["jobs"]
    return jobs
