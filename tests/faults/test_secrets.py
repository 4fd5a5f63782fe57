"""Faults 44 to 53: what must not get out, and what must not get in."""

import base64
import html
import json
import os
import shlex
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote

import pytest

from tests.faults import misbehaviour as mis
from tests.faults.checks import TOKEN
from tests.faults.conftest import Begin, Serve
from tests.faults.project import Project
from tests.faults.spectrum_server import FAILS, PASSWORD, USER, File, SpectrumServer
from tests.faults.test_polling import report_formats

IN_A_URL = "in-the-url-Qw81-never-shown"


@pytest.mark.parametrize("where", ["option", "file", "environment"])
def test_fault_44_a_password_in_the_url_is_refused(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    url = f"http://{USER}:{IN_A_URL}@127.0.0.1:{server.port}"
    project.url = url if where == "option" else None
    if where == "file":
        project.pipeline(server={"url": url}, jobs={"load": {"trigger": 48}})
    else:
        project.secrets.append(IN_A_URL)
    if where == "environment":
        monkeypatch.setenv("SPECTRUM_URL", url)
    outcome = project.run()
    assert outcome.code == 2
    assert IN_A_URL not in outcome.said
    assert "SPECTRUM_PASSWORD" in outcome.stderr
    assert server.seen == []


def test_fault_45_a_netrc_entry_is_ignored(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = project.folder.parent / "home"
    home.mkdir()
    netrc = home / ".netrc"
    netrc.write_text("machine 127.0.0.1 login thief password from-netrc-Ty61\ndefault login thief password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(netrc))
    assert project.run().code == 0
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert {seen.headers["authorization"] for seen in server.seen} == {expected}


def test_fault_46_a_bundle_of_the_environment_changes_nothing(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/no/such/bundle.pem")
    assert project.run().code == 0
    both = project.run("--insecure", "--ca-bundle", str(project.file))
    assert both.code == 2
    assert "exclude each other" in both.stderr


PROXY_LOGIN = "proxy-Gh52-never-shown"


@pytest.mark.parametrize("listens", [True, False])
def test_fault_47_the_credentials_of_a_proxy_are_in_no_text(
    project: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch, listens: bool
) -> None:
    proxy = serve()
    proxy.always("elsewhere", mis.echo)
    project.secrets.append(PROXY_LOGIN)
    monkeypatch.setenv("http_proxy", f"http://me:{PROXY_LOGIN}@127.0.0.1:{proxy.port}")
    project.url, project.judge = "http://spectrum.invalid:8080", None
    if not listens:
        proxy.go_away()
    outcome = project.run()
    assert outcome.code in {2, 3}
    assert bool(proxy.seen) is listens


@pytest.mark.parametrize("operation", ["status", "trigger", "details", "sequence"])
def test_fault_48_an_echoed_request_teaches_nobody_anything(serve: Serve, begin: Begin, operation: str) -> None:
    server = serve(File(id=48, path="/x"))
    server.misbehave(operation, *[mis.echo] * 30)
    project = begin(server)
    action = {"sequence": [48], "variables": {"key": "${var.token}"}} if operation == "sequence" else {"trigger": 48}
    project.pipeline(jobs={"load": action})
    outcome = project.run("--report", "out.json", "--junit", "out.xml", "--html", "out.html", "--summary", "out.md")
    # Details that are refused again and again are done without: the end was shown by the status already.
    assert outcome.code == {"status": 2, "trigger": 1, "sequence": 1, "details": 0}[operation], outcome.stderr
    assert "***" in outcome.stderr or operation == "details"


NASTY = (
    "::error file=x::pwned\n##vso[task.setvariable variable=x]y\r\x1b[2J\x1b]0;title\x07\u202eevil\u2066|"
    "<img src=x onerror=alert(1)>\x00\x9b31m<script>alert(1)</script>|`code`|[link](javascript:alert(1))|&amp;"
)


def test_fault_49_foreign_texts_are_neutral_everywhere(serve: Serve, begin: Begin) -> None:
    """In a reason, in a file's name, in a status word: terminal, log, report, summary, JUnit, HTML."""
    server = serve(File(id=48, path="/x", timelines=[FAILS]), File(id=49, path=f"/{NASTY.replace('/', '-')}"))
    server.misbehave("trigger", mis.says({"status": "failure", "reason": NASTY}, 400))
    server.misbehave("details", mis.with_(jobStatus=NASTY))
    project = begin(server)
    project.pipeline(
        fail_fast=False,
        jobs={"refused": {"trigger": 48}, "odd": {"sequence": [49], "variables": {"key": "x"}, "needs": []}},
    )
    outcome = project.run("--report", "out.json", "--junit", "out.xml", "--html", "out.html", "--summary", "out.md")
    assert outcome.code == 1
    for kind in report_formats():
        shown = project.call("report", outcome.run_id or "", "--format", kind, "--state-dir", str(project.state))
        assert shown.code == 0
    for name in ("out.json", "out.xml", "out.html", "out.md"):
        assert_neutral(name, (project.folder / name).read_text("utf-8"))


def assert_neutral(name: str, text: str) -> None:
    for bad in ("\x1b", "\r", "\x00", "\x07", "\x9b", "\u202e", "\u2066"):
        assert bad not in text, (name, bad)
    if name != "out.json":
        assert "<img src=x" not in text, name
        assert "<script>alert" not in text, name
    if name == "out.md":
        assert "](javascript" not in text.replace("\\]", "").replace("\\(", ""), text
        assert not [line for line in text.splitlines() if line.lstrip().startswith(("::", "##vso"))]


FAULTY: dict[str, dict[str, Any]] = {
    "an_unknown_key_beside_it": {"secret": True, "default": TOKEN, "kind": "x"},
    "a_wrong_type": {"secret": True, "type": "integer", "default": TOKEN},
    "not_in_the_enum": {"secret": True, "default": TOKEN, "enum": ["a", "b"]},
}


@pytest.mark.parametrize("variable", FAULTY.values(), ids=FAULTY)
@pytest.mark.parametrize("command", ["run", "validate", "plan"])
def test_fault_50_a_fault_in_a_secret_does_not_print_it(
    project: Project, server: SpectrumServer, variable: dict[str, Any], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The file itself holds the value here, so it stands outside of what the checkers search.
    monkeypatch.delenv("SPECTRUM_VAR_token")
    project.file = project.folder.parent / "night.yaml"
    project.pipeline(variables={"token": variable}, jobs={"load": {"trigger": 48}})
    outcome = project.run() if command == "run" else project.call(command, str(project.file))
    assert outcome.code in {1, 2}, outcome.said
    assert server.seen == []


def test_fault_50_a_secret_of_the_wrong_type_from_the_environment(project: Project, server: SpectrumServer) -> None:
    project.pipeline(variables={"token": {"secret": True, "type": "integer"}}, jobs={"load": {"trigger": 48}})
    outcome = project.run()
    assert outcome.code == 2
    assert server.seen == []


def test_a_secret_in_a_path_a_description_and_a_variable_of_a_workbook_is_masked(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/x", timelines=[FAILS]))
    project = begin(server)
    sales = {"sequence": [48], "variables": {"key": "${var.token}", "more": "a ${var.token} b"}, "description": "x"}
    project.pipeline(jobs={"load": sales})
    outcome = project.run("--report", "out.json", "--html", "out.html", "--progress", "json")
    assert outcome.code == 1
    assert json.loads(server.requests("sequence")[0].body)["variables"] == {"key": TOKEN, "more": f"a {TOKEN} b"}
    for command in (["plan", str(project.file), "--format", "json"], ["validate", str(project.file)]):
        assert project.call(*command).code == 0


def from_file(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


SECRET_FILES: dict[str, tuple[Callable[[Path], object], int]] = {
    "as_it_is": (from_file(PASSWORD.encode()), 0),
    "line_break": (from_file(PASSWORD.encode() + b"\n"), 0),
    "crlf": (from_file(PASSWORD.encode() + b"\r\n"), 0),
    "missing": (lambda _: None, 2),
    "a_folder": (lambda path: path.mkdir(), 2),
    "empty": (from_file(b"\n"), 2),
    "two_lines": (from_file(PASSWORD.encode() + b"\nmore\n"), 2),
    "not_utf_8": (from_file(b"\xff\xfe"), 2),
    "huge": (from_file(b"x" * 100_000), 2),
}


@pytest.mark.parametrize(("make", "code"), SECRET_FILES.values(), ids=SECRET_FILES)
def test_fault_51_a_secret_file(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], code: int
) -> None:
    path = project.folder.parent / "secret"
    make(path)
    monkeypatch.delenv("SPECTRUM_PASSWORD")
    monkeypatch.setenv("SPECTRUM_PASSWORD_FILE", str(path))
    outcome = project.run()
    assert outcome.code == code, outcome.stderr
    assert (server.seen == []) is (code == 2)


def test_fault_51_both_ways_at_once(project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTRUM_PASSWORD_FILE", "/dev/null")
    outcome = project.run()
    assert outcome.code == 2
    assert "given twice: SPECTRUM_PASSWORD and SPECTRUM_PASSWORD_FILE" in outcome.stderr
    assert server.seen == []


def test_fault_51_a_named_pipe_is_read_once(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.folder.parent / "pipe"
    os.mkfifo(path)
    monkeypatch.delenv("SPECTRUM_PASSWORD")
    monkeypatch.setenv("SPECTRUM_PASSWORD_FILE", str(path))
    writer = threading.Thread(target=path.write_text, args=(PASSWORD + "\n",))
    writer.start()
    outcome = project.run()
    writer.join(10)
    assert outcome.code == 0, outcome.stderr
    assert server.started() == {48: 1}


VALUES = [
    "${var.token}",
    "$${x}",
    "a: [b, {c: d}] # e",
    "two\nlines",
    "!!python/object:os.system",
    "'\"`$(id)",
    "*alias",
    "{{7*7}}",
    "\u202e",
]


@pytest.mark.parametrize("value", VALUES)
def test_fault_52_a_value_is_one_literal_scalar(serve: Serve, begin: Begin, value: str) -> None:
    server = serve(File(id=48, path="/x"))
    project = begin(server)
    project.pipeline(
        variables={"plain": {"type": "string"}},
        jobs={"load": {"sequence": [48], "variables": {"key": "<${var.plain}>"}}},
    )
    outcome = project.run("--var", f"plain={value}")
    assert outcome.code == 0, outcome.stderr
    assert json.loads(server.requests("sequence")[0].body) == {"variables": {"key": f"<{value}>"}, "fileIds": [48]}


def test_fault_53_a_changed_server_gets_no_credentials(
    project: Project, server: SpectrumServer, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = serve()
    monkeypatch.setenv("SPECTRUM_ALLOWED_HOSTS", f"spectrum.example.com, 127.0.0.1:{server.port}")
    project.url = None
    project.pipeline(server={"url": thief.url}, jobs={"load": {"trigger": 48}})
    outcome = project.run()
    assert outcome.code == 2
    assert "SPECTRUM_ALLOWED_HOSTS" in outcome.stderr
    assert thief.seen == []
    project.pipeline(server={"url": server.url}, jobs={"load": {"trigger": 48}})
    assert project.run().code == 0


ECHOES = {
    "plain": PASSWORD,
    "percent": quote(PASSWORD, safe=""),
    "plus": quote_plus(PASSWORD),
    "html": html.escape(PASSWORD),
    "token": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
    "base64": base64.b64encode(PASSWORD.encode()).decode(),
    "html and percent": "".join(f"&#{ord(it)};" if it.isalpha() else quote(it, safe="") for it in PASSWORD),
    "unicode escapes": "".join(f"\\u{ord(it):04X}" for it in PASSWORD),
    "hexadecimal": PASSWORD.encode().hex(),
    "variable": TOKEN,
    "variable in percent": quote(TOKEN),
}
ALL = ("--report", "out.json", "--junit", "out.xml", "--html", "out.html", "--summary", "out.md")


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_server_that_repeats_what_it_was_given_in_every_text_tells_nobody(
    serve: Serve, begin: Begin, echo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In status words, names of counters, dates, names of planned jobs and users: searched are all files and streams."""
    server = serve(File(id=48, path="/x"), File(id=49, path="/y"), File(id=50, path="/z"))
    server.misbehave("details", mis.with_(counters={f"A {echo}": 1}, stopTime=f"at {echo}", startTime=echo))
    server.misbehave("status", *[mis.with_(start_time=echo, stop_time=echo)] * 3)
    server.misbehave("trigger", mis.with_(job_execution_user=echo, job_execution_trigger=echo))
    project = begin(server)
    project.secrets.append(echo)
    output = project.folder / "github"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    sequence = {"sequence": [49], "variables": {"key": "${var.token}"}}
    project.pipeline(jobs={"load": {"trigger": 48}, "sales": sequence, "odd": {"trigger": 50, "needs": ["load"]}})
    outcome = project.run(*ALL, "--progress", "json")
    assert outcome.code == 0, outcome.stderr
    server.misbehave("status", mis.with_(job_status=f"WORD {echo}", start_time=echo))
    odd = project.run("--report", "odd.json")
    assert odd.code in {1, 2, 5, 6}, odd.stderr
    if TOKEN in unquote(echo):
        return  # by hand, no pipeline says what else is secret
    server.misbehave("status", mis.with_(job_status=f"WORD {echo}", start_time=echo))
    assert project.url is not None
    project.call("job", "status", "48", "--server", project.url)
    server.misbehave("details", mis.with_(counters={f"A {echo}": 1}))
    project.call("job", "details", "1", "--server", project.url)


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["one line", "traceback"])
def test_a_bug_that_shows_a_secret_shows_none(
    project: Project, monkeypatch: pytest.MonkeyPatch, debug: tuple[str, ...]
) -> None:
    """What is secret in a pipeline, is not known where a bug is told: all values that were given are masked."""
    path = project.folder.parent / "word"
    path.write_text("in-a-file-Kx81\n", encoding="utf-8")
    monkeypatch.setenv("SPECTRUM_VAR_more_FILE", str(path))
    project.secrets += ["in-a-file-Kx81", "on-the-line-Vb20"]
    project.pipeline(
        variables={it: {"secret": True} for it in ("token", "more", "last")}, jobs={"load": {"trigger": 48}}
    )

    def broken(*_: object, **__: object) -> None:
        raise LookupError(f"{TOKEN} in-a-file-Kx81 on-the-line-Vb20 {PASSWORD} \n::error::x")

    monkeypatch.setattr("spectrum_pipelines.runner.loop.interpret", broken)
    monkeypatch.setattr("tests.faults.checks.assert_report_follows_journal", lambda *_: None)
    assert project.url is not None
    run = ("run", str(project.file), "--server", project.url, "--var", "last=on-the-line-Vb20", *ALL)
    outcome = project.call(*debug, *run)
    assert outcome.code == 70
    assert "bug: LookupError: *** *** *** ***" in outcome.stderr
    assert ("Traceback" in outcome.stderr) is bool(debug)
    assert "*** *** *** ***" in json.loads((project.folder / "out.json").read_text("utf-8"))["reason"]


@pytest.mark.parametrize("command", ["status", "details", "list", "history", "trigger"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_command_by_hand_shows_no_secret_of_its_environment(
    serve: Serve, begin: Begin, command: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does `--trace`: a path may be made of one."""
    monkeypatch.setenv("VAULT_TOKEN", HIDDEN)
    server = serve(File(id=48, path=f"/Data/{HIDDEN}.imp"))
    server.start(48)
    word = f"WORD {HIDDEN}"
    said = {"counters": {f"A {HIDDEN}": 1}, "jobStatus": word, "job-status": word, "job-execution-user": HIDDEN}
    said |= {"fileName": HIDDEN, "start-time": HIDDEN, "jobName": HIDDEN}

    def echoed(answer: Any) -> Any:
        return [{**one, **said} for one in answer] if isinstance(answer, list) else {**answer, **said}

    server.always(command, mis.edited(echoed))
    project = begin(server)
    project.judge = None  # nothing that is started by hand is in a journal
    project.secrets.append(HIDDEN)
    words = {"details": ["11"], "list": [], "history": ["1048"]}.get(command, [f"/Data/{HIDDEN}.imp"])
    assert project.url is not None
    project.call("job", command, *words, "--server", project.url, "--format", form, "--trace")


PIN = "83746512"


@pytest.mark.parametrize("kind", ["integer", "string"])
def test_a_secret_number_that_comes_back_as_a_number_is_masked(
    serve: Serve, begin: Begin, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In counters, counts and dates, as a number and as text; an id of its looks is no echo, and stays."""
    monkeypatch.setenv("SPECTRUM_VAR_pin", PIN)
    server = serve(File(id=48, path="/x"), File(id=49, path="/y"))
    number = int(PIN)
    counters = {"A": number, "B": PIN, "C": float(number), "D": 7}
    counted = {"counters": counters, "successCount": number, "failureCount": number}
    server.misbehave("details", *[mis.with_(**counted, startTime=PIN, stopTime=number)] * 5)
    server.misbehave("status", *[mis.with_(start_time=PIN, stop_time=PIN, job_progress=number, estimate_time=PIN)] * 3)
    server.misbehave("trigger", mis.with_(job_execution_user=PIN, job_execution_trigger=number))
    project = begin(server)
    project.secrets.append(PIN)
    sales = {"sequence": [49], "variables": {"key": "${var.pin}"}}
    project.pipeline(variables={"pin": {"type": kind, "secret": True}}, jobs={"load": {"trigger": 48}, "sales": sales})
    outcome = project.run(*ALL, "--progress", "json")
    assert outcome.code == 0, outcome.stderr
    assert outcome.job()["executions"][0]["counters"] == {"D": 7}


def test_escapes_of_json_hide_no_secret(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/x"))
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in PASSWORD)
    body = f'{{"status": "failure", "reason": "no: {spelled}", "{spelled}": 1}}'.encode()
    answer = b"HTTP/1.1 400 no\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    server.misbehave("trigger", mis.raw(answer))
    project = begin(server)
    project.jobs(load={"trigger": 48})
    outcome = project.run(*ALL)
    assert outcome.code == 1
    assert "no: ***" in outcome.stderr


HIDDEN = "of-the-vault 7/7 & more"


@pytest.mark.parametrize("lost", [None, mis.close, mis.handled(mis.close)], ids=["answered", "lost", "handled"])
def test_a_target_made_of_secrets_is_masked_wherever_it_is_kept(
    serve: Serve, begin: Begin, lost: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Baselines in the journal, the URL of a lost answer, plan and report, for a secret variable and a secret-like environment."""
    server = serve(File(id=48, path=f"/Data/{TOKEN}.imp"), File(id=49, path=f"/More/{HIDDEN}.imp"))
    monkeypatch.setenv("VAULT_TOKEN", HIDDEN)
    project = begin(server)
    project.secrets.append(HIDDEN)
    if lost is not None:
        server.misbehave("trigger", lost)
    defaults = {"ambiguous_grace": "300ms"}
    jobs = {"load": {"trigger": "/Data/${var.token}.imp"}, "more": {"trigger": "/More/${env.VAULT_TOKEN}.imp"}}
    project.pipeline(defaults=defaults, fail_fast=False, jobs=jobs)
    outcome = project.run(*ALL)
    assert outcome.code in ({0} if lost is None else {0, 5}), outcome.stderr
    assert (project.folder / "out.json").read_text("utf-8").count("/***.imp") >= 2
    for kind in report_formats():
        project.call("report", outcome.run_id or "", "--format", kind, "--state-dir", str(project.state))
    plan = project.call("plan", str(project.file), "--format", "json")
    assert plan.stdout.count("/***.imp") == 2


def test_a_run_goes_on_with_the_targets_that_its_journal_does_not_hold(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path=f"/Data/{TOKEN}.imp"))
    server.misbehave("trigger", mis.handled(mis.close))
    project = begin(server)
    project.pipeline(defaults={"ambiguous_grace": "300ms"}, jobs={"load": {"trigger": "/Data/${var.token}.imp"}})
    first = project.run()
    journal = next(project.state.rglob("journal.jsonl"))
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    intent = next(number for number, line in enumerate(lines) if '"trigger_intended"' in line)
    assert '"/Data/***.imp"' in lines[intent]
    # As after a kill right behind the intent.
    journal.write_text("".join(lines[: intent + 1]), "utf-8")
    outcome = project.resume(first.run_id)
    assert outcome.code == 0, outcome.stderr
    assert len(server.requests("trigger")) == 1


def killed_behind_the_intent(project: Project, job: str) -> None:
    """The journal as a process leaves it that dies between the intent and the answer of this job."""
    journal = next(project.state.rglob("journal.jsonl"))
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    intent = next(n for n, it in enumerate(lines) if json.loads(it)["event"] == "trigger_intended" and f'"{job}"' in it)
    assert "***" in lines[intent]
    journal.write_text("".join(lines[: intent + 1]), "utf-8")


def test_a_run_goes_on_with_a_masked_target_that_holds_an_output_of_another_job(serve: Serve, begin: Begin) -> None:
    """The journal has `/Data/*** 7.imp`: it is found again with the secret of now and the counter of then."""
    server = serve(File(id=48, path="/orders"), File(id=49, path=f"/Data/{TOKEN} 7.imp"))
    project = begin(server)
    target = "/Data/${var.token} ${jobs.load.counters.IMPORT_RECORDS}.imp"
    project.pipeline(jobs={"load": {"trigger": 48}, "sales": {"trigger": target, "needs": ["load"]}})
    first = project.run()
    assert first.code == 0, first.stderr
    killed_behind_the_intent(project, "sales")
    outcome = project.resume(first.run_id)
    assert outcome.code == 0, outcome.stderr
    assert server.started() == {48: 1, 49: 1}


@pytest.mark.parametrize("name", ["SPECTRUM_PASSWORD", "SPECTRUM_USERNAME", "SPECTRUM_STATE_PASSWORD_FILE"])
@pytest.mark.parametrize("command", ["run", "validate", "plan"])
def test_the_login_of_the_product_can_stand_nowhere_in_a_file(
    project: Project, server: SpectrumServer, command: str, name: str
) -> None:
    project.pipeline(
        description=f"${{env.{name}}}",
        variables={"token": {"secret": True}, "mine": {"default": f"x ${{env.{name}}}"}},
        jobs={"load": {"sequence": [48], "variables": {"key": f"${{env.{name}}}", "token": "${var.token}"}}},
    )
    outcome = project.run() if command == "run" else project.call(command, str(project.file))
    assert outcome.code == (1 if command == "validate" else 2)
    assert outcome.said.count(f"`${{env.{name}}}` is the login of spectrum-pipelines itself") == 3
    assert server.seen == []


@pytest.mark.parametrize("command", ["run", "validate"])
def test_only_what_is_allowed_can_be_taken_from_the_environment(
    project: Project, server: SpectrumServer, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_ALLOWED_ENV", "REGION, OTHER")
    monkeypatch.setenv("REGION", "emea")
    monkeypatch.setenv("HOST_OF_CI", "of-the-machine")
    project.pipeline(description="${env.REGION} ${env.HOST_OF_CI}", jobs={"load": {"trigger": 48}})
    outcome = project.run() if command == "run" else project.call(command, str(project.file))
    assert outcome.code == (1 if command == "validate" else 2)
    assert "`${env.HOST_OF_CI}` is not among SPECTRUM_ALLOWED_ENV" in outcome.said
    assert "env.REGION}` is not" not in outcome.said
    assert "of-the-machine" not in outcome.said
    assert server.seen == []


WEAK = ["1", "ab", "other", "COMPLETED"]


@pytest.mark.parametrize("weak", WEAK)
def test_a_weak_secret_shreds_nothing_and_is_warned_of(
    project: Project, server: SpectrumServer, weak: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_VAR_weak", weak)
    variables = {"token": {"secret": True}, "weak": {"secret": True}}
    load = {"sequence": [48], "variables": {"a": "${var.weak}", "b": "${var.token}"}}
    project.pipeline(variables=variables, description="the other 11 tables, COMPLETED", jobs={"load": load})
    outcome = project.run("--report", "out.json")
    assert outcome.code == 0, outcome.stderr
    assert "is masked only where it stands alone" in " ".join(outcome.stderr.split())
    assert outcome.report is not None
    assert outcome.report["variables"]["weak"] == "***"
    assert "***" not in json.dumps([outcome.report["run_id"], outcome.report["jobs"]])


def test_a_command_that_is_told_of_a_masked_address_works_as_pasted(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server and the target of the job hold a secret: what the reader cannot paste is a word in capitals."""
    monkeypatch.setenv("SPECTRUM_VAR_token", "127.0.0.1")
    project.secrets.append("127.0.0.1")
    server.misbehave("trigger", mis.close)
    server.files[48] = File(id=48, path="/Data/127.0.0.1.imp")
    project.url = None
    project.pipeline(
        server={"url": f"http://${{var.token}}:{server.port}"},
        variables={"token": {"secret": True}},
        jobs={"load": {"trigger": "/Data/${var.token}.imp"}},
    )
    outcome = project.run()
    assert outcome.code == 5, outcome.stderr
    assert "look: spectrum-pipelines job history --file FILE --server URL" in outcome.stderr
    assert outcome.report is not None
    assert "--server" not in outcome.report["next"]
    again = project.call(*shlex.split(outcome.report["next"].replace("EXECUTION_ID", "--none"))[1:])
    assert again.code == 0, again.stderr


@pytest.mark.parametrize("is_foreign", [True, False], ids=["of another file", "of nobody knows which"])
def test_adopt_refuses_an_execution_without_telling_the_secret_of_the_target(
    serve: Serve, begin: Begin, *, is_foreign: bool
) -> None:
    server = serve(File(id=48, path=f"/Data/{TOKEN}.imp"), File(id=49, path="/other"))
    server.misbehave("trigger", mis.close)
    project = begin(server)
    project.pipeline(jobs={"load": {"trigger": "/Data/${var.token}.imp"}})
    unknown = project.run()
    stranger = server.start(49)
    if is_foreign:
        server.start(48)
    outcome = project.adopt(unknown.run_id, "load", stranger.id)
    assert outcome.code == 2
    assert "/Data/***.imp" in outcome.stderr


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_a_target_that_is_missing_is_told_without_its_secret(
    project: Project, server: SpectrumServer, command: str
) -> None:
    project.pipeline(jobs={"load": {"trigger": "/Data/${var.token}.imp"}})
    assert project.url is not None
    online = () if command == "run" else ("--online",)
    outcome = project.call(command, str(project.file), "--server", project.url, *online)
    assert outcome.code in {1, 2}, outcome.said
    assert "/Data/***.imp" in outcome.said


def test_a_secret_in_a_name_of_data_is_masked_and_the_name_is_known_again(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name, and a number that is secret: journal, report and pages hold neither, and a run that goes on deletes neither again."""
    monkeypatch.setenv("SPECTRUM_VAR_pin", PIN)
    server = serve(File(id=48, path=f"/Data/{TOKEN} x"), File(id=49, path="/Data/y"))
    project = begin(server)
    project.secrets.append(PIN)
    data = ["/Data/${var.token} x", "${var.pin}", "/Data/y"]
    job = {"delete_data": data, "if_missing": "ok"}
    project.pipeline(variables={"pin": {"type": "integer", "secret": True}}, jobs={"gone": job})
    outcome = project.run(*ALL, "--progress", "json")
    assert outcome.code == 0, outcome.stderr
    assert [it["data_id"] for it in outcome.job("gone")["data"]] == ["/Data/*** x", "***", "/Data/y"]
    assert server.deleted == [f"/Data/{TOKEN} x", "/Data/y"]
    journal = next(project.state.rglob("journal.jsonl"))
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    answered = [number for number, line in enumerate(lines) if '"data_deleted"' in line]
    journal.write_text("".join(lines[: answered[1] + 1]), "utf-8")
    assert project.resume(outcome.run_id).code == 0
    assert server.deleted == [f"/Data/{TOKEN} x", "/Data/y", "/Data/y"]


def test_other_days_and_other_forms_of_a_secret_date_are_masked(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_VAR_born", "1971-03-09")
    texts = ["09.03.1971", "19710308", "1971-03-10"]
    server = serve(*(File(id=number, path=f"/{number} {it}") for number, it in enumerate(texts, start=48)))
    project = begin(server)
    project.secrets += ["1971-03-09", *texts]
    targets = ["/48 ${var.born:%d.%m.%Y}", "/49 ${var.born-1d:%Y%m%d}", "/50 ${var.born+1d}"]
    jobs = {f"load{number}": {"trigger": it} for number, it in enumerate(targets)}
    project.pipeline(variables={"born": {"type": "date", "secret": True}}, jobs=jobs)
    outcome = project.run(*ALL)
    assert outcome.code == 0, outcome.stderr
    assert [outcome.job(it)["target"] for it in jobs] == ["/48 ***", "/49 ***", "/50 ***"]
    project.call("plan", str(project.file), "--format", "json")


def test_a_secret_bound_is_refused_before_anything_starts(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number cannot be masked in a plan, nor in the sentence that says what was expected."""
    monkeypatch.setenv("SPECTRUM_VAR_pin", PIN)
    server = serve(File(id=48, path="/x"))
    project = begin(server)
    project.secrets += [PIN, f"{int(PIN):,}"]
    load = {"trigger": 48, "expect": {"success_count": {"min": "${var.pin}"}}}
    project.pipeline(variables={"pin": {"type": "integer", "secret": True}}, jobs={"load": load})
    for outcome in (project.run(*ALL), project.call("plan", str(project.file), "--format", "json")):
        assert outcome.code == 2
        assert "`pin` is secret" in outcome.said
    assert server.seen == []
