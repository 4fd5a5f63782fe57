"""CLI processes of a project: forked from a warm one, sabotaged, signalled, waited for."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.aftermath import assert_in_order
from tests.faults.checks import Outcome, assert_promises
from tests.faults.project import LONGEST, Project, environment, time_limit

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """See `sabotage.install`."""

    operation: str
    nth: int
    how: str


class Zygote:
    """The warm process. One child at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment(),
            text=True,
        )

    def _told(self) -> dict[str, int]:
        assert self._process.stdout is not None
        told: dict[str, int] = json.loads(self._process.stdout.readline())
        return told

    def _order(self, **order: Any) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._told()["pid"]

    def start(self, project: Project, *arguments: str, sabotage: Sabotage | None = None, **more: str) -> "Child":
        """`arguments` as on the command line; `more` are additions to the environment."""
        outside = project.folder.parent / "streams"
        outside.mkdir(exist_ok=True)
        marker = outside / "sabotaged"
        marker.unlink(missing_ok=True)
        env = environment(**more)
        pid = self._order(
            arguments=list(arguments),
            environment=env,
            folder=str(project.folder),
            stdout=str(outside / "stdout"),
            stderr=str(outside / "stderr"),
            sabotage=None
            if sabotage is None
            else {"operation": sabotage.operation, "nth": sabotage.nth, "how": sabotage.how, "marker": str(marker)},
        )
        return Child(self, project, arguments, pid=pid, streams=outside, env=env)

    def call(self, project: Project, *arguments: str, sabotage: Sabotage | None = None, **more: str) -> "Ended":
        """Start and wait."""
        return self.start(project, *arguments, sabotage=sabotage, **more).wait()

    def run(self, project: Project, *more: str, sabotage: Sabotage | None = None) -> "Ended":
        """`spectrum-pipelines run` with a run key."""
        return self.call(project, *arguments_of_run(project, *more), sabotage=sabotage)

    def resume(self, project: Project, before: "Ended", *more: str, sabotage: Sabotage | None = None) -> "Ended":
        """`spectrum-pipelines resume` of a run that has ended somehow."""
        assert before.outcome.run_id is not None
        assert project.url is not None
        where = ["--state-dir", str(project.state), "--server", project.url]
        return self.call(project, "resume", before.outcome.run_id, *where, *more, sabotage=sabotage)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(LONGEST)


def arguments_of_run(project: Project, *more: str) -> list[str]:
    assert project.url is not None
    where = ["--state-dir", str(project.state), "--server", project.url]
    return ["run", str(project.file), *where, "--run-key", "night of 2026-11-22", *more]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """`outcome.code` is negative for a signal. `sabotaged`: the n-th time came."""

    outcome: Outcome
    sabotaged: bool

    @property
    def code(self) -> int:
        return self.outcome.code


class Child:
    """A CLI process under way."""

    def __init__(
        self,
        zygote: Zygote,
        project: Project,
        arguments: Sequence[str],
        *,
        pid: int,
        streams: Path,
        env: Mapping[str, str],
    ) -> None:
        self.pid = pid
        self._zygote = zygote
        self._project = project
        self._arguments = arguments
        self._env = env
        self._streams = streams
        self._began, self._at = time.monotonic(), time.time_ns()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> Ended:
        """Its end. The promises hold afterwards, or the test fails."""
        try:
            with time_limit(LONGEST):
                code = self._zygote._told()["code"]
        except BaseException:
            os.kill(self.pid, signal.SIGKILL)
            self._zygote._told()
            raise
        seconds = time.monotonic() - self._began
        project = self._project
        stdout, stderr = ((self._streams / name).read_text("utf-8") for name in ("stdout", "stderr"))
        outcome = project.outcome(self._arguments[0], code, stdout, stderr, seconds)
        assert_in_order(project.called(self._arguments, outcome, began=self._at, env=self._env))
        places = [project.folder, self._streams]
        assert_promises(outcome, state=project.state, judge=project.judge, places=places, secrets=project.secrets)
        return Ended(outcome=outcome, sabotaged=(self._streams / "sabotaged").exists())


@contextmanager
def warm() -> Iterator[Zygote]:
    zygote = Zygote()
    try:
        yield zygote
    finally:
        zygote.close()
