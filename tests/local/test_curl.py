"""The vendor's page, command by command: curl as it stands there, and the answer as it stands there, line by line.

Where an example shows the server's clock, the test says so by a pattern in `<<...>>`. Addresses and logins are filled in.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest

from spectrum_pipelines.local.execution import Execution, Status
from tests.local.conftest import Open
from tests.local.test_contract import ran

pytestmark = [
    pytest.mark.usefixtures("utc"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine"),
]

UUID = "73b2800b-ed90-47ef-abdc-ce516a980173"
DATE = r"[A-Z][a-z]{2} [1-9]\d?, \d{4} [1-9]\d?:\d\d:\d\d [AP]M"
CURL = "curl -u <username>:<password>"
SERVER = "http://<Spectrum-serverIP>:<port-number>"
CODE = ' -w"\\n%{http_code}\\n"'  # the page's tip: it can be added to each call
STATUS = f"{CURL} -X GET '{SERVER}/api/job-execution/48/status'"
DELETE = f"{CURL} -X DELETE '{SERVER}/rest/data/272'"


def book(number: int, path: str | None = None, **more: Any) -> dict[str, Any]:
    simulate = {key: more.pop(key) for key in ("duration", "estimate", "queue") if key in more}
    return {"id": number, "path": path or f"/Data/file {number}.wbk", "simulate": simulate, **more}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    command: str
    answer: str
    files: list[dict[str, Any]] = field(default_factory=lambda: [book(48)])
    seed: list[Execution] = field(default_factory=list)
    slots: int = 2
    login: str = "analyst:analyst"
    code: int = 200


COMPLETED = """\
{
  "status": "success",
  "file-id": 48,
  "job-execution-id": 3,
  "job-status": "COMPLETED",
  "start-time": "Sep 28, 2018 6:44:56 PM",
  "stop-time": "Sep 28, 2018 6:44:58 PM"
}"""
DONE = [ran(3, 48, Status.COMPLETED, "2018-09-28 18:44:56", "2018-09-28 18:44:58")]
TRIGGERED = """\
{
  "status": "success",
  "job-execution-id": 3,
  "job-execution-user": "analyst",
  "job-execution-trigger": "RESTAPI"
}"""
NEVER_RUN = """\
{
  "status": "success",
  "job-status": "_NONE"
}"""
MISSING = """\
{
  "status": "failure",
  "reason": "File doesn’t exist or isn’t accessible with current permissions"
}"""  # noqa: RUF001 - the page's apostrophes
ACTIVE = f"""\
[
  {{
    "jobStatus": "RUNNING",
    "fileName": "Workbook1",
    "jobName": "Workbook job",
    "fileId": 5,
    "uuid": "{UUID}",
    "creationDate": 1580808994422,
    "jobExecutionId": 3,
    "dapJobConfigurationId": 4,
    "estimatedTime": 0,
    "startTime": <<\\d{{13}}>>
  }}
]"""
LONG = [book(5, "/Workbook1.wbk", uuid=UUID, configuration_id=4, duration="1h", estimate="0s")]
COUNTERS = {
    "IMPORT_RECORDS": 7,
    "IMPORT_PREVIEW_RECORDS": 7,
    "IMPORT_OUTPUT_BYTES": 4167,
    "IMPORT_DROPPED_SPLITS": 0,
    "IMPORT_DROPPED_RECORDS": 0,
}

EXAMPLES = {
    "status-never-run": Example(command=STATUS, answer=NEVER_RUN),
    "status-running": Example(
        command=STATUS,
        files=[book(48, duration="1h", estimate="11s")],
        seed=[ran(3, 48, Status.QUEUED)],
        answer=f"""\
{{
  "status": "success",
  "file-id": 48,
  "job-execution-id": 3,
  "job-status": "RUNNING",
  "start-time": "<<{DATE}>>",
  "estimate-time": "<<(?:\\d|10|11)s>>",
  "job-progress": "0"
}}""",
    ),
    "status-completed-by-id": Example(command=STATUS, seed=DONE, answer=COMPLETED),
    "status-completed-by-uuid": Example(
        command=STATUS.replace("/48/", f"/{UUID}/"), files=[book(48, uuid=UUID)], seed=DONE, answer=COMPLETED
    ),
    "status-completed-by-path": Example(
        command=STATUS.replace("/48/", "//Data/file+48.wbk/"), seed=DONE, answer=COMPLETED
    ),
    "status-completed-with-errors": Example(
        command=STATUS.replace("48", "46"),
        files=[book(46)],
        seed=[ran(4, 46, Status.WARNINGS, "2018-09-28 10:09:47", "2018-09-28 10:09:52")],
        answer="""\
{
  "status": "success",
  "file-id": 46,
  "job-execution-id": 4,
  "job-status": "COMPLETED_WITH_WARNINGS",
  "start-time": "Sep 28, 2018 10:09:47 AM",
  "stop-time": "Sep 28, 2018 10:09:52 AM"
}""",
    ),
    "status-queued": Example(
        command=STATUS,
        files=[book(47, duration="1h"), book(48)],
        seed=[ran(3, 47, Status.QUEUED), ran(4, 48, Status.QUEUED)],
        slots=1,
        answer="""\
{
  "status": "success",
  "file-id": 48,
  "job-execution-id": 4,
  "job-status": "QUEUED",
  "start-time": null
}""",
    ),
    "status-canceled": Example(
        command=STATUS,
        seed=[ran(4, 48, Status.CANCELED, None, "2018-09-28 18:58:41")],
        answer="""\
{
  "status": "success",
  "file-id": 48,
  "job-execution-id": 4,
  "job-status": "CANCELED",
  "start-time": null,
  "stop-time": "Sep 28, 2018 6:58:41 PM"
}""",
    ),
    "status-error": Example(command=STATUS.replace("48", "99"), code=404, answer=MISSING),
    "history": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-configuration/job-history/1048?start=0&length=10'",
        seed=[ran(number, 48, Status.COMPLETED) for number in (23, 27, 30)],
        answer="""\
