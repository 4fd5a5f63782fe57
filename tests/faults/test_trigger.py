"""Faults 1 to 14: everything that can happen between the wish to trigger a job and its execution id."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
import trustme

from spectrum_pipelines.engine import facts as ev
from tests.faults import misbehaviour as mis
from tests.faults.conftest import Begin, Serve
from tests.faults.misbehaviour import handled
from tests.faults.project import Project
from tests.faults.spectrum_server import ENDLESS, USER, Exchange, Fault, File, SpectrumServer

LOST_ANSWERS = [
    pytest.param(handled(mis.close), id="fault_03_closed"),
    pytest.param(handled(mis.reset), id="fault_03_reset"),
    pytest.param(handled(mis.silence), id="fault_04_slower_than_the_timeout"),
    pytest.param(mis.drips(0.02), id="fault_04_answered_byte_by_byte"),
    pytest.param(mis.cut(0.5), id="fault_05_cut_in_the_middle"),
    pytest.param(mis.cut(0.0), id="fault_05_cut_before_the_body"),
    pytest.param(handled(mis.code(200, b"accepted, have a nice day")), id="fault_05_text"),
    pytest.param(handled(mis.code(200, b"")), id="fault_05_empty"),
    pytest.param(handled(mis.code(204)), id="fault_05_no_content"),
    pytest.param(handled(mis.code(500, b"<h1>Internal</h1>")), id="fault_06_500"),
    pytest.param(handled(mis.code(502, b"<h1>Bad gateway</h1>")), id="fault_06_502"),
    pytest.param(handled(mis.code(504)), id="fault_06_504"),
    pytest.param(handled(mis.code(503, b"", "Retry-After: 1")), id="fault_08_503_after_handling"),
    pytest.param(handled(mis.says({"status": "failure", "reason": "late"}, 500)), id="fault_06_failure_body_under_500"),
    pytest.param(handled(mis.code(408)), id="fault_06_a_proxy_gave_up"),
    pytest.param(handled(mis.code(404, b"<h1>Not Found</h1>")), id="a_page_of_a_proxy_404"),
    pytest.param(handled(mis.code(413)), id="a_page_of_a_proxy_413"),
    pytest.param(handled(mis.code(403, b"<h1>Blocked</h1>")), id="a_page_of_a_proxy_403"),
    pytest.param(handled(mis.login_page), id="fault_10_the_session_ended_after_handling"),
    pytest.param(handled(mis.redirect("http://elsewhere.invalid/login")), id="fault_12_redirected_after_handling"),
    pytest.param(mis.with_(job_execution_id=None), id="fault_11_null"),
    pytest.param(mis.with_(job_execution_id=-11), id="fault_11_negative"),
    pytest.param(mis.with_(job_execution_id=0), id="fault_11_zero"),
    pytest.param(mis.with_(job_execution_id="eleven"), id="fault_11_text"),
    pytest.param(mis.with_(job_execution_id=11.5), id="fault_11_fraction"),
    pytest.param(mis.with_(job_execution_id=True), id="fault_11_true"),
    pytest.param(mis.with_(job_execution_id=10**400), id="fault_11_absurdly_long"),
    pytest.param(mis.edited(lambda _: {"status": "success"}), id="fault_11_missing"),
    pytest.param(mis.edited(lambda answer: {**answer, "status": "failure"}), id="fault_11_failure_with_an_id"),
]


@pytest.mark.parametrize("fault", LOST_ANSWERS)
def test_a_lost_answer_is_looked_for_and_never_asked_again(
    project: Project, server: SpectrumServer, fault: Fault
) -> None:
    server.had(48)
    server.misbehave("trigger", fault)
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert len(server.requests("trigger")) == 1
    (execution,) = outcome.job()["executions"]
    assert execution["execution_id"] == 12
    assert (execution["adopted"], execution["adopted_by"]) == (True, "reconciled")
    assert "no usable answer" in outcome.stderr


def test_fault_03_a_job_that_has_ended_before_anybody_looked_is_found(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/Data/orders.imp", timelines=[((0.0, "COMPLETED"),)]))
    server.misbehave("trigger", handled(mis.close))
    outcome = begin(server).run()
    assert outcome.code == 0
    assert outcome.job()["execution_id"] == 11


def test_fault_03_a_job_that_queues_behind_a_strangers_is_found_in_the_list(serve: Serve, begin: Begin) -> None:
    """Both are above the baseline: nobody can tell which is ours."""
    server = serve()

    def overtaken(exchange: Exchange) -> bool:
        server.start(48)
        return handled(mis.close)(exchange)

    server.misbehave("trigger", overtaken)
    outcome = begin(server).run()
    assert outcome.code == 5
    assert "executions 11, 12 may be ours" in outcome.job()["reason"]
    assert len(server.requests("trigger")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(mis.close, id="fault_07_closed"),
        pytest.param(mis.reset, id="fault_07_reset"),
        pytest.param(mis.silence, id="fault_07_silence"),
        pytest.param(mis.code(500), id="fault_07_500"),
        pytest.param(mis.code(503, b"", "Retry-After: 0"), id="fault_08_503_before_handling"),
        pytest.param(mis.login_page, id="fault_10_login_page"),
    ],
)
def test_a_trigger_that_was_never_handled_and_looks_as_if_is_unknown(
    project: Project, server: SpectrumServer, fault: Fault
) -> None:
    server.had(48)
    server.misbehave("trigger", fault)
    outcome = project.run()
    assert outcome.code == 5
    assert outcome.report is not None
    assert outcome.report["status"] == "unknown"
    assert outcome.job()["status"] == "unknown"
    assert "adopt" in outcome.stderr
    assert len(server.requests("trigger")) == 1


def test_fault_07_unknown_may_be_retried_when_the_pipeline_says_so(project: Project, server: SpectrumServer) -> None:
    project.jobs(load={"trigger": 48, "on_ambiguous": "retry"})
    server.misbehave("trigger", mis.close)
    outcome = project.run()
    assert outcome.code == 0
    assert [one["attempt"] for one in outcome.job()["executions"]] == [2]
    assert server.started() == {48: 1}


def test_fault_07_an_execution_that_shows_up_late_in_the_grace_time_is_adopted(
    project: Project, server: SpectrumServer
) -> None:
    """A gateway that delivers the request after it told us that it failed."""
    project.jobs(load={"trigger": 48, "on_ambiguous": "retry", "ambiguous_grace": "1s"})
    timer = threading.Timer(0.5, lambda: server.start(48, user=USER))

    def later(exchange: Exchange) -> bool:
        timer.start()
        return mis.code(504)(exchange)

    server.misbehave("trigger", later)
    outcome = project.run()
    timer.join()
    assert outcome.code == 0
    assert server.started() == {48: 1}
    assert outcome.job()["executions"][0]["adopted"] is True


@pytest.mark.parametrize("retry_after", [None, "0", "-1", "abc", "Mon, 01 Jan 2001 00:00:00 GMT"])
def test_fault_08_a_429_is_no_trigger_and_is_asked_again(
    project: Project, server: SpectrumServer, retry_after: str | None
) -> None:
    server.misbehave("trigger", mis.throttled(retry_after), mis.throttled(retry_after))
    outcome = project.run()
    assert outcome.code == 0
    assert len(server.requests("trigger")) == 3
    assert server.started() == {48: 1}
    assert outcome.job()["executions"][0]["attempt"] == 1


def test_fault_08_a_429_without_end_is_given_up(project: Project, server: SpectrumServer) -> None:
    server.always("trigger", mis.throttled("0"))
    outcome = project.run()
    assert outcome.code == 3
    assert len(server.requests("trigger")) == 4
    assert server.started() == {}


@pytest.mark.parametrize("code", [200, 400, 403, 404])
def test_fault_09_the_servers_no_is_a_no_with_its_reason(project: Project, server: SpectrumServer, code: int) -> None:
    server.misbehave("trigger", mis.says({"status": "failure", "reason": "License expired"}, code))
    outcome = project.run()
    assert outcome.code == 1
    assert outcome.job()["status"] == "failed"
    assert "License expired" in outcome.job()["reason"]
    assert "License expired" in outcome.stderr
    assert len(server.requests("trigger")) == 1


@pytest.mark.parametrize("operation", ["status", "trigger"])
def test_fault_10_a_login_page_is_not_spectrum(project: Project, server: SpectrumServer, operation: str) -> None:
    server.misbehave(operation, *[mis.login_page] * 9)
    outcome = project.run()
    assert outcome.code == (3 if operation == "status" else 5)
    assert "a web page answers instead of Spectrum: proxy or SSO login page?" in outcome.stderr
    assert server.started() == {}


@pytest.mark.parametrize("number", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("operation", ["status", "trigger"])
def test_fault_12_no_redirect_is_followed(serve: Serve, begin: Begin, number: int, operation: str) -> None:
    server, thief = serve(), serve()
    server.always(operation, mis.redirect(f"{thief.url}/elsewhere?x=1", number))
    outcome = begin(server).run()
    assert outcome.code == (3 if operation == "status" else 5)
    assert f"{thief.url}/elsewhere" in outcome.stderr
    assert thief.seen == []
    assert server.started() == {}


BUSY = [("fail", 6, 1), ("wait", 0, 2), ("attach", 0, 1), ("stop", 0, 2)]


@pytest.mark.parametrize(("on_running", "code", "executions"), BUSY, ids=[row[0] for row in BUSY])
def test_fault_13_a_job_that_already_runs(
    project: Project, server: SpectrumServer, on_running: str, code: int, executions: int
) -> None:
    theirs = server.start(48, ENDLESS if on_running == "stop" else ((0.0, "RUNNING"), (0.4, "COMPLETED")))
    project.jobs(load={"trigger": 48, "on_running": on_running})
    outcome = project.run()
    assert outcome.code == code, outcome.stderr
    assert len(server.executions) == executions
    assert len(server.requests("trigger")) == executions - 1
    assert len(server.requests("stop")) == (on_running == "stop")
    assert theirs.word == ("CANCELED" if on_running == "stop" else "RUNNING" if on_running == "fail" else "COMPLETED")
    if on_running == "fail":
        assert "already runs as execution 11 (RUNNING)" in outcome.stderr


def test_fault_13_a_job_that_was_started_by_somebody_after_the_preflight(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=47, path="/a"), File(id=48, path="/b"))
    project = begin(server)
    project.jobs(first={"trigger": 47}, load={"trigger": 48, "needs": ["first"]})
    opened = threading.Event()
    server.misbehave("trigger", mis.when(opened))

    def meddle() -> None:
        server.until_asked("trigger")
        server.start(48, ENDLESS)
        opened.set()

    meddler = threading.Thread(target=meddle)
    meddler.start()
    outcome = project.run()
    meddler.join()
    assert outcome.code == 1
    assert outcome.job()["status"] == "failed"
    assert "already runs" in outcome.job()["reason"]
    assert server.started() == {47: 1}


UNKNOWN_JOB = "File doesn\u2019t exist or isn\u2019t accessible with current permissions"


@pytest.mark.parametrize("failure_code", [404, 200, 403, 400])
def test_fault_14_an_unknown_job_is_found_before_anything_is_triggered(
    serve: Serve, begin: Begin, failure_code: int
) -> None:
    server = serve(failure_code=failure_code)
    project = begin(server)
    project.jobs(load={"trigger": 48}, late={"trigger": "/Data/no such.imp", "needs": ["load"]}, more={"trigger": 49})
    outcome = project.run()
    assert outcome.code == 2, outcome.stderr
    assert server.requests("trigger") == []
    assert UNKNOWN_JOB in outcome.stderr
    for target in ("/Data/no such.imp", "49"):
        assert target in outcome.stderr


def test_fault_14_the_preflight_asks_for_each_target_once(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/a"), File(id=49, path="/b"))
    project = begin(server)
    project.jobs(**{f"job{n}": {"trigger": 48 + n % 2, "needs": [] if n < 2 else [f"job{n - 2}"]} for n in range(4)})
    opened = threading.Event()
    server.misbehave("trigger", mis.when(opened), mis.when(opened))
    counted: list[int] = []

    def count() -> None:
        server.until_asked("trigger", 2)
        counted.append(len(server.requests("status")))
        opened.set()

    watcher = threading.Thread(target=count)
    watcher.start()
    assert project.run().code == 0
    watcher.join()
    assert counted == [2]


# Fault 1: provably unsent


@pytest.fixture
def closed_port() -> Iterator[int]:
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


UNREACHABLE = [
    ("fault_01_refused", "http://127.0.0.1:{port}", "refuses connections"),
    ("fault_01_no_such_name", "http://no-such-host.invalid:8080", "cannot be resolved"),
]


@pytest.mark.parametrize(("url", "told"), [row[1:] for row in UNREACHABLE], ids=[row[0] for row in UNREACHABLE])
def test_a_server_that_cannot_be_reached(project: Project, closed_port: int, url: str, told: str) -> None:
    project.url, project.judge = url.format(port=closed_port), None
    outcome = project.run()
    assert outcome.code == 3
    assert told in outcome.stderr
    assert outcome.report is not None
    assert (outcome.report["status"], outcome.report["exit_code"]) == ("failed", 3)
    assert outcome.report["http"]["requests"] == 4  # retry.limit and the first


def test_fault_01_a_connect_timeout(project: Project) -> None:
    """A listener whose backlog is full answers no SYN."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, closing(socket.socket()) as filler:
        address = full.getsockname()
        filler.connect(address)
        fillers = [socket.socket() for _ in range(3)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(address)
        http = {"connect_timeout": "200ms", "retry": {"limit": 1, "interval": "20ms"}}
        project.pipeline(http=http, jobs={"load": {"trigger": 48}})
        project.url, project.judge = f"http://127.0.0.1:{address[1]}", None
        outcome = project.run()
        for one in fillers:
            one.close()
    assert outcome.code == 3
    assert "no connection to" in outcome.stderr


def test_fault_01_a_server_that_comes_back_within_the_budget_gets_exactly_one_post(
    project: Project, server: SpectrumServer
) -> None:
    """The trigger is due when the server is away: it is provably unsent, and sent again."""
    http = {"connect_timeout": "1s", "read_timeout": "400ms", "retry": {"limit": 6, "interval": "50ms"}}
    project.pipeline(http=http, jobs={"load": {"trigger": 48}})
    server.misbehave("status", leaves_after_answering)
    timer = threading.Timer(0.4, server.come_back)
    timer.start()
    outcome = project.run()
    timer.join()
    assert outcome.code == 0, outcome.stderr
    assert len(server.requests("trigger")) == 1
    assert outcome.events(ev.TriggerNotHandled)
    assert outcome.events(ev.TriggerAmbiguous) == []
    assert outcome.job()["executions"][0]["attempt"] == 1


def leaves_after_answering(exchange: Exchange) -> bool:
    reply = exchange.handle().rendered("Connection: close")
    exchange.server.stop_listening()
    exchange.say(reply)
    return False


def test_fault_01_a_server_that_stays_away_after_the_preflight(project: Project, server: SpectrumServer) -> None:
    project.jobs(load={"trigger": 48, "queue_timeout": "1s"})
    server.misbehave("status", leaves_after_answering)
    outcome = project.run()
    assert outcome.code == 3
    assert outcome.job()["cause"] == "unreachable"
    assert "no usable answer within 1s" in outcome.job()["reason"]
    assert server.started() == {}


# Fault 2: TLS


class TlsPort:
    """A listener that shakes hands and says nothing."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.connections = 0
        self.said: list[bytes] = []
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.settimeout(5)
            try:
                with self._context.wrap_socket(sock, server_side=True) as secured:
                    self.said.append(secured.recv(4096))
            except OSError:
                sock.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.mark.parametrize("fault", ["self_signed", "expired", "wrong_host"])
def test_fault_02_a_certificate_that_is_not_to_be_trusted(project: Project, fault: str) -> None:

    ca = trustme.CA()
    past = datetime(2001, 1, 1, tzinfo=UTC)
    leaf = {
        "self_signed": lambda: ca.issue_cert("localhost"),
        "expired": lambda: ca.issue_cert("localhost", not_after=past),
        "wrong_host": lambda: ca.issue_cert("elsewhere.example.com"),
    }[fault]()
    bundle = project.folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    with closing(TlsPort(context_of(leaf))) as port:
        project.url, project.judge = f"https://localhost:{port.port}", None
        outcome = project.run(*([] if fault == "self_signed" else ["--ca-bundle", str(bundle)]))
    assert outcome.code == 7, outcome.stderr
    assert port.connections == 1
    assert port.said == []
    assert "localhost" in outcome.stderr
    assert "--ca-bundle" in outcome.stderr
    assert outcome.report is not None
    assert outcome.report["http"]["requests"] == 1


def test_fault_02_the_report_of_a_run_that_never_began_says_so(project: Project, closed_port: int) -> None:
    project.url, project.judge = f"http://127.0.0.1:{closed_port}", None
    outcome = project.run("--report", "out.json")
    report = json.loads((project.folder / "out.json").read_text())
    assert report == outcome.report
    assert {job["status"] for job in report["jobs"]} == {"skipped"}
    assert "nothing was triggered" in outcome.stderr
