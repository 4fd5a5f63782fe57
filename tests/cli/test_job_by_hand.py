"""`job`: servers that refuse, vanish, stall or send what they should not, and people who lose patience."""

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.cli.command_line import (
    LOGIN,
    PATIENCE,
    PROGRAM,
    Answering,
    Ended,
    Stranger,
    call,
    dead_port,
    hang_up,
    plain_environment,
    start,
    stranger,
)

TRIGGERED = {"status": "success", "job-execution-id": 11, "job-execution-user": "analyst"}


def details(word: str) -> dict[str, object]:
    return {"jobStatus": word, "jobConfigurationId": 4, "file": {"id": 6}, "counters": {}}


def answering(*answers: object) -> Answering:
    """One answer after the other, the last one for ever: a body, an HTTP code alone, or what to do."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        one = left.pop(0) if len(left) > 1 else left[0]
        if callable(one):
            one(handler)
            return
        code, body = (one, b"{}") if isinstance(one, int) else (200, json.dumps(one).encode())
        handler.send_response(code)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def job(*args: str, server: Stranger, cwd: Path) -> Ended:
    return call("job", *args, cwd=cwd, env={"SPECTRUM_URL": server.url, **LOGIN})


WAITS = [
    pytest.param([details("COMPLETED")], 0, "", id="succeeded"),
    pytest.param([details("completed_with_Warnings")], 0, "", id="warned, as some servers spell it"),
    pytest.param([details("CANCELLED")], 1, "", id="canceled, in the other spelling"),
    pytest.param([404, details("ERROR")], 1, "", id="details are a moment late"),
    pytest.param([details("FROBNICATED"), details("COMPLETED")], 0, "FROBNICATED", id="an unknown word is no end"),
    pytest.param([details("RUNNING"), 401], 4, "execution 11 may still run: GET", id="locked out meanwhile"),
]


@pytest.mark.parametrize(("answers", "code", "told"), WAITS)
def test_waiting_judges_only_what_it_saw(answers: list[object], code: int, told: str, tmp_path: Path) -> None:
    with stranger(answering(TRIGGERED, *answers)) as server:
        ended = job("trigger", "/a b.wbk", "--wait", server=server, cwd=tmp_path)
    assert ended.code == code
    assert told in ended.stderr
    assert ended.stdout.startswith("execution  11\n")
    assert server.seen[0] == "POST /api/job-execution/a%20b.wbk/trigger"
    assert sum(it.startswith("POST") for it in server.seen) == 1


UUID = "f8d450cd-f065-4abb-a232-00000000004a"
OTHERS = [
    pytest.param("20", [details("COMPLETED")], "file 6, not of 20", id="another number"),
    pytest.param("20", [details("RUNNING"), details("COMPLETED")], "file 6, not of 20", id="told before the end"),
    pytest.param(
        UUID,
        [{"jobStatus": "COMPLETED", "file": {"id": 6, "uuid": UUID.replace("f8", "f9")}}],
        f"file {UUID.replace('f8', 'f9')}, not of {UUID}",
        id="another uuid",
    ),
    pytest.param(
        "/a.wbk",
        [details("RUNNING"), details("COMPLETED") | {"file": {"id": 7}}],
        "file 7, not of 6",
        id="another one than before",
    ),
]


@pytest.mark.parametrize(("file", "answers", "told"), OTHERS)
def test_details_of_another_file_are_no_verdict(file: str, answers: list[object], told: str, tmp_path: Path) -> None:
    with stranger(answering(TRIGGERED, *answers)) as server:
        ended = job("trigger", file, "--wait", server=server, cwd=tmp_path)
    assert ended.code == 5, ended.stderr
    assert f"nobody knows how execution 11 ended: its details are of {told}" in ended.stderr
    assert "`spectrum-pipelines job details 11`" in ended.stderr
    assert "COMPLETED" not in ended.stdout


def test_the_same_uuid_in_another_spelling_is_the_file(tmp_path: Path) -> None:
    end = {"jobStatus": "COMPLETED", "file": {"id": 6, "uuid": UUID.upper()}}
    with stranger(answering(TRIGGERED, end)) as server:
        assert job("trigger", UUID, "--wait", server=server, cwd=tmp_path).code == 0


def started(*executions: int) -> dict[str, object]:
    plan = [{"job-execution-id": it, "job-configuration-id": 4, "trigger": True} for it in executions]
    return {"status": "success", "execution-plan": plan}


OF_7, OF_ANY = details("COMPLETED") | {"file": {"id": 7}}, {"jobStatus": "COMPLETED"}
PLANS = [
    pytest.param([started(11, 12), details("COMPLETED"), OF_7], 0, "", id="one execution for each"),
    pytest.param([started(11), details("COMPLETED")], 5, "no execution of file 7", id="fewer than files"),
    pytest.param([started(11, 12), OF_7, OF_7], 5, "no execution of file 6", id="one file twice"),
    pytest.param([started(11, 12), details("COMPLETED"), OF_ANY], 0, "", id="the other may be of the other"),
    pytest.param([started(11, 12), OF_ANY], 0, "", id="details that tell no file show nothing"),
    pytest.param(
        [started(11), OF_ANY], 5, "fewer executions than files: 1 for 6, 7", id="one execution cannot be of two"
    ),
    pytest.param([started(11), details("ERROR")], 5, "no execution of file 7", id="the gravest end wins"),
    pytest.param(
        [started(11, 12), details("COMPLETED"), OF_7 | {"jobConfigurationId": 5}],
        5,
        "its details are of job configuration 5, not of 4",
        id="another configuration than the plan's",
    ),
]


@pytest.mark.parametrize(("answers", "code", "told"), PLANS)
def test_a_sequence_has_run_each_file_that_was_asked_for(
    answers: list[object], code: int, told: str, tmp_path: Path
) -> None:
    with stranger(answering(*answers)) as server:
        ended = job("sequence", "6", "7", "--wait", server=server, cwd=tmp_path)
    assert ended.code == code, ended.stderr
    assert told in ended.stderr


LOST = [
    pytest.param(hang_up, id="no answer"),
    pytest.param(500, id="a fault of the server"),
    pytest.param(503, id="a gateway's fault"),
    pytest.param({"status": "success"}, id="no id"),
    pytest.param({"status": "success", "job-execution-id": -3}, id="an id that is none"),
    pytest.param([], id="another shape"),
]


@pytest.mark.parametrize("answer", LOST)
def test_a_trigger_in_doubt_is_said_to_be_one_and_never_sent_again(answer: object, tmp_path: Path) -> None:
    with stranger(answering(answer)) as server:
        ended = job("trigger", "20", server=server, cwd=tmp_path)
    assert (ended.code, ended.stdout) == (5, "")
    assert "do not blindly run it again" in ended.stderr
    assert "`spectrum-pipelines job status 20`" in ended.stderr
    assert server.seen == ["POST /api/job-execution/20/trigger"]


def test_a_plan_without_an_execution_is_shown_and_not_believed(tmp_path: Path) -> None:
    plan = [{"job-configuration-name": "orders", "job-configuration-id": 4, "trigger": False}]
    with stranger(answering({"status": "success", "execution-plan": plan})) as server:
        ended = job("sequence", "6", server=server, cwd=tmp_path)
    assert ended.code == 5
    assert ended.stdout.splitlines()[1].split() == ["not", "started", "4", "orders"]


def test_a_lost_stop_and_a_lost_deletion_are_not_sent_again_either(tmp_path: Path) -> None:
    with stranger(answering(hang_up)) as server:
        assert job("stop", "20", server=server, cwd=tmp_path).code == 3
        assert job("delete", "1", "2", server=server, cwd=tmp_path).code == 3
    assert server.seen == ["POST /api/job-execution/20/stop", "DELETE /rest/data/1"]


def test_what_was_deleted_is_told_although_the_next_one_failed(tmp_path: Path) -> None:
    with stranger(answering({"status": True}, hang_up)) as server:
        ended = job("delete", "1", "2", "1", server=server, cwd=tmp_path)
    assert ended.stdout == "1  marked for deletion\n"
    assert ended.code == 3


def test_a_lost_question_is_asked_again(tmp_path: Path) -> None:
    with stranger(answering(hang_up, {"status": "success", "job-status": "_NONE"})) as server:
        ended = job("status", "20", server=server, cwd=tmp_path)
    assert (ended.code, ended.stdout) == (0, "status  _NONE\n")
    assert "retry 1 of 3" in ended.stderr


def test_history_of_a_file_whose_server_names_no_configuration(tmp_path: Path) -> None:
    status = {"status": "success", "job-status": "COMPLETED", "job-execution-id": 3}
    with stranger(answering(status, {"jobStatus": "COMPLETED"})) as server:
        ended = job("history", "--file", "20", server=server, cwd=tmp_path)
    assert ended.code == 1
    assert "name no job configuration" in ended.stderr


@pytest.mark.parametrize(
    ("code", "command", "exit_code"),
    [
        pytest.param(404, ("trigger", "5"), 5, id="a trigger: nobody knows who says that"),
        pytest.param(413, ("sequence", "5", "6"), 5, id="a sequence as well"),
        pytest.param(404, ("status", "5"), 1, id="a question changes nothing"),
        pytest.param(403, ("trigger", "5"), 7, id="403: the user may not"),
        pytest.param(403, ("status", "5"), 7, id="403 to a question"),
    ],
)
def test_a_no_that_is_not_in_spectrums_words(
    code: int, command: tuple[str, ...], exit_code: int, tmp_path: Path
) -> None:
    with stranger(answering(code)) as server:
        ended = job(*command, server=server, cwd=tmp_path)
    assert ended.code == exit_code, ended.stderr
    assert ("do not blindly run it again" in ended.stderr) is (exit_code == 5)


def test_history_of_a_file_id_says_what_takes_one(tmp_path: Path) -> None:
    refusal = {"status": "failure", "reason": "Entity of type 'JobConfiguration' with id '24' not found."}
    with stranger(answering(refusal)) as server:
        ended = call("job", "history", "24", "--server", server.url, cwd=tmp_path, env=LOGIN)
    assert ended.code == 1
    assert "configuration 24: Entity of type 'JobConfiguration' with id '24' not found." in ended.stderr
    assert f"`spectrum-pipelines job history --file 24 --server {server.url}`" in ended.stderr


HOSTILE = "::error::x\x1b[31m\r\u202e##vso[task.complete]"


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_server_says_is_data(form: str, tmp_path: Path) -> None:
    active = {"jobStatus": HOSTILE, "fileName": HOSTILE, "jobExecutionId": 3, "startTime": 10**18}
    status = {"status": "success", "job-status": HOSTILE, "start-time": HOSTILE}
    said = ""
    for args, answer in [
        (["list"], [active]),
        (["status", "1"], status),
        (["details", "1"], {"jobStatus": HOSTILE, "counters": {HOSTILE: 1}}),
        (["history", "1"], [{"id": 3, "jobStatus": HOSTILE}]),
        (["sequence", "1"], {"status": "success", "execution-plan": [{"job-configuration-name": HOSTILE}]}),
        (["trigger", "1"], {**TRIGGERED, "job-execution-user": HOSTILE}),
        (["trigger", "1"], {"status": "failure", "reason": HOSTILE}),
    ]:
        with stranger(answering(answer)) as server:
            ended = job(*args, "--format", form, server=server, cwd=tmp_path)
        said += ended.stdout + ended.stderr
    assert not {"\x1b", "\r", "\u202e"} & set(said)
    assert "##vso[" not in said
    assert not any(line.lstrip().startswith("::") for line in said.splitlines())


def test_a_server_that_echoes_the_login_shows_it_to_nobody(tmp_path: Path) -> None:
    def echo(handler: BaseHTTPRequestHandler) -> None:
        answering({"status": "failure", "reason": f"no: {handler.headers['Authorization']} s3cret!"})(handler)

    env = {"SPECTRUM_USERNAME": "analyst", "SPECTRUM_PASSWORD": "s3cret!"}
    with stranger(echo) as server:
        ended = call("job", "status", "1", cwd=tmp_path, env={"SPECTRUM_URL": server.url, **env})
    assert ended.code == 1
    assert "s3cret" not in ended.stderr
    assert "YW5hbHlzdDpzM2NyZXQh" not in ended.stderr


@pytest.fixture
def stalling() -> Iterator[tuple[Stranger, threading.Event]]:
    """Takes a trigger, and then lets people wait."""
    asked, enough = threading.Event(), threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        enough.wait(PATIENCE)
        hang_up(handler)

    with stranger(stall) as server:
        yield server, asked
        enough.set()


def test_an_interruption_of_a_trigger_on_its_way_leaves_a_doubt(
    stalling: tuple[Stranger, threading.Event], tmp_path: Path
) -> None:
    server, asked = stalling
    with start("job", "trigger", "20", cwd=tmp_path, env={"SPECTRUM_URL": server.url, **LOGIN}) as running:
        assert asked.wait(PATIENCE)
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE) == 5
        assert running.stderr is not None
        assert "it may have been handled" in running.stderr.read()


def test_an_interruption_of_the_wait_names_what_goes_on(tmp_path: Path) -> None:
    with stranger(answering(TRIGGERED, details("RUNNING"))) as server:
        args = ["job", "trigger", "6", "--wait"]
        with start(*args, cwd=tmp_path, env={"SPECTRUM_URL": server.url, **LOGIN}) as running:
            assert running.stderr is not None
            assert "RUNNING" in running.stderr.readline()
            running.send_signal(signal.SIGINT)
            assert "execution 11 goes on" in running.stderr.read()
            assert running.wait(PATIENCE) == 130


def test_a_run_by_hand_on_a_server_of_its_own_does_not_outlive_it(tmp_path: Path) -> None:
    workspace = "version: 1\nusers: [{name: a, password: b}]\nfiles: [{id: 1, path: /a.wbk, simulate: {}}]\n"
    (tmp_path / "workspace.yaml").write_text(workspace, encoding="utf-8")
    ended = call("job", "trigger", "1", "--local", "workspace.yaml", cwd=tmp_path)
    assert ended.code == 0
    assert "add --wait" in ended.stderr
    assert call("job", "trigger", "1", "--local", "workspace.yaml", "--wait", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("typed", "code", "sent"),
    [
        pytest.param(b"n\n", 130, [], id="no"),
        pytest.param(b"\n", 130, [], id="nothing"),
        pytest.param(b"y\n", 0, ["DELETE /rest/data/Data/my+orders.imp"], id="yes"),
    ],
)
def test_a_deletion_asks_on_a_terminal(typed: bytes, code: int, sent: list[str], tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with stranger(answering({"status": True})) as server, os.fdopen(ours, "r+b", buffering=0) as keyboard:
        env = plain_environment() | {"SPECTRUM_URL": server.url} | LOGIN
        deletion = [PROGRAM, "job", "delete", "/Data/my orders.imp"]
        with subprocess.Popen(
            deletion, cwd=tmp_path, env=env, stdin=theirs, stderr=theirs, stdout=subprocess.PIPE
        ) as asked:
            os.close(theirs)
            keyboard.write(typed)
            assert asked.wait(PATIENCE) == code
    assert server.seen == sent


LARGEST = 2**63 - 1
TOO_LARGE = [
    *(
        ("job", verb, str(LARGEST + 1))
        for verb in ("status", "trigger", "stop", "details", "history", "sequence", "delete")
    ),
    ("job", "history", "--file", str(LARGEST + 1)),
    ("job", "details", "9" * 400),
    ("init", "x", "--from-server", "--file", "9" * 400),
    ("adopt", "20261123T150405Z-7f3a", "a", str(LARGEST + 1)),
]


@pytest.mark.parametrize("args", TOO_LARGE, ids=lambda it: " ".join(it)[:40])
def test_an_id_that_no_server_can_give_is_refused_by_name_of_the_limit(args: tuple[str, ...], tmp_path: Path) -> None:
    """Before anything is asked: the server is away."""
    ended = call(*args, cwd=tmp_path, env={**LOGIN, "SPECTRUM_URL": dead_port()})
    assert ended.code == 2, ended.stderr
    assert str(LARGEST) in ended.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("job", "delete", "007", "--yes"),
        ("job", "delete", "7", "008", "--yes"),
        ("job", "sequence", "4", "007"),
        ("job", "details", "007"),
        ("job", "history", "007"),
        ("job", "history", "--file", "007"),
        ("job", "status", "007"),
        ("job", "trigger", "007"),
        ("job", "stop", "007"),
        ("init", "x", "--from-server", "--file", "007"),
        ("adopt", "20261123T150405Z-7f3a", "load", "007"),
    ],
    ids=" ".join,
)
def test_an_id_with_leading_zeros_is_refused_before_any_request(args: tuple[str, ...], tmp_path: Path) -> None:
    with stranger(answering({"status": "success"})) as server:
        ended = call(*args, cwd=tmp_path, env={**LOGIN, "SPECTRUM_URL": server.url})
    assert ended.code == 2, ended.stderr
    padded = "008" if "008" in args else "007"
    assert f"`{padded}` has leading zeros: write `{padded[-1]}` for the" in ended.stderr
    assert server.seen == []


@pytest.mark.parametrize("given", ["1_0", "\u0667", "+7", " 7", "0x7", "-7", "000"])
def test_only_plain_digits_are_an_id(given: str, tmp_path: Path) -> None:
    with stranger(answering({"status": "success"})) as server:
        ended = job("details", "--", given, server=server, cwd=tmp_path)
    assert ended.code == 2, ended.stderr
    assert "ids are whole numbers from 1 to" in ended.stderr
    assert server.seen == []


@pytest.mark.parametrize(
    "args",
    [
        ("runs", "--limit"),
        ("runs", "prune", "--older-than", "1d", "--keep"),
        ("job", "history", "5", "--start"),
        ("job", "history", "5", "--length"),
    ],
    ids=" ".join,
)
def test_a_count_beyond_all_measure_is_refused(args: tuple[str, ...], tmp_path: Path) -> None:
    ended = call(*args, "9" * 400, cwd=tmp_path, env={**LOGIN, "SPECTRUM_URL": dead_port()})
    assert ended.code == 2, ended.stderr
    assert "is not in the range" in ended.stderr
