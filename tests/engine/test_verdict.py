from typing import Any

import pytest

from spectrum_pipelines.engine.job.verdict import judge
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus
from spectrum_pipelines.engine.state.execution import Execution
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Policy, Warnings
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
            {},
            "duration is 1m, expected at most 59s 500ms",
            id="a duration that is too long reads as a duration",
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


@pytest.mark.parametrize("words", [["COMPLETED"], ["COMPLETED", "COMPLETED"]], ids=["one", "a sequence"])
def test_counts_and_counters_are_summed_over_a_sequence(words: list[str]) -> None:
    total = 7 * len(words)
    expect = Expect(
        success_count=Bound(min=total, max=total),
        failure_count=Bound(max=len(words)),
        counters={"IMPORT_RECORDS": Bound(min=total, max=total)},
    )
    ran = _ran(*words, success_count=7, failure_count=1, counters={"IMPORT_RECORDS": 7})
    assert judge(ran, _SUCCEED, expect).status is JobStatus.SUCCEEDED


def test_a_member_of_a_sequence_that_reports_nothing_adds_nothing() -> None:
    ran = [*_ran("COMPLETED", success_count=7), *_ran("COMPLETED")]
    assert judge(ran, _SUCCEED, Expect(success_count=Bound(min=7, max=7))).status is JobStatus.SUCCEEDED


def test_an_expected_status_accepts_warnings_that_the_policy_would_not() -> None:
    expect = Expect(status=frozenset({"COMPLETED", "COMPLETED_WITH_WARNINGS"}))
    assert judge(_ran("COMPLETED_WITH_Warnings"), _FAIL, expect).status is JobStatus.WARNED


def test_no_gate_makes_a_failure_good() -> None:
    verdict = judge(_ran("ERROR", failure_count=0), _SUCCEED, Expect(failure_count=Bound(max=0)))
    assert verdict.status is JobStatus.FAILED
    assert verdict.cause is Cause.SPECTRUM
