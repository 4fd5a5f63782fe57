"""What the steps that follow in a GitHub job get to know of a run: lines for the file that GITHUB_OUTPUT names."""

import json
from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.render.report.explanation import Report, explained
from spectrum_pipelines.words.clean import clean

#: GitHub takes 1 MB of outputs for a whole job.
_MOST = 500_000


def step_outputs(report: Report, *, report_path: str, delimiter: str) -> str:
    """`status`, `run-id`, `report-path` and `execution-ids` of a valid report.

    `execution-ids` is a JSON object: a list of Spectrum's ids for each job that has some. Of more than fit, those of the jobs that
    need explaining. `delimiter` must be one that nobody can guess: whoever knows it could write outputs of their own into a value.
    """
    values = {
        "status": report["status"],
        "run-id": clean(report["run_id"] or ""),
        "report-path": clean(report_path),
        "execution-ids": _execution_ids(report),
    }
    return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())


def _execution_ids(report: Report) -> str:
    for jobs in (report["jobs"], explained(report)):
        text = _encoded({job["id"]: [one["execution_id"] for one in job["executions"]] for job in jobs})
        if len(text) <= _MOST:
            return text
    return "{}"


def _encoded(ids: Mapping[str, list[Any]]) -> str:
    """On one line, in ASCII: whoever prints it into a log prints no command."""
    text = json.dumps({job: found for job, found in ids.items() if found}, separators=(",", ":"))
    return text.replace("##", "\\u0023\\u0023")
