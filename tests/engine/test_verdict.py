from typing import Any

import pytest

from spectrum_pipelines.engine.job.verdict import judge
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Policy, Total, Warnings
from spectrum_pipelines.spectrum import ExecutionId

_SUCCEED, _FAIL = Policy(warnings=Warnings.SUCCEED), Policy(warnings=Warnings.FAIL)


def _ran(*words: str, **facts: Any) -> list[Execution]:
    base: dict[str, Any] = {"attempt": 1, "accepted_at": 10.0, "ended_at": 70.0, **facts}
    return [Execution(execution_id=ExecutionId(11 + n), job_status=word, **base) for n, word in enumerate(words)]


@pytest.mark.parametrize(
    ("words", "policy", "status", "cause", "reason"),
    [
        pytest.param(["COMPLETED"], _SUCCEED, "SUCCEEDED", "SPECTRUM", None, id="done"),
        pytest.param(["completed"], _SUCCEED, "SUCCEEDED", "SPECTRUM", None, id="in any case"),
        pytest.param(["ERROR"], _SUCCEED, "FAILED", "SPECTRUM", "execution 11 ended ERROR", id="failed"),
        pytest.param(["CANCELLED"], _SUCCEED, "CANCELED", "SPECTRUM", "execution 11 ended CANCELLED", id="two l"),
        pytest.param(
            ["COMPLETED_WITH_Warnings"],
            _SUCCEED,
            "WARNED",
            "SPECTRUM",
            "execution 11 ended COMPLETED_WITH_Warnings",
            id="warnings succeed, and are seen",
        ),
        pytest.param(
            ["COMPLETED_WITH_WARNINGS"],
            _FAIL,
            "FAILED",
            "WARNINGS",
            "execution 11 ended COMPLETED_WITH_WARNINGS",
            id="warnings fail where the policy says so",
        ),
        pytest.param(
            ["COMPLETED", "ERROR", "CANCELED"],
            _SUCCEED,
            "FAILED",
            "SPECTRUM",
            "execution 12 ended ERROR",
            id="in a sequence an error is the culprit, not what was canceled behind it",
        ),
        pytest.param(
            ["COMPLETED", "CANCELED"],
            _SUCCEED,
            "CANCELED",
            "SPECTRUM",
            "execution 12 ended CANCELED",
            id="one canceled member cancels the sequence",
        ),
        pytest.param(
            ["COMPLETED", "COMPLETED_WITH_WARNINGS", "COMPLETED_WITH_WARNINGS"],
            _SUCCEED,
            "WARNED",
            "SPECTRUM",
            "execution 12 ended COMPLETED_WITH_WARNINGS; execution 13 ended COMPLETED_WITH_WARNINGS",
            id="each warning is named",
        ),
    ],
)
def test_status_words(words: list[str], policy: Policy, status: str, cause: str, reason: str | None) -> None:
    verdict = judge(_ran(*words), policy, None)
    assert (verdict.status, verdict.cause, verdict.reason) == (JobStatus[status], Cause[cause], reason)


def test_a_reason_names_the_job_and_its_failed_records() -> None:
    verdict = judge(_ran("ERROR", name="apache_log", failure_count=3), _SUCCEED, None)
    assert verdict.reason == "execution 11 (apache_log) ended ERROR, 3 failed records"


_ATTACHED: dict[str, Any] = {"adopted": AdoptedBy.ATTACHED}


