"""The report of a run that never began: the file, the options, the server or somebody else's run stood against it."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from spectrum_pipelines.clock import rfc3339
from spectrum_pipelines.engine.outcome import RunStatus
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.report.build import VERSION
from spectrum_pipelines.words.clean import readable

_STATUS = {
    ExitCode.CONFLICT: RunStatus.CONFLICT,
    ExitCode.INTERRUPTED: RunStatus.INTERRUPTED,
    ExitCode.TERMINATED: RunStatus.INTERRUPTED,
    ExitCode.UNKNOWN: RunStatus.UNKNOWN,
    ExitCode.TIMED_OUT: RunStatus.TIMED_OUT,
}


class Unstarted(Struct, frozen=True, kw_only=True):
    """What is known of a run before it begins: what was asked for. `file` is empty where only a run was named."""

    began: datetime
    tool_version: str
    file: str = ""
    run_id: str | None = None
    run_key: str | None = None
    environment: str | None = None
    only: tuple[str, ...] = ()
    server: str | None = None
    state: str | None = None
    workspace: str | None = None


def status_of_end(code: ExitCode) -> RunStatus:
    """The status of a run that ends with this exit code before anything is known of its jobs."""
    return _STATUS.get(code, RunStatus.FAILED)


def unstarted_report(
    asked: Unstarted, *, code: ExitCode, reason: str, next_: str | None, now: datetime
) -> Mapping[str, Any]:
    """A valid report without jobs."""
    name = Path(readable(asked.file)).stem if asked.file else asked.run_id or ""
    return {
        "report_version": VERSION,
        "tool_version": asked.tool_version,
        "run_id": asked.run_id,
        "run_key": asked.run_key,
        "status": status_of_end(code).value,
        "exit_code": int(code),
        "reason": readable(reason),
        "next": next_,
        "pipeline": {"name": name, "file": readable(asked.file), "digest": None, "git_commit": None},
        "server": asked.server,
        "state": asked.state and readable(asked.state),
        "workspace": asked.workspace and readable(asked.workspace),
        "origin": {},
        "environment": asked.environment,
        "only": list(asked.only),
        "variables": {},
        "started_at": rfc3339(asked.began),
        "finished_at": rfc3339(now),
        "duration_seconds": round(max(0.0, (now - asked.began).total_seconds()), 3),
        "resumptions": 0,
        "rounds": 0,
        "retries": [],
        "trace_id": None,
        "jobs": [],
        "critical_path": [],
        "findings": [],
        "warnings": [],
        "http": {"requests": None, "retries": None},
    }
