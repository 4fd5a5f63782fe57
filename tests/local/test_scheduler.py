"""Who runs when: slots, queues, sequences, data-driven starts, stops, outcomes."""

from typing import Any

import pytest

from spectrum_pipelines.local.execution import Trigger
from tests.local.conftest import Open

LONG: dict[str, Any] = {"duration": "1h"}


def file(number: int, *, reads: list[int] | None = None, **simulate: Any) -> dict[str, Any]:
    more = {"data_driven": reads} if reads else {}
    return {"id": number, "path": f"/file {number}.wbk", "simulate": simulate} | more


def test_slots_bound_what_runs_and_the_oldest_goes_first(site: Open) -> None:
    server = site(file(1, **LONG), file(2, **LONG), file(3, **LONG), slots=2)
    runs = [server.trigger(one) for one in (1, 2, 3)]
    assert [server.run(one).status for one in runs] == ["RUNNING", "RUNNING", "QUEUED"]
    server.stop(1)
    assert server.until(runs[2], "RUNNING").stop is None


def test_a_trigger_of_a_running_file_queues_behind_it(site: Open) -> None:
    server = site(file(1, **LONG), slots=5)
    first, second = server.trigger(1), server.trigger(1)
    assert [server.run(one).status for one in (first, second)] == ["RUNNING", "QUEUED"]
    listed = server.call("GET", "/api/job-execution/list-running").data
    assert [(one["jobExecutionId"], one["jobStatus"]) for one in listed] == [(first, "RUNNING"), (second, "QUEUED")]
    assert listed[1]["startTime"] is None
    server.stop(1)
    assert server.until(second, "RUNNING")
    assert server.run(first).status == "CANCELED"


def test_stop_takes_the_running_run_then_the_queued_one(site: Open) -> None:
    server = site(file(1, **LONG), file(2, **LONG), slots=1)
    server.trigger(2)
    queued = server.trigger(1)
    assert server.stop(1).code == 200
    shown = server.status(1)
    assert (shown["job-execution-id"], shown["job-status"], shown["start-time"]) == (queued, "CANCELED", None)
    answer = server.stop(1)
    assert (answer.code, answer.data["status"]) == (409, "failure")


def test_a_queue_delay_holds_a_run_back_though_slots_are_free(site: Open) -> None:
    server = site(file(1, queue="50ms"), file(2, queue="1h"))
    delayed, held = server.trigger(1), server.trigger(2)
    assert server.run(delayed).status == "QUEUED"
    ended = server.until(delayed, "COMPLETED")
    assert ended.start is not None
    assert ended.start >= ended.created + 45
    assert server.run(held).status == "QUEUED"


def test_a_sequence_runs_upstream_first_and_downstream_waits(site: Open) -> None:
    # 4 comes before 3 in the file, but reads it; 9 is nobody's business.
    server = site(file(4, reads=[3, 2]), file(2, **LONG), file(3, reads=[2]), file(9), file(5, reads=[4]))
    plan = server.sequence(2).data["execution-plan"]
    ids = {one["job-configuration-name"]: one["job-execution-id"] for one in plan}
    assert list(ids) == ["file 2", "file 3", "file 4", "file 5"]
    assert [server.run(one).status for one in ids.values()] == ["RUNNING", *["WAITING_FOR_OTHER_JOB"] * 3]
    assert server.status(5)["job-status"] == "WAITING_FOR_OTHER_JOB"
    server.stop(2)
    ends = [server.until(one).status for one in ids.values()]
    assert ends == ["CANCELED"] * 4
    assert server.run(ids["file 5"]).start is None


def test_a_sequence_runs_through_and_starts_nothing_twice(site: Open) -> None:
    server = site(file(2, outcomes=["COMPLETED_WITH_WARNINGS"]), file(3, reads=[2]), file(4, reads=[3]))
    plan = server.sequence(2, 4).data["execution-plan"]
    ends = [server.until(one["job-execution-id"]) for one in plan]
    assert [one.status for one in ends] == ["COMPLETED_WITH_WARNINGS", "COMPLETED", "COMPLETED"]
    assert len(server.server.executions()) == 3
    assert ends[1].start is not None
    assert ends[0].stop is not None
    assert ends[1].start >= ends[0].stop


def test_a_failed_upstream_cancels_downstream(site: Open) -> None:
    server = site(file(2, outcomes=["ERROR"]), file(3, reads=[2]), file(4, reads=[3]))
    plan = server.sequence(2).data["execution-plan"]
    assert [server.until(one["job-execution-id"]).status for one in plan] == ["ERROR", "CANCELED", "CANCELED"]


def workbook(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "path": f"/w {number}.wbk",
        "workbook": {"table": f"t{number}", "sql": "SELECT 1 AS n"},
    } | more


