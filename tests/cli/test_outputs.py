"""Outputs of jobs, `${jobs.x.counters.Y}` and its like, in the variables and gates of jobs after them."""

import json
from typing import Any

import pytest

from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.conftest import Begin, Serve
from tests.faults.spectrum_server import FAILS, File, SpectrumServer


def files() -> tuple[File, ...]:
    return (
        File(id=48, path="/Data/orders.imp", counters={"IMPORT_RECORDS": 7}),
        File(id=51, path="/Workbooks/sales.wbk", counters={}),
        File(id=60, path="/Exports/sales.exp", counters={"EXPORT_RECORDS": 5}),
    )


def bodies(server: SpectrumServer) -> list[Any]:
    return [json.loads(it.body) for it in server.seen if it.method == "POST" and it.body]


@pytest.mark.parametrize(
    ("gate", "code", "told"),
    [
        pytest.param({"max": "${jobs.load.counters.IMPORT_RECORDS}"}, 0, None, id="no more than was read"),
        pytest.param(
            {"min": "${jobs.load.success_count}"}, 1, "counter EXPORT_RECORDS is 5, expected at least 7", id="lost"
        ),
        pytest.param({"min": "${jobs.load.failure_count}", "max": 5}, 0, None, id="a number beside an output"),
    ],
)
def test_an_export_is_held_against_what_the_import_read(
    serve: Serve, begin: Begin, gate: dict[str, Any], code: int, told: str | None
) -> None:
    server = serve(*files())
    project = begin(server)
    project.jobs(
        load={"trigger": 48},
        export={"needs": ["load"], "trigger": 60, "expect": {"counters": {"EXPORT_RECORDS": gate}}},
    )
    outcome = project.run()
    assert outcome.code == code, outcome.stderr
    assert told is None or told in outcome.stderr
    assert server.started() == {48: 1, 60: 1}


def test_workbook_variables_take_outputs_as_numbers(serve: Serve, begin: Begin) -> None:
    server = serve(*files())
    project = begin(server)
    project.jobs(
        load={"trigger": 48},
        sales={
            "needs": ["load"],
            "sequence": [51],
            "variables": {"loaded": "${jobs.load.counters.IMPORT_RECORDS}", "run": "run ${jobs.load.execution_id}"},
        },
    )
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    (body,) = (it for it in bodies(server) if "loaded" in json.dumps(it))
    assert '"loaded": 7' in json.dumps(body)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param({"trigger": 60, "expect": {"success_count": {"min": "${jobs.load.counters.NO_SUCH}"}}}, id="gate"),
        pytest.param({"sequence": [51], "variables": {"x": "${jobs.load.counters.NO_SUCH}"}}, id="variable"),
    ],
)
def test_an_output_that_is_not_there_fails_the_job_before_it_starts_anything(
    serve: Serve, begin: Begin, use: dict[str, Any]
) -> None:
    server = serve(*files())
    project = begin(server)
    project.jobs(load={"trigger": 48}, use={"needs": ["load"], **use})
    outcome = project.run()
    assert outcome.code == 1
    assert "job load has no counter NO_SUCH that could be used" in outcome.stderr
    assert server.started() == {48: 1}


def test_the_data_of_a_sequence_is_that_of_all_its_executions(serve: Serve, begin: Begin) -> None:
    server = serve(*files())
    project = begin(server)
    project.pipeline(
        jobs={"sales": {"sequence": [51, 60]}},
        **{"finally": {"cleanup": {"delete_data": ["${jobs.sales.execution_id}"], "if_missing": "ok"}}},
    )
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert outcome.report is not None
    sales, cleanup = outcome.report["jobs"]
    assert len(sales["executions"]) == 2
    assert [it["data_id"] for it in cleanup["data"]] == [it["execution_id"] for it in sales["executions"]]


def test_the_plan_shows_where_a_bound_comes_from(serve: Serve, begin: Begin) -> None:
    project = begin(serve(*files()))
    reference = "${jobs.load.counters.IMPORT_RECORDS}"
    project.jobs(
        load={"trigger": 48}, export={"needs": ["load"], "trigger": 60, "expect": {"success_count": {"min": reference}}}
    )
    planned = project.call("plan", str(project.file), "--server", "http://x")
    assert f"expects success_count >= {reference}" in planned.stdout
    data = json.loads(project.call("plan", str(project.file), "--server", "http://x", "--format", "json").stdout)
    assert [job["expect"] for job in data["jobs"]] == [None, {"success_count": {"min": reference}}]


def test_a_selection_without_the_job_that_says_the_bound_is_refused(serve: Serve, begin: Begin) -> None:
    project = begin(serve(*files()))
    expect = {"success_count": {"min": "${jobs.load.success_count}"}}
    project.jobs(load={"trigger": 48}, export={"needs": ["load"], "trigger": 60, "expect": expect})
    outcome = project.run("--only", "export")
    assert outcome.code == 2
    assert "--only load,export" in outcome.stderr


OWN: dict[str, Any] = {
    "load": {"matrix": {"file": "${var.files}"}, "trigger": "${matrix.file}"},
    "refresh": {
        "needs": ["load[${matrix.file}]"],
        "matrix": {"file": "${var.files}"},
        "sequence": [51],
        "on_running": "wait",
        "variables": {"own": "${jobs.load[${matrix.file}].execution_id}", "of": "${matrix.file}"},
    },
}
FILES: dict[str, Any] = {"token": {"type": "string", "secret": True, "required": True}, "files": {"type": "list"}}


def test_each_combination_takes_the_output_of_its_own(serve: Serve, begin: Begin) -> None:
    server = serve(*files())
    project = begin(server)
    project.pipeline(variables=FILES, jobs=OWN, **{"finally": {"drop": {
        "matrix": {"file": "${var.files}"},
        "delete_data": ["${jobs.load[${matrix.file}].execution_id}"], "if_missing": "ok",
    }}})  # fmt: skip
    outcome = project.run("--var", "files=48,60")
    assert outcome.code == 0, outcome.stderr
    ids = {str(outcome.job(f"load[{one}]")["execution_id"]) for one in (48, 60)}
    sent = {str(it["variables"]["own"]) for it in bodies(server) if "variables" in it}
    pairs = {int(it["variables"]["of"]): it["variables"]["own"] for it in bodies(server) if "variables" in it}
    assert sent == ids
    assert all(pairs[one] == outcome.job(f"load[{one}]")["execution_id"] for one in (48, 60))
    again = project.resume(outcome.run_id)
    assert again.code == 0


def test_the_combination_whose_own_one_failed_is_skipped_and_the_other_one_runs(serve: Serve, begin: Begin) -> None:
    server = serve(*files())
    server.files[48].timelines = (FAILS,)
    project = begin(server)
    project.pipeline(variables=FILES, jobs=OWN, fail_fast=False)
    outcome = project.run("--var", "files=48,60")
    assert outcome.code == 1
    assert [outcome.job(f"refresh[{one}]")["status"] for one in (48, 60)] == ["skipped", "succeeded"]


def test_a_list_that_does_not_fit_is_told_before_anything_is_triggered(serve: Serve, begin: Begin) -> None:
    server = serve(*files())
    project = begin(server)
    refresh = {**OWN["refresh"], "needs": ["load"], "matrix": {"file": [48, 60]}}
    project.pipeline(variables=FILES, jobs={**OWN, "refresh": refresh})
    outcome = project.run("--var", "files=48")
    assert outcome.code == 2
    assert "there is no job `load[60]`, which `refresh` refers to where `file` = `60`" in outcome.stderr
    assert server.posts() == {}
