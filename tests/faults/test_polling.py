"""Faults 15 to 26: what a server, a network and a clock can do while an execution is followed."""

import re
import threading
from datetime import datetime, timedelta

import click
import pytest

from spectrum_pipelines.cli.commands.report import command as report_command
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.engine import facts as ev
from tests.faults import misbehaviour as mis
from tests.faults.conftest import Begin, Serve
from tests.faults.project import Project
from tests.faults.spectrum_server import (
    AT_ONCE,
    ENDLESS,
    PASSWORD,
    USER,
    WARNS,
    Exchange,
    Fault,
    File,
    SpectrumServer,
    honest,
)
from tests.patience import be_impatient

ONE_FILE = "/Data/orders.imp"


def shows_the_previous(exchange: Exchange) -> bool:
    """A status that comes from a cache or a replica: the run before ours, long ended."""
    return mis.with_(job_execution_id=11, job_status="COMPLETED")(exchange)


@pytest.mark.parametrize("ends", ["COMPLETED", "ERROR"])
def test_fault_15_the_status_still_shows_the_previous_run(serve: Serve, begin: Begin, ends: str) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[AT_ONCE, ((0.0, "RUNNING"), (0.2, ends))]))
    server.had(48)
    server.misbehave("status", honest, *[shows_the_previous] * 4)
    outcome = begin(server).run()
    assert outcome.code == (0 if ends == "COMPLETED" else 1)
    assert outcome.job()["execution_id"] == 12
    assert outcome.job()["job_status"] == ends


def test_fault_15_neither_status_nor_details_know_it_yet(project: Project, server: SpectrumServer) -> None:
    server.had(48)
    server.misbehave("status", honest, *[shows_the_previous] * 3)
    unknown = mis.says({"status": "failure", "reason": "Entity of type 'JobExecution' not found."}, 404)
    server.misbehave("details", *[unknown] * 3)
    outcome = project.run()
    assert outcome.code == 0
    assert outcome.job()["execution_id"] == 12


def test_fault_15_an_execution_that_no_place_shows_ever_again_is_unknown(
    project: Project, server: SpectrumServer
) -> None:
    server.had(48)
    server.misbehave("status", honest)
    server.always("status", shows_the_previous)
    server.always("details", mis.says({"status": "failure", "reason": "not found"}, 404))
    outcome = project.run()
    assert outcome.code == 5
    assert "does not know execution 12 any more" in outcome.stderr


def test_fault_16_a_word_that_nobody_knows_is_polled_on_and_warned_of_once(serve: Serve, begin: Begin) -> None:
    timeline = ((0.0, "RUNNING"), (0.05, "PAUSED"), (0.3, "COMPLETED"))
    outcome = begin(serve(File(id=48, path=ONE_FILE, timelines=[timeline]))).run()
    assert outcome.code == 0
    assert len([it for it in outcome.events(ev.Warned) if it.code == "unrecognized-status"]) == 1
    progress = [line for line in outcome.stderr.splitlines() if re.match(r"\d\d:\d\d:\d\dZ ", line)]
    assert sum("which nobody knows" in line for line in progress) == 1


@pytest.mark.parametrize("word", ["PAUSED", "COMPLETED_PARTIALLY", "SUCCESS", "", "completed?", "null"])
def test_fault_16_a_word_that_nobody_knows_is_never_green(serve: Serve, begin: Begin, word: str) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, word),)]))
    project = begin(server)
    project.jobs(load={"trigger": 48, "timeout": "300ms", "on_timeout": "leave"})
    outcome = project.run()
    assert outcome.code == 4
    assert outcome.job()["status"] == "timed_out"


@pytest.mark.parametrize(("word", "code"), [("completed", 0), ("Completed_With_Warnings", 0), ("CANCELLED", 1)])
def test_fault_16_spellings_of_the_field_are_known(serve: Serve, begin: Begin, word: str, code: int) -> None:
    outcome = begin(serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (0.04, word))])))
    outcome.judge = None  # it knows the vendor's spelling only
    assert outcome.run().code == code


@pytest.mark.parametrize(("ours", "theirs"), [("COMPLETED", "ERROR"), ("ERROR", "COMPLETED"), ("CANCELED", "RUNNING")])
def test_fault_17_somebody_elses_run_is_the_latest(serve: Serve, begin: Begin, ours: str, theirs: str) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (0.15, ours))]))

    def overtaken(exchange: Exchange) -> bool:
        kept = honest(exchange)
        server.start(48, ((0.0, theirs),))
        return kept

    server.misbehave("trigger", overtaken)
    outcome = begin(server).run()
    assert outcome.code == (0 if ours == "COMPLETED" else 1)
    assert outcome.job()["execution_id"] == 11
    assert outcome.job()["job_status"] == ours