@pytest.mark.parametrize(
    ("files", "root"),
    [
        pytest.param([workbook(3)], 3, id="named-itself"),
        pytest.param([file(2), workbook(3, sources=[2])], 2, id="downstream"),
        pytest.param([file(2), file(3) | {"sources": [2]}], 2, id="simulated-downstream"),
    ],
)
def test_a_chain_with_a_workbook_that_is_not_data_driven_is_refused(
    files: list[dict[str, Any]], root: int, site: Open
) -> None:
    server = site(*files)
    answer = server.sequence(root)
    assert (answer.code, answer.data["status"]) == (400, "failure")
    assert "not data-driven" in answer.data["reason"]
    assert server.server.executions() == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param([file(2), workbook(3, data_driven=[2], sources=[9]), file(9)], id="data-driven-and-reads-another"),
        pytest.param([file(2), {"id": 3, "path": "/a.exp", "sources": [2], "simulate": {}}], id="export-with-a-source"),
    ],
)
def test_a_chain_is_followed_through_all_that_reads(files: list[dict[str, Any]], site: Open) -> None:
    server = site(*files)
    plan = server.sequence(2).data["execution-plan"]
    assert [server.until(one["job-execution-id"], "COMPLETED").file_id for one in plan] == [2, 3]


def test_a_plain_run_starts_what_is_data_driven_by_it(site: Open) -> None:
    server = site(file(2), file(3, reads=[2]), file(4, reads=[3]))
    server.trigger(2)
    assert server.until(3, "COMPLETED").trigger is Trigger.DATA
    assert [(one.file_id, one.trigger.value, one.user) for one in server.server.executions()] == [
        (2, "RESTAPI", "analyst"),
        (3, "DATA_DRIVEN", "analyst"),
        (4, "DATA_DRIVEN", "analyst"),
    ]


def test_a_failed_run_starts_nothing(site: Open) -> None:
    server = site(file(2, outcomes=["ERROR"]), file(3, reads=[2]))
    server.until(server.trigger(2))
    server.until(server.trigger(2))
    assert {one.file_id for one in server.server.executions()} == {2}


def test_data_driven_runs_that_are_pending_are_not_doubled(site: Open) -> None:
    server = site(file(2), file(3, reads=[2], **LONG))
    for _ in range(4):
        server.until(server.trigger(2), "COMPLETED")
    statuses = [one.status for one in server.server.executions() if one.file_id == 3]
    assert statuses == ["RUNNING", "QUEUED"]


@pytest.mark.parametrize(
    ("repeat", "expected"),
    [
        pytest.param("last", ["ERROR", "COMPLETED", "COMPLETED", "COMPLETED"], id="last"),
        pytest.param("cycle", ["ERROR", "COMPLETED", "ERROR", "COMPLETED"], id="cycle"),
    ],
)
def test_outcomes_follow_each_other(repeat: str, expected: list[str], site: Open) -> None:
    server = site(file(1, outcomes=["ERROR", "COMPLETED"], repeat=repeat), file(2, **LONG), slots=1)
    server.trigger(2)
    server.trigger(1)
    server.stop(1)  # stopped while it was queued: does not count
    server.stop(2)
    assert [server.until(server.trigger(1)).status for _ in range(4)] == expected


def test_a_run_reports_the_records_that_the_workspace_foretells(site: Open) -> None:
    outcomes = ["COMPLETED_WITH_WARNINGS", "COMPLETED", "ERROR", "CANCELED"]
    server = site({"id": 1, "path": "/a.imp", "simulate": {"outcomes": outcomes, "records": 7, "dropped": 2}})
    shown = [server.details(server.until(server.trigger(1)).id) for _ in outcomes]
    assert [(one["successCount"], one["failureCount"], one["counters"]) for one in shown] == [
        (7, 2, {"IMPORT_RECORDS": 7, "IMPORT_DROPPED_RECORDS": 2}),
        (7, 0, {"IMPORT_RECORDS": 7, "IMPORT_DROPPED_RECORDS": 0}),
        (0, 1, {}),
        (0, 0, {}),
    ]


def test_counters_may_be_told_word_by_word(site: Open) -> None:
    server = site(file(1, counters={"ANY": 3}))
    assert server.details(server.until(server.trigger(1)).id)["counters"] == {"ANY": 3}


def test_history_comes_in_pages_newest_first(site: Open) -> None:
    server = site(file(1), file(2))
    for _ in range(3):
        server.until(server.trigger(1))
        server.until(server.trigger(2))
    history = "/rest/job-configuration/job-history/1001"
    assert [one["id"] for one in server.call("GET", history).data] == [5, 3, 1]
    assert [one["id"] for one in server.call("GET", f"{history}?start=1&length=1").data] == [3]
    assert server.call("GET", f"{history}?start=9").data == []
    for wrong in ("start=-1", "length=x", "length=", "start=1.5"):
        assert server.call("GET", f"{history}?{wrong}").code == 400


def test_two_hundred_active_jobs_are_listed_at_once(site: Open) -> None:
    server = site(*(file(number, **LONG) for number in range(1, 201)), slots=200)
    for number in range(1, 201):
        server.trigger(number)
    listed = server.call("GET", "/api/job-execution/list-running").data
    assert [one["fileId"] for one in listed] == list(range(1, 201))
    assert {one["jobStatus"] for one in listed} == {"RUNNING"}
