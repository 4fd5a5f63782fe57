"""A step's shell, as CI systems start it, and the signals that they give when somebody cancels the job: to that shell alone."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0  # seconds until a test gives up on a shell
#: GitHub's runner and Azure's agent are the same in this: the signal, and the seconds until the next one.
SCHEDULE: "Schedule" = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))

#: Signals, and the seconds until the next one.
Schedule = tuple[tuple[signal.Signals, float], ...]
Moment = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a step left behind. `survived` are the signals after which the shell was still there."""

    code: int
    stdout: str
    stderr: str
    survived: tuple[signal.Signals, ...]


def step(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: Path, cancel: Moment | None = None
) -> Shown:
    """Run a step's shell to its end. Where `cancel` is given, the job is cancelled as soon as it is true."""
    out, err = log.with_suffix(".out"), log.with_suffix(".err")
    # Files and no pipes: a child that outlives the shell holds a pipe open.
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            survived = () if cancel is None else _cancel(process, cancel, err)
            process.wait(PATIENCE)
        finally:
            _kill_the_rest(process.pid)
            process.wait()
    stdout_text, stderr_text = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
    return Shown(process.returncode, stdout_text, stderr_text, survived)


def _cancel(process: "subprocess.Popen[bytes]", moment: Moment, err: Path) -> tuple[signal.Signals, ...]:
    deadline = time.monotonic() + PATIENCE
    while not moment():
        assert process.poll() is None, f"the step ended before it could be cancelled: {err.read_text()}"
        assert time.monotonic() < deadline, f"the moment to cancel the step never came: {err.read_text()}"
        time.sleep(0.02)
    survived = []
    for number, seconds in SCHEDULE:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            survived.append(number)
        else:
            break
    return tuple(survived)


def _kill_the_rest(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