@pytest.mark.parametrize(("policy", "code", "status"), [("succeed", 0, "warned"), ("fail", 1, "failed")])
def test_fault_18_completed_with_warnings(serve: Serve, begin: Begin, policy: str, code: int, status: str) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[WARNS], failure_count=3))
    project = begin(server)
    project.jobs(load={"trigger": 48, "warnings": policy})
    outcome = project.run()
    assert outcome.code == code
    assert (outcome.job()["status"], outcome.job()["job_status"]) == (status, "COMPLETED_WITH_WARNINGS")
    assert "COMPLETED_WITH_WARNINGS" in outcome.stderr
    for kind in report_formats():
        shown = project.call("report", outcome.run_id or "", "--format", kind, "--state-dir", str(project.state))
        assert shown.code == 0, shown.stderr
        assert re.search("warn", shown.stdout, re.IGNORECASE), kind


def report_formats() -> list[str]:
    """Every format that the `report` command knows."""
    (kind,) = (it.type for it in report_command.params if "--format" in it.opts)
    assert isinstance(kind, click.Choice)
    return [str(choice) for choice in kind.choices]


def test_fault_18_warnings_may_be_retried(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[WARNS, AT_ONCE]))
    project = begin(server)
    retry = {"limit": 1, "interval": "20ms", "when": ["warnings"]}
    project.jobs(load={"trigger": 48, "warnings": "fail", "retry": retry})
    outcome = project.run()
    assert outcome.code == 0
    assert [one["job_status"] for one in outcome.job()["executions"]] == ["COMPLETED_WITH_WARNINGS", "COMPLETED"]


TROUBLES: list[Fault] = [
    mis.code(500),
    mis.reset,
    mis.close,
    mis.code(503),
    mis.silence,
    mis.code(502, b"<h1>"),
    mis.cut(),
]


@pytest.mark.parametrize("operation", ["status", "details"])
def test_fault_19_bursts_of_trouble_while_polling_are_tolerated(serve: Serve, begin: Begin, operation: str) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (0.6, "COMPLETED"))]))
    server.misbehave(operation, *([honest, *TROUBLES] if operation == "status" else TROUBLES))
    outcome = begin(server).run()
    assert outcome.code == 0
    assert server.started() == {48: 1}
    assert outcome.report is not None
    assert outcome.report["http"]["retries"] >= len(TROUBLES) - 2


def test_fault_19_trouble_with_the_shared_poll_is_tolerated(serve: Serve, begin: Begin) -> None:
    slow = ((0.0, "RUNNING"), (0.6, "COMPLETED"))
    server = serve(*(File(id=n, path=f"/{n}", timelines=[slow]) for n in (48, 49, 50)))
    server.misbehave("list", *TROUBLES)
    project = begin(server)
    project.jobs(**{f"job{n}": {"trigger": n} for n in (48, 49, 50)})
    assert project.run().code == 0


@pytest.mark.parametrize("fault", [mis.code(500), mis.reset, mis.silence], ids=["500", "reset", "silence"])
def test_fault_19_a_silence_beyond_the_policy_ends_with_the_id(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    be_impatient(monkeypatch, longest_silence=0.5)

    def falls_silent(exchange: Exchange) -> bool:
        for operation in ("status", "details", "list", "history"):
            server.always(operation, fault)
        return honest(exchange)

    server.misbehave("trigger", falls_silent)
    server.files[48].timelines = [ENDLESS]
    outcome = project.run()
    assert outcome.code == 4
    assert outcome.job()["cause"] == "silence"
    assert "no usable answer about execution 11" in outcome.stderr
    assert "may still run" in outcome.stderr


def test_fault_19_after_a_silence_resume_learns_the_end(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch, longest_silence=0.3)

    def falls_silent(exchange: Exchange) -> bool:
        server.always("status", mis.code(500))
        return honest(exchange)

    server.misbehave("trigger", falls_silent)
    outcome = project.run()
    assert outcome.code == 4
    server.always("status", None)
    again = project.resume(outcome.run_id)
    assert again.code == 0, again.stderr
    assert server.started() == {48: 1}


def test_fault_20_a_server_that_is_away_for_a_while(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (1.2, "COMPLETED"))]))
    project = begin(server)
    usual = project.run()
    back = threading.Timer(1.0, server.come_back)

    def leaves(exchange: Exchange) -> bool:
        kept = honest(exchange)
        threading.Timer(0.1, server.go_away).start()
        back.start()
        return kept

    server.misbehave("trigger", leaves)
    outcome = project.run()
    back.join()
    assert (usual.code, outcome.code) == (0, 0)
    assert usual.report is not None
    assert outcome.report is not None
    assert outcome.report["http"]["requests"] <= 2 * usual.report["http"]["requests"]


