"""Each example response of the vendor's page, byte for byte where the server's own clock does not show."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from spectrum_pipelines.local.execution import Execution, Status, Trigger
from spectrum_pipelines.local.model import ExecutionId, FileId
from tests.local.conftest import Open

pytestmark = pytest.mark.usefixtures("utc")

UUID = "73b2800b-ed90-47ef-abdc-ce516a980173"
NOT_FOUND = "File doesn’t exist or isn’t accessible with current permissions"  # noqa: RUF001 - the page's apostrophes


def at(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() * 1000)


def ran(
    number: int, file: int, status: Status, start: str | None = None, stop: str | None = None, **more: Any
) -> Execution:
    return Execution(
        id=ExecutionId(number),
        file_id=FileId(file),
        user="analyst",
        trigger=Trigger.REST,
        status=status,
        created=1580808994422,
        start=None if start is None else at(start),
        stop=None if stop is None else at(stop),
        **more,
    )


def file(number: int, **simulate: Any) -> dict[str, Any]:
    return {"id": number, "path": f"/Data/file {number}.wbk", "simulate": simulate}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """`now` names the fields that show the server's clock, with a pattern of what they have to look like."""

    call: str
    expected: Any
    files: list[dict[str, Any]]
    seed: list[Execution] = field(default_factory=list)
    body: str | None = None
    user: str = "analyst:analyst"
    code: int = 200
    slots: int = 2
    width: int = 2
    now: dict[str, str] = field(default_factory=dict)


DATE = r'"[A-Z][a-z]{2} [1-9]\d?, \d{4} [1-9]\d?:\d\d:\d\d [AP]M"'
GET, POST = "GET /api/job-execution", "POST /api/job-execution"

