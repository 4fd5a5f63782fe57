"""A report from the journal alone is the report that the run wrote, whatever has become of variables and environment."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import call

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {records: 7}}
  - {id: 21, path: /flaky.wbk, simulate: {outcomes: [ERROR, COMPLETED]}}
  - {id: 23, path: /fails.wbk, simulate: {outcomes: [ERROR]}}
"""
EVERYTHING = """
version: 1
name: everything
description: All six actions on ${env.PLACE}
poll: {min: 10ms}
fail_fast: false
concurrency: {group: "at ${env.PLACE}", max_parallel: 3}
timeouts: {pipeline: 5m, finally: 1m}
variables: {token: {type: string, secret: true}, number: {type: integer, default: 3}}
defaults: {timeout: 1m, retry: {limit: 1, interval: 1ms, jitter: 0, when: [failed]}}
jobs:
  flaky: {description: Twice., trigger: "/${env.WHAT}.wbk", queue_timeout: 30s}
  doomed: {trigger: 23, allow_failure: true, on_timeout: leave, retry: {limit: 0}}
  several: {sequence: [20, 21], variables: {a: "${var.token}", b: "${var.number}"}, expect: {failure_count: {max: 0}}}
  cube: {needs: [several], matrix: {x: [20, 21], y: [a]}, trigger: "${matrix.x}", on_running: wait}
  waiting: {needs: [cube], wait_for: 20, if_missing: ok}
  checking: {needs: [cube], check: 20, expect: {status: [COMPLETED], counters: {WORKBOOK_RECORDS: {min: 7}}}}
  alert: {needs: [doomed], run_if: any_failed, stop: /fails.wbk}
finally:
  clean: {delete_data: ["${jobs.flaky.execution_id}", 999], if_missing: ok}
"""


def told(value: Any) -> Any:
    """A report without what a clock or only the run's own process knows."""
    if isinstance(value, dict):
        return {key: told(one) for key, one in value.items() if not key.endswith(("_at", "_seconds")) and key != "http"}
    return [told(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("only", [[], ["--only", "+cube,doomed"]], ids=["everything", "a selection"])
def test_a_report_from_the_journal_is_that_of_the_run(only: list[str], tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "all.yaml").write_text(EVERYTHING, encoding="utf-8")
    args = ["run", "all.yaml", "--local", "workspace.yaml", "--progress", "none", "--report", "report.json", *only]
    env = {"SPECTRUM_VAR_token": "hunter2", "WHAT": "flaky", "PLACE": "hunter2"}
    ended = call(*args, cwd=tmp_path, env=env)
    assert ended.code == 0, ended.stderr
    (tmp_path / "all.yaml").unlink()
    written = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    recorded = call("report", written["run_id"], "--format", "json", cwd=tmp_path)
    assert "hunter2" not in recorded.stdout
    assert told(json.loads(recorded.stdout)) == told(written)
    assert len(written["jobs"]) == (9 if not only else 4)
