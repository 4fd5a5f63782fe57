"""The vendor's examples as we read them, and shapes that no vendor ever sent (faults 10, 11, 24)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.client import wire
from spectrum_pipelines.client.transport.exchange import Answer
from spectrum_pipelines.errors import ClientError, NotSpectrum, Undecodable
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    Deletion,
    ExecutionId,
    ExecutionPlan,
    FileId,
    HistoryEntry,
    JobDetails,
    PlannedExecution,
    StatusAnswer,
    TriggerAnswer,
)

Reader = Callable[[Answer], object]


def read(reader: Reader, value: object) -> Any:
    return reader(Answer(value=value, where="GET http://host/x", http_status=200))


VENDOR = [
    pytest.param(
        wire.status,
        {"status": "success", "job-status": "_NONE"},
        StatusAnswer(job_status="_NONE"),
        id="status-never-run",
    ),
    pytest.param(
        wire.status,
        {
            "status": "success",
            "file-id": 48,
            "job-execution-id": 3,
            "job-status": "RUNNING",
            "start-time": "Sep 28, 2018 6:44:56 PM",
            "estimate-time": "11s",
            "job-progress": "0",
        },
        StatusAnswer(
            job_status="RUNNING",
            file_id=FileId(48),
            execution_id=ExecutionId(3),
            start_time="Sep 28, 2018 6:44:56 PM",
            progress=0.0,
            estimate_seconds=11.0,
        ),
        id="status-running",
    ),
    pytest.param(
        wire.status,
        {
            "status": "success",
            "file-id": 46,
            "job-execution-id": 4,
            "job-status": "COMPLETED_WITH_WARNINGS",
            "start-time": "Sep 28, 2018 10:09:47 AM",
            "stop-time": "Sep 28, 2018 10:09:52 AM",
        },
        StatusAnswer(
            job_status="COMPLETED_WITH_WARNINGS",
            file_id=FileId(46),
            execution_id=ExecutionId(4),
            start_time="Sep 28, 2018 10:09:47 AM",
            stop_time="Sep 28, 2018 10:09:52 AM",
        ),
        id="status-completed-with-errors",
    ),
    pytest.param(
        wire.status,
        {"status": "success", "file-id": 48, "job-execution-id": 4, "job-status": "QUEUED", "start-time": None},
        StatusAnswer(job_status="QUEUED", file_id=FileId(48), execution_id=ExecutionId(4)),
        id="status-queued",
    ),
    pytest.param(
        wire.status,
        {
            "status": "success",
            "file-id": 48,
            "job-execution-id": 4,
            "job-status": "CANCELED",
            "start-time": None,
            "stop-time": "Sep 28, 2018 6:58:41 PM",
        },
        StatusAnswer(
            job_status="CANCELED",
            file_id=FileId(48),
            execution_id=ExecutionId(4),
            stop_time="Sep 28, 2018 6:58:41 PM",
        ),
        id="status-canceled",
    ),
    pytest.param(
        wire.triggered,
        {
            "status": "success",
            "job-execution-id": 11,
            "job-execution-user": "admin",
            "job-execution-trigger": "RESTAPI",
        },
        TriggerAnswer(execution_id=ExecutionId(11), user="admin", trigger="RESTAPI"),
        id="triggered",
    ),
    pytest.param(
        wire.history,
        [{"id": 30, "jobStatus": "COMPLETED"}, {"id": 27, "jobStatus": "COMPLETED"}],
        tuple(HistoryEntry(execution_id=ExecutionId(n), job_status="COMPLETED") for n in (30, 27)),
        id="history",
    ),
    pytest.param(
        wire.details,
        {
            "startTime": "Jul 18, 2018 1:46:38 PM",
            "stopTime": "Jul 18, 2018 1:47:03 PM",
            "jobStatus": "COMPLETED",
            "jobConfigurationId": 4,
            "file": {"id": 6, "uuid": "f8d450cd-f065-4abb-a232-27cd20c48c2b"},
            "successCount": 7,
            "failureCount": 0,
            "counters": {"IMPORT_RECORDS": 7, "IMPORT_OUTPUT_BYTES": 4167, "IMPORT_DROPPED_RECORDS": 0},
        },
        JobDetails(
            job_status="COMPLETED",
            configuration_id=ConfigurationId(4),
            file_id=FileId(6),
            uuid="f8d450cd-f065-4abb-a232-27cd20c48c2b",
            start_time="Jul 18, 2018 1:46:38 PM",
            stop_time="Jul 18, 2018 1:47:03 PM",
            success_count=7,
            failure_count=0,
            counters={"IMPORT_RECORDS": 7, "IMPORT_OUTPUT_BYTES": 4167, "IMPORT_DROPPED_RECORDS": 0},
        ),
        id="details",
    ),
    pytest.param(
        wire.list_running,
        [
            {
                "jobStatus": "RUNNING",
                "fileName": "Workbook1",
                "jobName": "Workbook job",
                "fileId": 5,
                "uuid": "73b2800b-ed90-47ef-abdc-ce516a980173",
                "creationDate": 1580808994422,
                "jobExecutionId": 3,
                "dapJobConfigurationId": 4,
                "estimatedTime": 0,
                "startTime": 1582878238075,
            }
        ],
        (
            ActiveJob(
                execution_id=ExecutionId(3),
                job_status="RUNNING",
                file_id=FileId(5),
                uuid="73b2800b-ed90-47ef-abdc-ce516a980173",
                configuration_id=ConfigurationId(4),
                file_name="Workbook1",
                job_name="Workbook job",
                creation_date=1580808994422,
                start_time=1582878238075,
                estimated_time=0.0,
            ),
        ),
        id="list-running",
    ),
    pytest.param(
        wire.execution_plan,
        {
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
        ExecutionPlan(
            executions=(
                PlannedExecution(
                    execution_id=ExecutionId(16), configuration_id=ConfigurationId(3), name="apache_log", triggered=True
                ),
                PlannedExecution(
                    execution_id=ExecutionId(17),
                    configuration_id=ConfigurationId(4),
                    name="categorization",
                    triggered=True,
                ),
            )
        ),
        id="execution-plan",
    ),
    pytest.param(wire.deletion, {"status": True}, Deletion.MARKED, id="deletion-marked"),
    pytest.param(wire.deletion, {"status": False}, Deletion.ALREADY_GONE, id="deletion-already-gone"),
]


@pytest.mark.parametrize(("reader", "value", "expected"), VENDOR)
def test_the_vendors_example(reader: Reader, value: object, expected: object) -> None:
    assert read(reader, value) == expected


TOLERATED = [
    pytest.param(
        wire.status,
        {"jobStatus": "RUNNING", "jobExecutionId": "3", "fileId": 48, "new-key": {"x": []}},
        StatusAnswer(job_status="RUNNING", execution_id=ExecutionId(3), file_id=FileId(48)),
        id="status-in-camel-case-with-digits-and-news",
    ),
    pytest.param(wire.status, {"job-status": None}, StatusAnswer(job_status=""), id="status-null-is-no-word"),
    pytest.param(wire.status, {"job-status": 7}, StatusAnswer(job_status=""), id="status-number-is-no-word"),
    pytest.param(wire.status, {"job-status": " Fancy "}, StatusAnswer(job_status="Fancy"), id="16-status-nobody-knows"),
    pytest.param(
        wire.status,
        {"job-status": "RUNNING", "job-progress": "soon", "estimate-time": {}, "start-time": 5},
        StatusAnswer(job_status="RUNNING"),
        id="status-with-unreadable-hints",
    ),
    pytest.param(wire.history, [], (), id="history-empty"),
    pytest.param(wire.details, {"jobStatus": "RUNNING"}, JobDetails(job_status="RUNNING"), id="details-bare"),
    pytest.param(
        wire.details,
        {"jobStatus": "RUNNING", "file": None, "counters": None, "successCount": None, "jobConfigurationId": None},
        JobDetails(job_status="RUNNING"),
        id="details-all-null",
    ),
    pytest.param(
        wire.details,
        {"jobStatus": "ERROR", "file": "x", "counters": {"A": "7", "B": "x", "C": None, "D": 1.5, "E": 2.0}},
        JobDetails(job_status="ERROR", counters={"A": 7, "E": 2}),
        id="details-odd-counters",
    ),
    pytest.param(
        wire.list_running,
        [{"jobStatus": "QUEUED", "jobExecutionId": None}, {"jobStatus": "RUNNING", "jobExecutionId": 3}],
        (ActiveJob(execution_id=ExecutionId(3), job_status="RUNNING"),),
        id="list-running-without-an-id-yet",
    ),
    pytest.param(
        wire.execution_plan,
        {"executionPlan": [{"trigger": False, "jobConfigurationName": "a"}, {"jobExecutionId": 9}]},
        ExecutionPlan(
            executions=(
                PlannedExecution(execution_id=None, name="a", triggered=False),
                PlannedExecution(execution_id=ExecutionId(9)),
            )
        ),
        id="plan-with-one-that-was-not-started",
    ),
    pytest.param(wire.execution_plan, {"execution-plan": []}, ExecutionPlan(executions=()), id="plan-empty"),
    pytest.param(
        wire.triggered, {"job-execution-id": 11, "x": 1}, TriggerAnswer(execution_id=ExecutionId(11)), id="id-alone"
    ),
]


@pytest.mark.parametrize(("reader", "value", "expected"), TOLERATED)
def test_what_is_tolerated(reader: Reader, value: object, expected: object) -> None:
    assert read(reader, value) == expected


BAD_IDS: list[object] = [None, 0, -1, "eleven", "", True, 1.0, 2**63, [], {}]


@pytest.mark.parametrize("value", BAD_IDS, ids=repr)
def test_fault_11_a_trigger_without_an_id_to_swear_by_is_ambiguous(value: object) -> None:
    with pytest.raises(Undecodable, match="job-execution-id"):
        read(wire.triggered, {"status": "success", "job-execution-id": value})


@pytest.mark.parametrize("value", [bad for bad in BAD_IDS if bad is not None], ids=repr)
def test_fault_11_a_plan_with_an_unreadable_id_is_ambiguous(value: object) -> None:
    with pytest.raises(Undecodable):
        read(wire.execution_plan, {"execution-plan": [{"job-execution-id": 16}, {"job-execution-id": value}]})


UNREADABLE_IDS = [
    pytest.param(wire.status, {"job-status": "RUNNING", "job-execution-id": "x"}, id="status"),
    pytest.param(wire.history, [{"id": -1, "jobStatus": "COMPLETED"}], id="history"),
    pytest.param(wire.history, [{"id": None, "jobStatus": "COMPLETED"}], id="history-null"),
    pytest.param(wire.details, {"jobStatus": "RUNNING", "jobConfigurationId": True}, id="details"),
    pytest.param(wire.list_running, [{"jobStatus": "RUNNING", "jobExecutionId": 2**70}], id="list-running"),
]


@pytest.mark.parametrize(("reader", "value"), UNREADABLE_IDS)
def test_an_id_that_cannot_be_read_is_not_taken_for_none(reader: Reader, value: object) -> None:
    with pytest.raises(Undecodable):
        read(reader, value)


FOREIGN = [
    pytest.param(wire.status, [], id="status-is-a-list"),
    pytest.param(wire.status, {}, id="status-is-empty"),
    pytest.param(wire.status, {"status": "UP"}, id="status-is-a-health-check"),
    pytest.param(wire.status, "RUNNING", id="status-is-a-word"),
    pytest.param(wire.triggered, {"status": "success"}, id="trigger-without-the-key"),
    pytest.param(wire.triggered, True, id="trigger-is-true"),
    pytest.param(wire.history, {"id": 3}, id="history-is-an-object"),
    pytest.param(wire.history, [3], id="history-of-numbers"),
    pytest.param(wire.history, [{"id": 3}], id="history-without-status"),
    pytest.param(wire.details, {"error": 7}, id="details-without-status"),
    pytest.param(wire.list_running, {"jobs": []}, id="list-is-an-object"),
    pytest.param(wire.list_running, [None], id="list-of-null"),
    pytest.param(wire.execution_plan, {"status": "success"}, id="plan-missing"),
    pytest.param(wire.execution_plan, {"execution-plan": {"a": 1}}, id="plan-is-an-object"),
    pytest.param(wire.deletion, {"status": "true"}, id="deletion-is-text"),
    pytest.param(wire.deletion, {"status": 1}, id="deletion-is-a-number"),
    pytest.param(wire.deletion, {}, id="deletion-is-empty"),
]


@pytest.mark.parametrize(("reader", "value"), FOREIGN)
def test_a_shape_that_spectrum_never_sends(reader: Reader, value: object) -> None:
    with pytest.raises(NotSpectrum, match=r"GET http://host/x.*not from Spectrum"):
        read(reader, value)


def test_details_that_name_another_execution_are_not_those_that_were_asked_for() -> None:
    """Answers were mixed up on the way: the end of execution 9 was taken for that of 10."""
    told = {"job-status": "COMPLETED", "job-execution-id": 9}
    assert read(lambda answer: wire.details_of(answer, ExecutionId(9)), told).job_status == "COMPLETED"
    with pytest.raises(NotSpectrum, match="is about execution 9"):
        read(lambda answer: wire.details_of(answer, ExecutionId(10)), told)


READERS: list[Reader] = [
    wire.status,
    wire.history,
    wire.details,
    wire.list_running,
    wire.triggered,
    wire.execution_plan,
    wire.deletion,
]


@pytest.mark.parametrize("reader", READERS)
def test_an_empty_answer_is_a_lost_one(reader: Reader) -> None:
    with pytest.raises(Undecodable, match="empty"):
        read(reader, None)


KEYS = st.sampled_from(
    [
        "status",
        "job-status",
        "jobStatus",
        "id",
        "job-execution-id",
        "jobExecutionId",
        "file-id",
        "file",
        "counters",
        "uuid",
        "execution-plan",
        "trigger",
        "job-progress",
        "estimate-time",
        "start-time",
        "successCount",
        "jobConfigurationId",
        "x",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=8),  # lone surrogates included
    st.sampled_from(["success", "RUNNING", "11", "11s", "37%"]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=12,
)


@given(value=JSON, reader=st.sampled_from(READERS))
def test_no_json_makes_a_reader_raise_anything_but_a_client_error(value: object, reader: Reader) -> None:
    try:
        result = read(reader, value)
    except ClientError as error:
        assert "http://host/x" in str(error)  # noqa: PT017  (any outcome is fine, but only of these two kinds)
    else:
        repr(result).encode()
