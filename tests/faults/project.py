"""A folder with a pipeline, an environment with secrets, and the CLI run in it: in this process, with all promises checked."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from spectrum_pipelines.cli.main import run as command_line
from tests.aftermath import Called, assert_in_order
from tests.faults.checks import TOKEN, Judge, Outcome, assert_promises, journals
from tests.faults.spectrum_server import PASSWORD, USER

#: Every wait ends: no command of this folder's tests has a reason to take longer (seconds).
LONGEST = 20.0

#: Waits that suit a test: everything that a policy can shorten is short.
SETTINGS: Mapping[str, Any] = {
    "version": 1,
    "name": "night",
    "variables": {"token": {"type": "string", "secret": True, "required": True}},
    "defaults": {"timeout": "10s", "ambiguous_grace": "200ms", "retry": {"interval": "20ms"}},
    "poll": {"min": "20ms", "max": "50ms", "max_per_second": 200},
    "http": {"connect_timeout": "500ms", "read_timeout": "400ms", "retry": {"limit": 3, "interval": "20ms"}},
}


def pipeline_text(settings: Mapping[str, Any] = SETTINGS, /, **top: Any) -> str:
    """A pipeline as JSON, which is YAML. Keys of `top` replace those of `settings`, the mappings among them key by key."""
    merged = dict(settings)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict) and key != "jobs"
        merged[key] = {**merged[key], **value} if both else value
    return json.dumps(merged, indent=1)


class Project:
    """`judge` is the server that knows what happened; None if there is none."""

    def __init__(
        self, folder: Path, capture: pytest.CaptureFixture[str], *, url: str | None, judge: Judge | None
    ) -> None:
        self.folder = folder
        self.state = folder / ".spectrum-pipelines"
        self.file = folder / "night.yaml"
        self.url = url
        self.judge = judge
        self.secrets: list[str] = []
        self._capture = capture

    def pipeline(self, settings: Mapping[str, Any] = SETTINGS, /, **top: Any) -> Path:
        """Write the pipeline that `run` runs."""
        self.file.write_text(pipeline_text(settings, **top), encoding="utf-8")
        return self.file

    def jobs(self, **jobs: dict[str, Any]) -> Path:
        """Write a pipeline of these jobs."""
        return self.pipeline(jobs=jobs)

    def run(self, *more: str) -> Outcome:
        """`spectrum-pipelines run night.yaml`."""
        server = ["--server", self.url] if self.url is not None else []
        return self.call("run", str(self.file), "--state-dir", str(self.state), *server, *more)

    def resume(self, run_id: str | None, *more: str) -> Outcome:
        assert run_id is not None
        server = ["--server", self.url] if self.url is not None else []
        return self.call("resume", run_id, "--state-dir", str(self.state), *server, *more)

    def adopt(self, run_id: str | None, job: str, execution_id: int | str, *more: str) -> Outcome:
        assert run_id is not None
        server = ["--server", self.url] if self.url is not None else []
        return self.call("adopt", run_id, job, str(execution_id), "--state-dir", str(self.state), *server, *more)

    def call(self, *arguments: str) -> Outcome:
        """Any command. The promises hold afterwards, or the test fails."""
        self._capture.readouterr()
        began, at = time.monotonic(), time.time_ns()
        with time_limit(LONGEST):
            code = command_line(list(arguments))
        seconds = time.monotonic() - began
        said = self._capture.readouterr()
        outcome = self.outcome(arguments[0], code, said.out, said.err, seconds)
        assert_in_order(self.called(arguments, outcome, began=at))
        assert_promises(outcome, state=self.state, judge=self.judge, places=[self.folder], secrets=self.secrets)
        return outcome

    def called(
        self, arguments: Sequence[str], ended: Outcome, *, began: int, env: Mapping[str, str] = os.environ
    ) -> Called:
        """What `aftermath` looks at."""
        return Called(
            args=arguments,
            code=ended.code,
            stdout=ended.stdout,
            stderr=ended.stderr,
            folder=self.folder,
            env=dict(env),
            began=began,
        )

    def outcome(self, command: str, code: int, stdout: str, stderr: str, seconds: float = 0.0) -> Outcome:
        """What the newest run has left behind."""
        runs = (
            sorted((self.state / "runs").glob("*-*"), key=lambda p: p.stat().st_mtime_ns) if self.state.is_dir() else []
        )
        latest = runs[-1] if runs else None
        kept = latest / "report.json" if latest else None
        return Outcome(
            command=command,
            code=code,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
            run_id=latest.name if latest else None,
            report=json.loads(kept.read_text("utf-8")) if kept and kept.exists() else None,
            facts=journals(self.state).get(latest.name, []) if latest else [],
        )


def environment(**more: str) -> dict[str, str]:
    """The environment of a child: this one's, with a login and a secret, and without what CI or a user may have set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPECTRUM_")}
    for name in PROXIES:
        kept.pop(name, None)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "FORCE_COLOR", "GITHUB_SHA"):
        kept.pop(name, None)
    return {
        **kept,
        "SPECTRUM_USERNAME": USER,
        "SPECTRUM_PASSWORD": PASSWORD,
        "SPECTRUM_VAR_token": TOKEN,
        "PYTHONUTF8": "1",
        **more,
    }


PROXIES = tuple(name for word in ("http", "https", "all", "no") for name in (f"{word}_proxy", f"{word.upper()}_PROXY"))


class StillWaiting(BaseException):
    """Not an Exception: the command must not take it for a bug of its own and end with 70."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Every wait ends: what does not end is a failure with a traceback, not a suite that hangs."""

    def expired(number: int, frame: FrameType | None) -> None:
        raise StillWaiting(f"after {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
