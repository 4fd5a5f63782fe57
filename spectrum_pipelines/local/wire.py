"""The bodies of answers, key by key as on the vendor's page: hyphens under `/api`, camel case under `/rest`. Pure.

Where the page is silent: details of a run that has not ended carry null times and its counters so far (none);
`estimatedTime` is in milliseconds like its neighbours; a plan names jobs by file name without ending.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from .execution import Execution, Status
from .model import File

Body = dict[str, Any]

MISSING_FILE: Final = "File doesn’t exist or isn’t accessible with current permissions"  # noqa: RUF001 - its apostrophes
OLD_WARNINGS: Final = "COMPLETED_WITH_Warnings"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def failure(reason: str) -> Body:
    """Return the page's one form of a failure."""
    return {"status": "failure", "reason": reason}


def missing(kind: str, number: object) -> str:
    """Return the page's text for a missing entity."""
    return f"Entity of type '{kind}' with id '{number}' not found."


def never_run() -> Body:
    """Answer for a file without any execution."""
    return {"status": "success", "job-status": "_NONE"}


def status(execution: Execution, progress: float, seconds_left: float) -> Body:
    """Show a file's latest execution. Progress and seconds left are shown while it runs."""
    body: Body = {
        "status": "success",
        "file-id": execution.file_id,
        "job-execution-id": execution.id,
        "job-status": execution.status,
        "start-time": _date(execution.start),
    }
    if execution.status is Status.RUNNING:
        return body | {"estimate-time": f"{round(seconds_left)}s", "job-progress": str(int(progress))}
    return body if execution.is_active else body | {"stop-time": _date(execution.stop)}


def triggered(execution: Execution) -> Body:
    """Answer to a trigger."""
    return {
        "status": "success",
        "job-execution-id": execution.id,
        "job-execution-user": execution.user,
        "job-execution-trigger": execution.trigger,
    }


def plan(steps: Iterable[tuple[File, Execution]]) -> Body:
    """Answer to a sequential trigger."""
    entries = [
        {
            "job-configuration-name": file.name,
            "job-configuration-id": file.configuration_id,
            "trigger": True,
            "job-execution-id": execution.id,
        }
        for file, execution in steps
    ]
    return {"status": "success", "execution-plan": entries}


def history(executions: Iterable[Execution]) -> list[Body]:
    """Show a page of a file's history."""
    return [{"id": one.id, "jobStatus": one.status} for one in executions]


def details(file: File, execution: Execution) -> Body:
    """Show one execution."""
    return {
        "startTime": _date(execution.start),
        "stopTime": _date(execution.stop),
        "jobStatus": execution.status,
        "jobConfigurationId": file.configuration_id,
        "file": {"id": file.id, "uuid": file.uuid},
        "successCount": execution.success_count,
        "failureCount": execution.failure_count,
        "counters": execution.counters,
    }


def active(file: File, execution: Execution, seconds_left: float) -> Body:
    """Show one line of the list of active jobs."""
    return {
        "jobStatus": execution.status,
        "fileName": file.name,
        "jobName": f"{file.kind.capitalize()} job",
        "fileId": file.id,
        "uuid": file.uuid,
        "creationDate": execution.created,
        "jobExecutionId": execution.id,
        "dapJobConfigurationId": file.configuration_id,
        "estimatedTime": round(seconds_left * 1000),
        "startTime": execution.start,
    }


def old_status(execution: Execution | None) -> Body:
    """Answer to the older status call, which has its own spelling of one status."""
    if execution is None:
        return {}
    word = OLD_WARNINGS if execution.status is Status.WARNINGS else execution.status
    return {"id": execution.id, "jobStatus": word}


def _date(milliseconds: int | None) -> str | None:
    # Not strftime: its month names and AM/PM follow the locale, the vendor's do not.
    if milliseconds is None:
        return None
    at = datetime.fromtimestamp(milliseconds / 1000, tz=UTC).astimezone()
    half = "AM" if at.hour < 12 else "PM"
    return f"{_MONTHS[at.month - 1]} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M:%S} {half}"