@pytest.mark.parametrize(
    ("expect", "facts", "broken"),
    [
        pytest.param(Expect(failure_count=Bound(max=0)), {"failure_count": 0}, None, id="on the edge is within"),
        pytest.param(
            Expect(failure_count=Bound(max=0)),
            {"failure_count": 2},
            "failure_count is 2, expected at most 0",
            id="too many failures",
        ),
        pytest.param(
            Expect(success_count=Bound(min=1)),
            {"success_count": 0},
            "success_count is 0, expected at least 1",
            id="too few records",
        ),
        pytest.param(
            Expect(success_count=Bound(min=10_000_000)),
            {"success_count": 9_999_999},
            "success_count is 9999999, expected at least 10000000",
            id="large counts are written out",
        ),
        pytest.param(
            Expect(success_count=Bound(min=1)),
            {},
            "success_count was not reported, so its gate cannot hold",
            id="a count that is not reported cannot hold",
        ),
        pytest.param(
            Expect(counters={"IMPORT_RECORDS": Bound(min=1)}),
            {"counters": {"EXPORT_RECORDS": 7}},
            "counter IMPORT_RECORDS was not reported, so its gate cannot hold",
            id="a counter that is missing cannot hold",
        ),
        pytest.param(
            Expect(counters={"B": Bound(max=1), "A": Bound(min=5, max=9)}),
            {"counters": {"A": 10, "B": 2}},
            "counter A is 10, expected at most 9; counter B is 2, expected at most 1",
            id="all broken gates are told, by name",
        ),
        pytest.param(Expect(duration=Bound(max=60)), {}, None, id="a duration within: it ran 60 s"),
        pytest.param(
            Expect(duration=Bound(max=59.5)),
            {"run_seconds": 60.0},
            "duration is 1m, expected at most 59s 500ms",
            id="a duration that is too long reads as a duration",
        ),
        pytest.param(
            Expect(duration=Bound(max=2)),
            {"run_seconds": 0.3},
            None,
            id="late answers do not make a job slow: the server's own times count",
        ),
        pytest.param(
            Expect(duration=Bound(max=59)),
            {**_ATTACHED, "run_seconds": 30.0},
            None,
            id="what we did not start is measured by the server's own times",
        ),
        pytest.param(
            Expect(duration=Bound(max=59)),
            _ATTACHED,
            "duration was not reported, so its gate cannot hold",
            id="and if those cannot be read the gate cannot hold",
        ),
        pytest.param(
            Expect(age=Bound(max=86_400)),
            {"stop_age": 90_000.0},
            "age is 1d 1h, expected at most 1d",
            id="too old",
        ),
        pytest.param(Expect(age=Bound(max=86_400)), {"stop_age": 3.0}, None, id="fresh"),
        pytest.param(
            Expect(age=Bound(max=3600)),
            {"stop_age": -72_000.0},
            "age cannot be told: the server's stop time lies 20h ahead, so its gate cannot hold "
            "(the server's clock or `server.timezone` is wrong)",
            id="a stop in time to come is not young",
        ),
        pytest.param(
            Expect(age=Bound(min=0, max=3600)),
            {"stop_age": -599.5},
            "age cannot be told: the server's stop time lies 10m ahead, so its gate cannot hold "
            "(the server's clock or `server.timezone` is wrong)",
            id="nor too young: no text tells an age below zero",
        ),
        pytest.param(Expect(age=Bound(min=0, max=3600)), {"stop_age": -299.0}, None, id="clocks differ a little"),
        pytest.param(
            Expect(age=Bound(min=60)),
            {"stop_age": -299.0},
            "age is 0s, expected at least 1m",
            id="and what has just ended is of no age",
        ),
        pytest.param(
            Expect(age=Bound(max=86_400)),
            {},
            "age was not reported, so its gate cannot hold",
            id="an unreadable stop time cannot be young",
        ),
        pytest.param(
            Expect(status=frozenset({"COMPLETED_WITH_WARNINGS"})),
            {},
            "expected status COMPLETED_WITH_WARNINGS, found COMPLETED",
            id="a status gate is about the word itself",
        ),
    ],
)
def test_gates(expect: Expect, facts: dict[str, Any], broken: str | None) -> None:
    verdict = judge(_ran("COMPLETED", **facts), _SUCCEED, expect)
    if broken is None:
        assert verdict.status is JobStatus.SUCCEEDED
    else:
        assert (verdict.status, verdict.cause, verdict.reason) == (JobStatus.FAILED, Cause.GATE, broken)


_TWO = [
    *_ran("COMPLETED", success_count=7, failure_count=0, counters={"IMPORT_RECORDS": 7}, name="load"),
    Execution(
        execution_id=ExecutionId(12),
        attempt=1,
        accepted_at=10.0,
        ended_at=70.0,
        job_status="COMPLETED",
        success_count=0,
        failure_count=1,
        counters={"EXPORT_RECORDS": 0},
    ),
]


@pytest.mark.parametrize(
    ("expect", "broken"),
    [
        pytest.param(
            Expect(success_count=Bound(min=1)),
            "execution 12: success_count is 0, expected at least 1",
            id="a member without records is not made good by another",
        ),
        pytest.param(Expect(success_count=Bound(min=0), failure_count=Bound(max=1)), None, id="each member is within"),
        pytest.param(Expect(counters={"IMPORT_RECORDS": Bound(min=1)}), None, id="a counter of those that have it"),
        pytest.param(
            Expect(counters={"OTHER": Bound(min=1)}),
            "counter OTHER was not reported, so its gate cannot hold",
            id="a counter that no member has",
        ),
        pytest.param(Expect(total=Total(success_count=Bound(min=7, max=7))), None, id="a total"),
        pytest.param(
            Expect(total=Total(success_count=Bound(min=8), failure_count=Bound(max=0), counters={"X": Bound(min=1)})),
            "the total success_count is 7, expected at least 8; the total failure_count is 1, expected at most 0; "
            "the total of counter X was not reported, so its gate cannot hold",
            id="totals that do not hold",
        ),
        pytest.param(
            Expect(duration=Bound(max=59)),
            "execution 11 (load): duration is 1m (measured here: the server's own times cannot be read), expected at most 59s; "
            "execution 12: duration is 1m (measured here: the server's own times cannot be read), expected at most 59s",
            id="a duration of each",
        ),
    ],
)
def test_gates_hold_for_each_execution_of_a_sequence_and_totals_for_all(expect: Expect, broken: str | None) -> None:
    verdict = judge(_TWO, _SUCCEED, expect)
    assert (verdict.status is JobStatus.SUCCEEDED, verdict.reason) == (broken is None, broken)


def test_a_member_that_reports_no_count_misses_its_gate() -> None:
    ran = [*_ran("COMPLETED", success_count=7), *_ran("COMPLETED")]
    verdict = judge(ran, _SUCCEED, Expect(success_count=Bound(min=7)))
    assert verdict.reason == "execution 11: success_count was not reported, so its gate cannot hold"


def test_an_expected_status_accepts_warnings_that_the_policy_would_not() -> None:
    expect = Expect(status=frozenset({"COMPLETED", "COMPLETED_WITH_WARNINGS"}))
    assert judge(_ran("COMPLETED_WITH_Warnings"), _FAIL, expect).status is JobStatus.WARNED


def test_no_gate_makes_a_failure_good() -> None:
    verdict = judge(_ran("ERROR", failure_count=0), _SUCCEED, Expect(failure_count=Bound(max=0)))
    assert verdict.status is JobStatus.FAILED
    assert verdict.cause is Cause.SPECTRUM