EXAMPLES = {
    "never-run": Example(
        call=f"{GET}/48/status", files=[file(48)], expected={"status": "success", "job-status": "_NONE"}
    ),
    "running": Example(
        call=f"{GET}/48/status",
        files=[file(48, duration="1h", estimate="11s")],
        seed=[ran(3, 48, Status.QUEUED)],
        now={"start-time": DATE, "estimate-time": r'"(?:\d|1[01])s"'},
        expected={
            "status": "success",
            "file-id": 48,
            "job-execution-id": 3,
            "job-status": "RUNNING",
            "start-time": "Sep 28, 2018 6:44:56 PM",
            "estimate-time": "11s",
            "job-progress": "0",
        },
    ),
    "completed": Example(
        call=f"{GET}/48/status",
        files=[file(48)],
        seed=[ran(3, 48, Status.COMPLETED, "2018-09-28 18:44:56", "2018-09-28 18:44:58")],
        expected={
            "status": "success",
            "file-id": 48,
            "job-execution-id": 3,
            "job-status": "COMPLETED",
            "start-time": "Sep 28, 2018 6:44:56 PM",
            "stop-time": "Sep 28, 2018 6:44:58 PM",
        },
    ),
    "completed-with-warnings": Example(
        call=f"{GET}/46/status",
        files=[file(46)],
        seed=[ran(4, 46, Status.WARNINGS, "2018-09-28 10:09:47", "2018-09-28 10:09:52")],
        expected={
            "status": "success",
            "file-id": 46,
            "job-execution-id": 4,
            "job-status": "COMPLETED_WITH_WARNINGS",
            "start-time": "Sep 28, 2018 10:09:47 AM",
            "stop-time": "Sep 28, 2018 10:09:52 AM",
        },
    ),
    "queued": Example(
        call=f"{GET}/48/status",
        files=[file(47, duration="1h"), file(48)],
        seed=[ran(3, 47, Status.QUEUED), ran(4, 48, Status.QUEUED)],
        slots=1,
        expected={
            "status": "success",
            "file-id": 48,
            "job-execution-id": 4,
            "job-status": "QUEUED",
            "start-time": None,
        },
    ),
    "canceled-while-queued": Example(
        call=f"{GET}/48/status",
        files=[file(48)],
        seed=[ran(4, 48, Status.CANCELED, None, "2018-09-28 18:58:41")],
        expected={
            "status": "success",
            "file-id": 48,
            "job-execution-id": 4,
            "job-status": "CANCELED",
            "start-time": None,
            "stop-time": "Sep 28, 2018 6:58:41 PM",
        },
    ),
    "triggered": Example(
        call=f"{POST}/48/trigger",
        files=[file(48)],
        seed=[ran(2, 48, Status.COMPLETED)],
        expected={
            "status": "success",
            "job-execution-id": 3,
            "job-execution-user": "analyst",
            "job-execution-trigger": "RESTAPI",
        },
    ),
    "triggered-by-admin": Example(
        call=f"{POST}/48/trigger",
        files=[file(48)],
        seed=[ran(10, 48, Status.COMPLETED)],
        user="admin:secret",
        expected={
            "status": "success",
            "job-execution-id": 11,
            "job-execution-user": "admin",
            "job-execution-trigger": "RESTAPI",
        },
    ),
    "missing-file": Example(
        call=f"{GET}/99/status", files=[file(48)], code=404, expected={"status": "failure", "reason": NOT_FOUND}
    ),
    "history": Example(
        call="GET /rest/job-configuration/job-history/1048?start=0&length=10",
        files=[file(48)],
        seed=[ran(number, 48, Status.COMPLETED) for number in (23, 27, 30)],
        expected=[{"id": number, "jobStatus": "COMPLETED"} for number in (30, 27, 23)],
        width=4,
    ),
    "details": Example(
        call="GET /rest/job-execution/job-details/5",
        files=[file(6) | {"configuration_id": 4, "uuid": "f8d450cd-f065-4abb-a232-27cd20c48c2b"}],
        seed=[
            ran(
                5,
                6,
                Status.COMPLETED,
                "2018-07-18 13:46:38",
                "2018-07-18 13:47:03",
                success_count=7,
                counters={
                    "IMPORT_RECORDS": 7,
                    "IMPORT_PREVIEW_RECORDS": 7,
                    "IMPORT_OUTPUT_BYTES": 4167,
                    "IMPORT_DROPPED_SPLITS": 0,
                    "IMPORT_DROPPED_RECORDS": 0,
                },
            )
        ],
        expected={
            "startTime": "Jul 18, 2018 1:46:38 PM",
            "stopTime": "Jul 18, 2018 1:47:03 PM",
            "jobStatus": "COMPLETED",
            "jobConfigurationId": 4,
            "file": {"id": 6, "uuid": "f8d450cd-f065-4abb-a232-27cd20c48c2b"},
            "successCount": 7,
            "failureCount": 0,
            "counters": {
                "IMPORT_RECORDS": 7,
                "IMPORT_PREVIEW_RECORDS": 7,
                "IMPORT_OUTPUT_BYTES": 4167,
                "IMPORT_DROPPED_SPLITS": 0,
                "IMPORT_DROPPED_RECORDS": 0,
            },
        },
    ),
    "list-running": Example(
        call=f"{GET}/list-running",
        files=[
            {
                "id": 5,
                "path": "/Workbook1.wbk",
                "uuid": UUID,
                "configuration_id": 4,
                "simulate": {"duration": "1h", "estimate": "0s"},
            }
        ],
        seed=[ran(3, 5, Status.QUEUED)],
        now={"startTime": r"\d{13}"},
        expected=[
            {
                "jobStatus": "RUNNING",
                "fileName": "Workbook1",
                "jobName": "Workbook job",
                "fileId": 5,
                "uuid": UUID,
                "creationDate": 1580808994422,
                "jobExecutionId": 3,
                "dapJobConfigurationId": 4,
                "estimatedTime": 0,
                "startTime": 1582878238075,
            }
        ],
    ),
    "sequential-trigger": Example(
        call=f"{POST}/trigger",
        body='{"variables": {"foo": "fooValue"}, "fileIds": [4]}',
        files=[
            {"id": 4, "path": "/Data/apache_log.imp", "configuration_id": 3, "simulate": {}},
            {"id": 9, "path": "/categorization.wbk", "configuration_id": 4, "data_driven": [4], "simulate": {}},
        ],
        seed=[ran(15, 4, Status.COMPLETED)],
        expected={
            "status": "success",
            "execution-plan": [
                {
                    "job-configuration-name": "apache_log",
                    "job-configuration-id": 3,
                    "trigger": True,
                    "job-execution-id": 16,
                },
                {
                    "job-configuration-name": "categorization",
                    "job-configuration-id": 4,
                    "trigger": True,
                    "job-execution-id": 17,
                },
            ],
        },
    ),
    "sequential-trigger-as-on-the-page": Example(
        call=f"{POST}/trigger",
        body='{ variables : { "foo": "fooValue" }, "fileIds" : [4, ]}',
        files=[{"id": 4, "path": "/Data/apache_log.imp", "configuration_id": 3, "simulate": {}}],
        expected={
            "status": "success",
            "execution-plan": [
                {
                    "job-configuration-name": "apache_log",
                    "job-configuration-id": 3,
                    "trigger": True,
                    "job-execution-id": 1,
                }
            ],
        },
    ),
    "delete-missing": Example(
        call="DELETE /rest/data/272",
        files=[file(48)],
        code=404,
        expected={"status": "failure", "reason": "Entity of type 'Data' with id '272' not found."},
    ),
    "delete-deleted": Example(
        call="DELETE /rest/data/272",
        files=[file(48)],
        seed=[ran(272, 48, Status.COMPLETED, data_deleted=True)],
        expected={"status": False},
    ),
    "delete": Example(
        call="DELETE /rest/data/272",
        files=[file(48)],
        seed=[ran(272, 48, Status.COMPLETED)],
        expected={"status": True},
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_answers_as_on_the_page(name: str, site: Open) -> None:
    example = EXAMPLES[name]
    method, target = example.call.split(" ")
    server = site(*example.files, seed=example.seed, slots=example.slots)
    answer = server.call(method, target, example.body, user=example.user)
    assert (answer.code, answer.headers["content-type"]) == (example.code, "application/json")
    assert without_clock(answer.text, example) == json.dumps(example.expected, indent=example.width, ensure_ascii=False)


def without_clock(text: str, example: Example) -> str:
    shown = example.expected[0] if isinstance(example.expected, list) else example.expected
    for name, looks in example.now.items():
        text = re.sub(f'"{name}": {looks}', f'"{name}": {json.dumps(shown[name])}', text)
    return text


def test_a_stop_has_no_body_and_a_start_time_stays(site: Open) -> None:
    server = site(file(48, duration="1h"))
    number = server.trigger(48)
    answer = server.stop(48)
    assert (answer.code, answer.text, answer.headers["content-length"]) == (200, "", "0")
    assert server.until(number).status is Status.CANCELED
    shown = server.status(48)
    assert list(shown) == ["status", "file-id", "job-execution-id", "job-status", "start-time", "stop-time"]
    assert re.fullmatch(DATE, json.dumps(shown["start-time"]))


def test_missing_things_come_with_the_code_of_the_workspace(site: Open) -> None:
    server = site(file(48), failure_code=200)
    targets = ("GET /api/job-execution/99/status", "DELETE /rest/data/1", "GET /rest/job-execution/job-details/1")
    answers = [server.call(*target.split(" ")) for target in targets]
    assert [(one.code, one.data["status"]) for one in answers] == [(200, "failure")] * 3


def test_details_of_a_run_that_has_not_ended(site: Open) -> None:
    server = site(file(48, duration="1h"), slots=1)
    server.trigger(48)
    details = server.details(server.trigger(48))
    assert (details["jobStatus"], details["startTime"], details["stopTime"]) == ("QUEUED", None, None)
    assert (details["successCount"], details["failureCount"], details["counters"]) == (0, 0, {})


def test_answers_are_cut_by_scripts_in_the_field(site: Open) -> None:
    server = site(file(48), file(49, duration="1h"), seed=[ran(3, 48, Status.COMPLETED), ran(4, 48, Status.ERROR)])
    server.trigger(49)
    cuts = {
        "GET /rest/job-configuration/job-status/1048": '"jobStatus": "ERROR"',
        "GET /rest/job-configuration/job-history/1048": '"jobStatus": "ERROR"',
        "GET /rest/jobs/list-running": '"jobStatus": "RUNNING",',
        "GET /rest/job-execution/job-details/3": '"jobStatus": "COMPLETED",',
    }
    for call, line in cuts.items():
        text = server.call(*call.split(" ")).text
        assert re.findall(r'"jobStatus": (?:.*)', text)[0] == line  # egrep -o '"jobStatus": (.*)'


def test_the_older_status_call_has_its_own_word_for_warnings(site: Open) -> None:
    server = site(file(48), seed=[ran(3, 48, Status.WARNINGS)])
    old = server.call("GET", "/rest/job-configuration/job-status/1048").text
    assert old == '{\n  "id": 3,\n  "jobStatus": "COMPLETED_WITH_Warnings"\n}'
    assert server.status(48)["job-status"] == "COMPLETED_WITH_WARNINGS"


@pytest.mark.parametrize("call", [f"{GET}/list-running", "GET /rest/jobs/list-running"])
def test_both_lists_show_what_waits_too(call: str, site: Open) -> None:
    files = [file(1, duration="1h"), file(2), file(3) | {"data_driven": [2]}]
    server = site(*files, slots=1)
    server.trigger(1)
    server.sequence(2)
    rows = server.call(*call.split(" ")).data
    assert [one["jobStatus"] for one in rows] == ["RUNNING", "QUEUED", "WAITING_FOR_OTHER_JOB"]
    assert [one["startTime"] is None for one in rows] == [False, True, True]
