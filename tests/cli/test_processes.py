"""What only a process of its own shows: signals, pipes, streams."""

import array
import fcntl
import json
import os
import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.document.schema.validator import load_schema
from tests.cli.command_line import LOGIN, PATIENCE, PIPELINES, PROGRAM, call, pasted, plain_environment, process, start

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /Simulated/quick.wbk, simulate: {records: 7}}
  - {id: 24, path: /Simulated/slow.wbk, simulate: {duration: 1h}}
  - {id: 23, path: /Simulated/red.wbk, simulate: {outcomes: [ERROR]}}
"""
SLOW = """
version: 1
name: slow
poll: {min: 10ms}
variables: {token: {type: string, secret: true}, file: {type: string, default: "${env.SLOW_FILE}"}}
jobs:
  quick: {trigger: /Simulated/quick.wbk}
  slow: {needs: [quick], sequence: [24], variables: {token: "${var.token}"}}
  never: {needs: [slow], trigger: "${env.SLOW_FILE}"}
  left_out: {trigger: 20}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "slow.yaml").write_text(SLOW, encoding="utf-8")
    return tmp_path


def until(claim: Callable[[], object]) -> None:
    clock = SystemClock()
    ends_at = clock.monotonic() + PATIENCE
    while not claim():
        assert clock.monotonic() < ends_at, "it never came to that"
        clock.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
def test_the_server_serves_until_a_signal_and_ends_in_time(number: signal.Signals, folder: Path) -> None:
    with start("local", "serve", "workspace.yaml", cwd=folder) as serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[1]
        logins = serving.stdout.readline()
        assert "analyst" in logins
        assert "workspace.yaml" in logins
        assert call("job", "trigger", "24", cwd=folder, env={"SPECTRUM_URL": url, **LOGIN}).code == 0
        began = SystemClock().monotonic()
        serving.send_signal(number)
        assert serving.wait(PATIENCE) == 0
        assert SystemClock().monotonic() - began < 2.0
        assert serving.stderr is not None
        assert serving.stderr.read() == ""


def test_two_servers_on_one_workspace_are_told_apart(folder: Path) -> None:
    with start("local", "serve", "workspace.yaml", cwd=folder) as serving:
        assert serving.stdout is not None
        serving.stdout.readline()
        second = call("local", "serve", "workspace.yaml", cwd=folder)
        assert second.code == 2
        assert "another server" in second.stderr
        serving.terminate()
        assert serving.wait(PATIENCE) == 0


def test_a_run_is_told_from_its_journal_while_it_goes_on_and_after_kill_9(folder: Path) -> None:
    given = {"SPECTRUM_VAR_token": "hunter2", "SLOW_FILE": "/Simulated/quick.wbk"}
    args = ["run", "slow.yaml", "--local", "workspace.yaml", "--progress", "none", "--only", "+never"]
    with start(*args, cwd=folder, env=given) as running:
        until(lambda: '"slow"' in call("report", run_id(folder), "--format", "json", cwd=folder).stdout)
        until(lambda: "RUNNING" in call("report", run_id(folder), "--format", "json", cwd=folder).stdout)
        listed = json.loads(call("runs", "--format", "json", cwd=folder).stdout)
        assert [(it["status"], it["resumable"]) for it in listed] == [("running", False)]
        assert json.loads(call("report", run_id(folder), "--format", "json", cwd=folder).stdout)["status"] == "running"
        running.kill()
        running.wait(PATIENCE)
    # Neither the secret nor the environment variable is there any more, and `--only` was never written down in words.
    ended = call("report", run_id(folder), "--format", "json", cwd=folder)
    report = json.loads(ended.stdout)
    assert {job["id"]: job["status"] for job in report["jobs"]} == {
        "quick": "succeeded",
        "slow": "running",
        "never": "pending",
    }
    assert (report["status"], report["exit_code"]) == ("interrupted", None)
    assert report["next"] == f"spectrum-pipelines resume {run_id(folder)} --local workspace.yaml"
    assert f"Next: {report['next']}" in call("report", run_id(folder), cwd=folder).stdout
    assert call("report", run_id(folder), "--exit-code", cwd=folder).code == 5
    Draft7Validator(load_schema("run-report")).validate(report)
    assert report["jobs"][2]["target"] == "/Simulated/quick.wbk"
    assert report["variables"]["token"] == "***"
    assert "hunter2" not in ended.stdout
    listed = json.loads(call("runs", "--format", "json", cwd=folder).stdout)
    assert [(it["status"], it["resumable"]) for it in listed] == [("interrupted", True)]
    table = call("runs", cwd=folder).stdout.splitlines()
    assert table[0].split() == ["RUN", "STATUS", "STARTED", "(UTC)", "RESUME", "PIPELINE"]
    assert table[1].split()[1:3] == ["✗", "interrupted"]