class Rotating:
    """A server that takes another password from some request on."""

    def __init__(self, server: SpectrumServer, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.file = project.folder.parent / "secret.txt"
        self.file.write_text(PASSWORD + "\n", encoding="utf-8")
        monkeypatch.delenv("SPECTRUM_PASSWORD")
        monkeypatch.setenv("SPECTRUM_PASSWORD_FILE", str(self.file))
        self.fresh = "fresh-Xx81-never-shown"
        project.secrets.append(self.fresh)

    def rotate(self, *, told: bool) -> Fault:
        """Answer, and from now on want the fresh password, which stands in the file if it was `told`."""

        def fault(exchange: Exchange) -> bool:
            kept = honest(exchange)
            self.server.logins = {(USER, self.fresh)}
            if told:
                self.file.write_text(self.fresh, encoding="utf-8")
            return kept

        return fault


@pytest.mark.parametrize("operation", ["status", "trigger", "details"])
def test_fault_21_a_rotated_secret_is_read_again(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    rotating = Rotating(server, project, monkeypatch)
    project.jobs(load={"trigger": 48}, more={"trigger": 48, "needs": ["load"]})
    server.misbehave(operation, rotating.rotate(told=True))
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert server.started() == {48: 2}
    assert outcome.events(ev.TriggerNotHandled) == []


def test_a_list_that_hangs_does_not_keep_the_only_connection(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read timeouts are long, and executions are asked for one by one all the same."""
    monkeypatch.setattr("spectrum_pipelines.client.latency._FLOOR", 0.2)
    server = serve(*(File(id=n, path=f"/{n}") for n in range(48, 54)))
    server.always("list", mis.silence)
    project = begin(server)
    http = {"max_connections": 1, "connect_timeout": "5s", "read_timeout": "60s"}
    project.pipeline(http=http, jobs={f"j{n}": {"trigger": n} for n in range(48, 54)})
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert len(server.requests("list")) == 1


def test_fault_21_credentials_that_stay_refused_end_the_run_with_the_ids(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(*(File(id=n, path=f"/{n}", timelines=[ENDLESS]) for n in (48, 49)))
    project = begin(server)
    project.jobs(load={"trigger": 48}, more={"trigger": 49})
    rotating = Rotating(server, project, monkeypatch)
    server.misbehave("trigger", honest, rotating.rotate(told=False))
    outcome = project.run()
    assert outcome.code == 5
    assert "execution 11 may still run" in outcome.stderr
    assert "execution 12 may still run" in outcome.stderr
    refused = [seen for seen in server.seen if seen.refused]
    assert len(refused) <= 4, [seen.operation for seen in refused]


def test_fault_21_after_refused_credentials_resume_learns_the_end(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotating = Rotating(server, project, monkeypatch)
    server.misbehave("trigger", rotating.rotate(told=False))
    outcome = project.run()
    assert outcome.code == 5
    rotating.file.write_text(rotating.fresh, encoding="utf-8")
    again = project.resume(outcome.run_id)
    assert again.code == 0, again.stderr
    assert server.started() == {48: 1}


def test_fault_21_a_job_whose_turn_comes_after_the_secret_was_refused_does_not_knock_again_and_again(
    project: Project, server: SpectrumServer
) -> None:
    """A server that locks an account after some wrong passwords would lock it."""
    project.jobs(load={"trigger": 48}, more={"trigger": 48, "needs": ["load"]})

    def revoke(exchange: Exchange) -> bool:
        kept = honest(exchange)
        if b'"COMPLETED"' in exchange.handle().body:
            server.logins = set()
        return kept

    server.always("details", revoke)
    outcome = project.run()
    assert outcome.code == 1
    assert outcome.job("load")["status"] == "succeeded"
    assert outcome.job("more")["cause"] == "unauthorized"
    assert len([seen for seen in server.seen if seen.refused]) <= 2


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("retry_after", ["999999999", "-1", "abc", "Mon, 01 Jan 2001 00:00:00 GMT", "1e400", "0"])
def test_fault_22_no_retry_after_holds_a_run_beyond_its_limits(
    project: Project, server: SpectrumServer, code: int, retry_after: str
) -> None:
    endless = retry_after == "999999999" and code == 429
    policy = {"timeout": "400ms", "on_timeout": "leave"} if endless else {}
    project.jobs(load={"trigger": 48, **policy})
    server.misbehave("status", honest, mis.code(code, b"", f"Retry-After: {retry_after}"))
    outcome = project.run()
    assert outcome.code == (4 if endless else 0), outcome.stderr
    assert outcome.seconds < 5


GARBAGE: dict[str, Fault] = {
    "fault_23_drips": mis.drips(0.05),
    "fault_24_endless": mis.endless,
    "fault_24_gzip_bomb": mis.gzip_bomb,
    "fault_24_deep": mis.deep,
    "fault_24_nan": mis.code(200, b'{"status": "success", "job-status": NaN}'),
    "fault_24_infinite_id": mis.code(200, b'{"status": "success", "job-status": "RUNNING", "job-execution-id": 1e999}'),
    "fault_24_long_number": mis.code(200, b'{"job-status": "RUNNING", "job-execution-id": ' + b"9" * 5000 + b"}"),
    "fault_24_latin_1": mis.code(200, '{"status": "success", "job-status": "RÜNNING"}'.encode("latin-1")),
    "fault_24_utf_16": mis.code(200, '{"status": "success", "job-status": "RUNNING"}'.encode("utf-16")),
    "fault_24_nul": mis.code(200, b'{"status": "success"\x00}'),
    "fault_24_lone_surrogate": mis.code(200, b'{"status": "success", "job-status": "\\ud800"}'),
    "fault_24_wrong_length": mis.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"),
    "fault_24_wrong_gzip": mis.code(200, b"no gzip", "Content-Encoding: gzip"),
    "fault_24_not_http": mis.raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "fault_24_endless_header": mis.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000),
    "fault_24_many_headers": mis.raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000),
}


@pytest.mark.parametrize("fault", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_mid_run_is_no_end_and_no_status(serve: Serve, begin: Begin, fault: Fault) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (0.2, "COMPLETED"))]))
    server.misbehave("status", honest, fault, fault)
    server.misbehave("details", fault)
    outcome = begin(server).run()
    assert outcome.code == 0, outcome.stderr
    assert outcome.job()["execution_id"] == 11


@pytest.mark.parametrize("fault", GARBAGE.values(), ids=GARBAGE)
def test_garbage_before_the_run_ends_it_as_unreachable(project: Project, server: SpectrumServer, fault: Fault) -> None:
    http = {"connect_timeout": "200ms", "read_timeout": "200ms", "retry": {"limit": 1, "interval": "20ms"}}
    project.pipeline(http=http, jobs={"load": {"trigger": 48}})
    server.always("status", fault)
    outcome = project.run()
    assert server.requests("trigger") == [], outcome.stderr
    # A word that nobody knows is no garbage: something may run there.
    assert outcome.code == (6 if fault is GARBAGE["fault_24_lone_surrogate"] else 3)


@pytest.mark.parametrize("fault", GARBAGE.values(), ids=GARBAGE)
def test_garbage_instead_of_the_answer_to_a_trigger_is_ambiguous(
    project: Project, server: SpectrumServer, fault: Fault
) -> None:
    server.misbehave("trigger", fault if fault is GARBAGE["fault_23_drips"] else mis.handled(fault))
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert outcome.job()["executions"][0]["adopted"] is True
    assert server.started() == {48: 1}


def drops_the_connection(exchange: Exchange) -> bool:
    """Closed after an answer that promised to keep it open: the ordinary end of a keep-alive."""
    honest(exchange)
    return False


def test_fault_25_dropped_keep_alives_cost_no_retry(project: Project, server: SpectrumServer) -> None:
    for operation in ("status", "trigger", "details", "list"):
        server.always(operation, drops_the_connection)
    outcome = project.run()
    assert outcome.code == 0
    assert outcome.report is not None
    assert outcome.report["http"]["retries"] == 0


@pytest.mark.parametrize("hours", [1, -1, 24 * 365])
def test_fault_26_a_clock_that_jumps_changes_no_decision(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    server = serve(File(id=48, path=ONE_FILE, timelines=[((0.0, "RUNNING"), (0.3, "COMPLETED"))]))
    truly = SystemClock.now

    def jumps(exchange: Exchange) -> bool:
        monkeypatch.setattr(SystemClock, "now", lambda clock: truly(clock) + timedelta(hours=hours))
        return honest(exchange)

    server.misbehave("trigger", jumps)
    project = begin(server)
    project.jobs(load={"trigger": 48, "timeout": "5s", "expect": {"duration": {"max": "5s"}}})
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert outcome.report is not None
    assert 0.2 < outcome.report["duration_seconds"] < 5
    assert 0.2 < outcome.job()["duration_seconds"] < 5


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1), datetime(2999, 12, 31)], ids=str)  # noqa: DTZ001 - as servers write
def test_fault_26_the_servers_own_times_decide_nothing(
    project: Project, server: SpectrumServer, moment: datetime
) -> None:
    server.dates = lambda: moment.strftime("%b %d, %Y %I:%M:%S %p")
    outcome = project.run()
    assert outcome.code == 0
    assert outcome.job()["executions"][0]["start_time"] == server.dates()