[
    {
        "id": 30,
        "jobStatus": "COMPLETED"
    },
    {
        "id": 27,
        "jobStatus": "COMPLETED"
    },
    {
        "id": 23,
        "jobStatus": "COMPLETED"
    }
]""",
    ),
    "details": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-execution/job-details/5'",
        files=[book(6, configuration_id=4, uuid="f8d450cd-f065-4abb-a232-27cd20c48c2b")],
        seed=[
            ran(
                5,
                6,
                Status.COMPLETED,
                "2018-07-18 13:46:38",
                "2018-07-18 13:47:03",
                success_count=7,
                counters=COUNTERS,
            )
        ],
        answer="""\
{
  "startTime": "Jul 18, 2018 1:46:38 PM",
  "stopTime": "Jul 18, 2018 1:47:03 PM",
  "jobStatus": "COMPLETED",
  "jobConfigurationId": 4,
  "file": {
    "id": 6,
    "uuid": "f8d450cd-f065-4abb-a232-27cd20c48c2b"
  },
  "successCount": 7,
  "failureCount": 0,
  "counters": {
    "IMPORT_RECORDS": 7,
    "IMPORT_PREVIEW_RECORDS": 7,
    "IMPORT_OUTPUT_BYTES": 4167,
    "IMPORT_DROPPED_SPLITS": 0,
    "IMPORT_DROPPED_RECORDS": 0
  }
}""",
    ),
    "list-running": Example(
        command=f"{CURL} -X GET '{SERVER}/api/job-execution/list-running'",
        files=LONG,
        seed=[ran(3, 5, Status.QUEUED)],
        answer=ACTIVE,
    ),
    "trigger": Example(
        command=f"{CURL} -X POST '{SERVER}/api/job-execution/48/trigger'",
        seed=[ran(2, 48, Status.COMPLETED)],
        answer=TRIGGERED,
    ),
    "trigger-by-path": Example(
        command=f"{CURL} -X POST '{SERVER}/api/job-execution//Data/file%2048.wbk/trigger'",
        seed=[ran(2, 48, Status.COMPLETED)],
        answer=TRIGGERED,
    ),
    "trigger-as-admin": Example(
        command=f"{CURL} -X POST '{SERVER}/api/job-execution/48/trigger'",
        seed=[ran(10, 48, Status.COMPLETED)],
        login="admin:secret",
        answer=TRIGGERED.replace("3", "11").replace("analyst", "admin"),
    ),
    "sequential-trigger": Example(
        command='curl -X POST -u <username>:<password> -d \'{ variables : { "foo": "fooValue" }, "fileIds" : [4, ]}\' '
        f"-H \"Content-Type: application/json\" '{SERVER}/api/job-execution/trigger'",
        files=[
            book(4, "/apache_log.imp", configuration_id=3),
            book(9, "/categorization.wbk", configuration_id=4, data_driven=[4]),
        ],
        seed=[ran(15, 4, Status.COMPLETED)],
        answer="""\
{
  "status": "success",
  "execution-plan": [
    {
      "job-configuration-name": "apache_log",
      "job-configuration-id": 3,
      "trigger": true,
      "job-execution-id": 16
    },
    {
      "job-configuration-name": "categorization",
      "job-configuration-id": 4,
      "trigger": true,
      "job-execution-id": 17
    }
  ]
}""",
    ),
    "stop": Example(
        command=f"{CURL} -X POST '{SERVER}/api/job-execution/48/stop'",
        files=[book(48, duration="1h")],
        seed=[ran(3, 48, Status.QUEUED)],
        answer="",
    ),
    "stop-of-what-does-not-exist": Example(
        command=f"{CURL} -X POST '{SERVER}/api/job-execution/99/stop'", code=404, answer=MISSING
    ),
    "delete-without-data": Example(
        command=DELETE,
        code=404,
        answer="""\
{
  "status": "failure",
  "reason": "Entity of type 'Data' with id '272' not found."
}""",
    ),
    "delete-again": Example(
        command=DELETE,
        seed=[ran(272, 48, Status.COMPLETED, data_deleted=True)],
        answer="""\
{
  "status": false
}""",
    ),
    "delete": Example(
        command=DELETE,
        seed=[ran(272, 48, Status.COMPLETED)],
        answer="""\
{
  "status": true
}""",
    ),
    "delete-by-name": Example(
        command=DELETE.replace("272", "Data/file+48.wbk"),
        seed=[ran(272, 48, Status.COMPLETED)],
        answer="""\
{
  "status": true
}""",
    ),
    "older-status": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-configuration/job-status/1048'",
        seed=[ran(3, 48, Status.WARNINGS)],
        answer="""\
{
  "id": 3,
  "jobStatus": "COMPLETED_WITH_Warnings"
}""",
    ),
    "older-status-never-run": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-configuration/job-status/1048'", answer="{}"
    ),
    "older-list": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/jobs/list-running'",
        files=LONG,
        seed=[ran(3, 5, Status.QUEUED)],
        answer=ACTIVE,
    ),
    "older-trigger": Example(
        command=f"{CURL} -X POST '{SERVER}/rest/job-execution?configuration=1048'",
        seed=[ran(2, 48, Status.COMPLETED)],
        answer=TRIGGERED,
    ),
    "older-kill": Example(
        command=f"{CURL} -X POST '{SERVER}/rest/job-execution/job-kill/3'",
        files=[book(48, duration="1h")],
        seed=[ran(3, 48, Status.QUEUED)],
        answer="",
    ),
    "script-that-cuts-a-status": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-configuration/job-status/1048' | grep -Eo '\"jobStatus\": (.*)'",
        seed=[ran(3, 48, Status.ERROR)],
        answer='"jobStatus": "ERROR"\n',
    ),
    "script-that-cuts-details": Example(
        command=f"{CURL} -X GET '{SERVER}/rest/job-execution/job-details/3' | grep '\"jobStatus\"' | cut -d'\"' -f4",
        seed=[ran(3, 48, Status.ERROR)],
        answer="ERROR\n",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_command_of_the_page_gets_the_answer_of_the_page(name: str, site: Open) -> None:
    example = EXAMPLES[name]
    server = site(*example.files, seed=example.seed, slots=example.slots)
    is_script = "|" in example.command
    shown = run(example.command + ("" if is_script else CODE), server.address, example.login)
    assert re.fullmatch(pattern_of(example.answer) + ("" if is_script else f"\n{example.code}\n"), shown), shown


def run(command: str, address: str, login: str) -> str:
    """Run a command of the page in a shell; `-s` keeps curl from showing its progress."""
    host, _, port = address.partition(":")
    user, _, password = login.partition(":")
    filled = {"<username>": user, "<password>": password, "<Spectrum-serverIP>": host, "<port-number>": port}
    for blank, value in filled.items():
        command = command.replace(blank, value)
    command = command.replace("curl ", "curl -s --max-time 20 ", 1)
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=30, check=True).stdout


def pattern_of(answer: str) -> str:
    """Take an answer literally, but for the patterns in it."""
    parts = re.split("<<(.*?)>>", answer)
    return "".join(part if n % 2 else re.escape(part) for n, part in enumerate(parts))


def test_what_a_stop_leaves(site: Open) -> None:
    server = site(book(48, duration="1h"), seed=[ran(3, 48, Status.QUEUED)])
    assert (
        run(
            f"{CURL} -X POST '{SERVER}/api/job-execution/48/stop' -w '%{{http_code}}'",
            server.address,
            "analyst:analyst",
        )
        == "200"
    )
    server.until(3, "CANCELED")
    shown = run(STATUS, server.address, "analyst:analyst")
    assert re.search(rf'"start-time": "{DATE}",\n  "stop-time": "{DATE}"\n}}$', shown)


def test_a_wrong_password_is_401(site: Open) -> None:
    server = site(book(48))
    assert run(f"{STATUS} -o /dev/null -w '%{{http_code}}'", server.address, "analyst:wrong") == "401"