def run_id(folder: Path) -> str:
    runs = folder / ".spectrum-pipelines" / "runs"
    return next((it.name for it in runs.glob("*") if (it / "journal.jsonl").exists()), "20261123T150405Z-7f3a")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda it: it.unlink(), id="missing"),
        pytest.param(lambda it: it.write_text("{"), id="cut off"),
        pytest.param(lambda it: it.write_text("[]"), id="no plan"),
        pytest.param(lambda it: it.write_text('{"plan_version": 1, "jobs": 3}'), id="of another shape"),
        pytest.param(lambda it: it.write_text(it.read_text().replace('"good"', '"bad"')), id="of another run"),
        pytest.param(lambda it: it.write_text(it.read_text().replace('"needs": []', '"needs": ["x"]')), id="bad needs"),
        pytest.param(lambda it: it.write_text("[" * 100_000), id="bottomless"),
    ],
)
def test_a_plan_that_somebody_changed_is_refused(change: Callable[[Path], object], folder: Path) -> None:
    (folder / "good.yaml").write_text("version: 1\nname: g\njobs: {good: {trigger: 20}}\n", encoding="utf-8")
    assert call("run", "good.yaml", "--local", "workspace.yaml", "--progress", "none", cwd=folder).code == 0
    assert call("report", run_id(folder), cwd=folder).code == 0
    change(folder / ".spectrum-pipelines" / "runs" / run_id(folder) / "plan.json")
    ended = call("report", run_id(folder), cwd=folder)
    assert ended.code == 2
    assert "hint: " in ended.stderr


