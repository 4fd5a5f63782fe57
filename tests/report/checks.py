"""What every report must be, whoever made it."""

import json
from typing import Any

from jsonschema import Draft7Validator
from referencing import Registry

from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema

#: The gate is fast, and jsonschema knows the words for a fault.
_IS_REPORT = gate(load_schema("run-report"))
_VALIDATOR = Draft7Validator(load_schema("run-report"), registry=Registry())


def assert_valid_report(report: dict[str, Any]) -> None:
    """Valid by the schema as it ships, also on the way through JSON, and true to itself."""
    read = json.loads(json.dumps(report, allow_nan=False))
    if not _IS_REPORT(read):
        faults = [f"{error.json_path}: {error.message}" for error in _VALIDATOR.iter_errors(read)]
        assert not faults, faults
    assert (report["status"] == "running") == (report["exit_code"] is None) == (report["finished_at"] is None)
    ids = [job["id"] for job in report["jobs"]]
    assert len(set(ids)) == len(ids)
    assert set(report["critical_path"]) <= set(ids)
    for job in report["jobs"]:
        last = job["executions"][-1] if job["executions"] else {}
        assert job["execution_id"] == last.get("execution_id")
        assert job["job_status"] == last.get("job_status")