@pytest.mark.parametrize(
    "args", [["schema", "pipeline"], ["plan", "quickstart.yaml"], ["--help"]], ids=lambda it: it[0]
)
def test_a_reader_that_leaves_is_no_failure(args: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    env = plain_environment(SPECTRUM_URL="http://localhost")
    running = subprocess.run(
        [PROGRAM, *args],
        cwd=PIPELINES,
        env=env,
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        check=False,
    )
    os.close(write_end)
    assert (running.returncode, running.stderr) == (0, b"")


AWAY = ("--server", "http://127.0.0.1:9")
UNKNOWN_RUN = "20261123T150405Z-7f3a"
VERDICTS = [
    pytest.param(["validate", "bad.yaml"], 1, id="findings"),
    pytest.param(["validate", "--format", "gitlab", "bad.yaml"], 1, id="findings for a program"),
    pytest.param(["validate", "missing.yaml"], 2, id="a file that is missing"),
    pytest.param(["plan", "bad.yaml"], 2, id="a plan of an invalid file"),
    pytest.param(["run", "bad.yaml", "--local", "workspace.yaml"], 2, id="a run of an invalid file"),
    pytest.param(["run", "red.yaml", "--local", "workspace.yaml"], 1, id="a run that fails"),
    pytest.param(["retry", UNKNOWN_RUN], 2, id="a run to retry that there is not"),
    pytest.param(["adopt", UNKNOWN_RUN, "a", "3", "--local", "workspace.yaml"], 2, id="a run to settle"),
    pytest.param(["report", "missing.json", "--exit-code"], 2, id="a report that is missing"),
    pytest.param(["report", "red.json", "--exit-code"], 1, id="the report of a red run"),
    pytest.param(["runs", "prune", "--older-than", "x"], 2, id="a value that is none"),
    pytest.param(["no-such-command"], 2, id="a command that there is not"),
    pytest.param(["run"], 2, id="a missing argument"),
    pytest.param(["state", "check", "--state", "postgresql://a@127.0.0.1:9/x"], 3, id="a database that is away"),
    pytest.param(["job", "status", "4", *AWAY], 3, id="a server that is away"),
    pytest.param(["job", "trigger", "/Simulated/red.wbk", "--wait", "--local", "workspace.yaml"], 1, id="a red job"),
    pytest.param(["job", "trigger", "20", "--wait", "--local", "workspace.yaml"], 0, id="a green job"),
]


def left() -> int:
    """A pipe whose reader has left."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    return write_end


def full() -> int:
    """A file on a full disk."""
    return os.open("/dev/full", os.O_WRONLY)


PAGE = 4096


def held_by(read_end: int) -> int:
    """How many bytes wait in a pipe."""
    held = array.array("i", [0])
    fcntl.ioctl(read_end, termios.FIONREAD, held)
    return held[0]


LOST = [
    pytest.param(left, left, id="readers that left"),
    pytest.param(None, left, id="a reader of stderr that left"),
    pytest.param(None, full, id="a full disk behind stderr"),
]


@pytest.mark.parametrize(("stdout", "stderr"), LOST)
@pytest.mark.parametrize(("args", "code"), VERDICTS)
def test_what_cannot_be_printed_changes_no_verdict(
    args: list[str], code: int, stdout: Callable[[], int] | None, stderr: Callable[[], int], folder: Path
) -> None:
    (folder / "bad.yaml").write_text("version: 1\n", encoding="utf-8")
    (folder / "red.yaml").write_text(
        "version: 1\nname: r\njobs: {a: {trigger: /Simulated/red.wbk}}\n", encoding="utf-8"
    )
    if "red.json" in args:
        call("run", "red.yaml", "--local", "workspace.yaml", "--report", "red.json", cwd=folder)
    out, err = subprocess.DEVNULL if stdout is None else stdout(), stderr()
    env = plain_environment(**LOGIN)
    running = subprocess.run(
        [PROGRAM, *args], cwd=folder, env=env, stdout=out, stderr=err, timeout=PATIENCE, check=False
    )
    for descriptor in {out, err} - {subprocess.DEVNULL}:
        os.close(descriptor)
    assert running.returncode == code


@pytest.mark.parametrize(
    ("args", "code"),
    [
        pytest.param(["schema", "pipeline"], 0, id="a schema"),
        pytest.param(["validate", "many.yaml"], 1, id="findings"),
        pytest.param(["plan", "many.yaml"], 2, id="findings on stderr"),
    ],
)
def test_a_pipe_that_never_blocks_carries_all_that_is_printed(args: list[str], code: int, folder: Path) -> None:
    jobs = "".join(f"  j{n}: {{trigger: 1, colour: red}}\n" for n in range(100))
    (folder / "many.yaml").write_text(f"version: 1\nname: many\njobs:\n{jobs}", encoding="utf-8")
    ended = process(*args, cwd=folder)
    assert len(ended.stdout + ended.stderr) > 2 * PAGE, "more than the pipe holds"
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PAGE)
    os.set_blocking(write_end, False)
    started = subprocess.Popen(
        [PROGRAM, *args], cwd=folder, env=plain_environment(), stdout=write_end, stderr=write_end
    )
    os.close(write_end)
    with started, os.fdopen(read_end, "rb") as reader:
        until(lambda: started.poll() is not None or held_by(reader.fileno()) == PAGE)
        told = reader.read().decode()
        assert (started.wait(PATIENCE), told) == (code, ended.stdout + ended.stderr)


ON_A_FULL_DISK = [
    pytest.param(["schema", "pipeline"], {}, id="a schema"),
    pytest.param(["--help"], {}, id="--help"),
    pytest.param(["run", "--help"], {}, id="--help of a command"),
    pytest.param(["--version"], {}, id="--version"),
    pytest.param(["report", "red.json", "--format", "html"], {}, id="a page"),
    pytest.param([], {"_SPECTRUM_PIPELINES_COMPLETE": "bash_source"}, id="the script of a shell"),
]


@pytest.mark.parametrize(("args", "env"), ON_A_FULL_DISK)
def test_a_disk_that_is_full_is_a_failure(args: list[str], env: dict[str, str], folder: Path) -> None:
    (folder / "red.yaml").write_text(
        "version: 1\nname: r\njobs: {a: {trigger: /Simulated/red.wbk}}\n", encoding="utf-8"
    )
    call("run", "red.yaml", "--local", "workspace.yaml", "--report", "red.json", cwd=folder)
    with Path("/dev/full").open("w") as stdout:
        running = subprocess.run(
            [PROGRAM, *args],
            cwd=folder,
            env=plain_environment(**env),
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert running.returncode == 1
    assert running.stderr == b"error: the output could not be written: no space left on device\n"


def test_a_pipe_is_no_file_to_wait_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.yaml")
    ended = process("validate", "pipe.yaml", cwd=folder)
    assert ended.code == 2
    assert "named pipe" in ended.stderr


def test_names_stay_readable_where_only_ascii_can_be_shown(folder: Path) -> None:
    call("run", "slow.yaml", "--local", "workspace.yaml", "--progress", "none", cwd=folder)
    env = plain_environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    ended = process("runs", cwd=folder, env=env)
    assert ended.code == 0
    assert ended.stdout.isascii()


GONE = [
    pytest.param("validate x.yaml", 2, id="validate"),
    pytest.param("run x.yaml", 2, id="run"),
    pytest.param("run /x.yaml --report $OLDPWD/report.json", 2, id="run, and its report"),
    pytest.param("plan x.yaml", 2, id="plan"),
    pytest.param("resume 20261123T150405Z-7f3a", 2, id="resume"),
    pytest.param("job status 4 --local workspace.yaml", 2, id="job"),
    pytest.param("local serve workspace.yaml", 2, id="local"),
    pytest.param("schema pipeline >/dev/null", 0, id="what needs no folder"),
    pytest.param("--version", 0, id="the version"),
]


@pytest.mark.parametrize(("line", "code"), GONE)
def test_a_working_directory_that_is_gone(line: str, code: int, folder: Path) -> None:
    script = f"mkdir gone; cd gone; rmdir ../gone; spectrum-pipelines {line}"
    ended = pasted(script, cwd=folder, env={})
    assert ended.returncode == code, ended.stderr
    told = [it for it in ended.stderr.splitlines() if it.startswith(("error", "bug"))]
    assert told == (["error: the working directory is gone"] if code else [])
    if "--report" in line:
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        assert (report["exit_code"], report["reason"]) == (2, "the working directory is gone")
