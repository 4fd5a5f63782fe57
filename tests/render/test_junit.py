from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from lxml import etree

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import Cause, JobStatus, RunStatus
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.render.report.junit import junit_xml
from tests.render.foreign import checked, is_harmless, poisoned
from tests.report.runs import (
    RUNS,
    Run,
    attempt_ended,
    begun,
    ended,
    failed_run,
    finished,
    interrupted_run,
    job,
    pipeline,
    run_ended,
    running_run,
    started,
    succeeded_run,
    triggered,
    unfit_run,
    unknown_run,
)

XSD = etree.XMLSchema(etree.parse(str(Path(__file__).with_name("junit.xsd"))))
XML = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


def parsed(report: dict[str, Any]) -> etree._Element:
    """The document, as the schema of the dialect and a strict parser take it."""
    root = etree.fromstring(junit_xml(report).encode(), XML)
    XSD.assertValid(root)
    return root


def results(report: dict[str, Any]) -> dict[str, str]:
    """What a CI system makes of each case."""
    return {
        case.get("name", ""): next((one.tag for one in case if one.tag in {"failure", "error", "skipped"}), "passed")
        for case in parsed(report).iter("testcase")
    }


def only(root: etree._Element, tag: str) -> etree._Element:
    (found,) = root.iter(tag)
    return found


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_every_run_is_a_valid_document(make: Callable[[], Run]) -> None:
    report = make().report()
    root = parsed(report)
    suite = only(root, "testsuite")
    assert suite.get("name") == "nightly-sales"
    assert suite.get("timestamp") == "2026-11-23T15:04:05"
    assert float(suite.get("time", "")) == float(root.get("time", "")) == report["duration_seconds"]
    for tag in ("failures", "errors", "skipped"):
        found = sum(1 for _ in root.iter({"failures": "failure", "errors": "error"}.get(tag, tag)))
        assert int(suite.get(tag, "")) == int(root.get(tag, "")) == found
    assert int(root.get("tests", "")) == len(list(root.iter("testcase"))) >= len(report["jobs"])


def test_a_succeeded_run_is_green() -> None:
    assert set(results(succeeded_run().report()).values()) == {"passed", "skipped"}


@pytest.mark.parametrize("make", [m for name, m in RUNS.items() if name != "succeeded"])
def test_whatever_did_not_succeed_is_red(make: Callable[[], Run]) -> None:
    assert {"failure", "error"} & set(results(make().report()).values())


def test_what_ended_badly_is_a_failure_and_says_all() -> None:
    failure = only(parsed(failed_run().report()), "failure")
    assert failure.get("message") == "execution 14 ended ERROR, 3 failed records"
    assert failure.get("type") == "spectrum"
    assert (failure.text or "").splitlines() == [
        "execution 14 ended ERROR, 3 failed records",
        "in pipelines/nightly-sales.yaml:14: sequence /Data/sales.imp",
        "execution 13, 14",
        "attempt 1 failed: execution 13 ended ERROR, 3 failed records",
        "look: spectrum-pipelines job details 14 --server http://127.0.0.1:8080",
        "Next: find out why and mend it, then: spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080",
    ]


def test_a_case_knows_its_place_and_its_executions() -> None:
    case = next(one for one in parsed(failed_run().report()).iter("testcase") if one.get("name") == "sales")
    assert dict(case.attrib) == {
        "name": "sales",
        "classname": "nightly-sales",
        "time": "34.0",
        "file": "pipelines/nightly-sales.yaml",
        "line": "14",
    }
    assert {one.get("name"): one.get("value") for one in case.iter("property")} == {
        "status": "failed",
        "action": "sequence",
        "target": "/Data/sales.imp",
        "execution_id": "14",
        "execution_ids": "13, 14",
        "job_status": "ERROR",
        "attempts": "2",
    }


def test_what_was_not_run_is_skipped_with_its_reason() -> None:
    messages = [one.get("message") for one in parsed(failed_run().report()).iter("skipped")]
    assert messages == ["sales failed", "timeouts.finally is over"]


def test_what_is_left_of_an_interrupted_run() -> None:
    root = parsed(interrupted_run().report())
    errors = {one.getparent().get("name"): one.get("message") for one in root.iter("error")}  # type: ignore[union-attr]
    assert errors == {
        "orders": "interrupted by SIGTERM; the stop was not confirmed: execution 11 may still run",
        "customers": "the run ended before the answer to the trigger came: the job may run or not",
    }
    assert {one.get("message") for one in root.iter("skipped")} == {"not run: interrupted by SIGTERM"}


def test_an_unknown_is_an_error_that_says_what_to_type() -> None:
    error = only(parsed(unknown_run().report()), "error")
    assert error.get("type") == "ambiguous"
    assert (error.text or "").splitlines()[-4:] == [
        "candidates: execution 21, 22",
        "look: spectrum-pipelines job history --file /Data/orders.imp --server http://127.0.0.1:8080",
        "if it never started: spectrum-pipelines adopt 20261123T150405Z-7f3a orders --none --server http://127.0.0.1:8080",
        "Next: spectrum-pipelines adopt 20261123T150405Z-7f3a orders EXECUTION_ID --server http://127.0.0.1:8080",
    ]


def test_a_finding_of_the_pre_flight_stands_at_its_job() -> None:
    assert results(unfit_run().report()) == {
        "orders": "error",
        "customers": "skipped",
        "sales": "error",
        "copy": "skipped",
        "alert": "skipped",
        "cleanup": "skipped",
    }


def unreachable_run() -> Run:
    finding = ev.Finding(job=None, cause=Cause.UNREACHABLE, message="connection refused")
    run = Run(pipeline(job("a"))).add(started(), ev.PreflightFailed(findings=(finding,)))
    run.add(ev.JobSkipped(job=JobId("a"), cause=Cause.PREFLIGHT, reason="connection refused", tainted=True))
    return run.add(run_ended(RunStatus.FAILED, 3, "pre-flight: connection refused"))


def test_a_finding_against_the_server_is_a_case_of_its_own() -> None:
    report = unreachable_run().report()
    assert results(report) == {"a": "skipped", "(run)": "error"}
    assert only(parsed(report), "error").get("message") == "connection refused"


def test_a_run_that_goes_on_is_not_green() -> None:
    report = running_run().report()
    error = only(parsed(report), "error")
    assert error.get("message") == "nightly-sales running: it goes on, or its process died without a report"
    assert [one.get("message") for one in parsed(report).iter("skipped")] == ["still running"] * 2 + ["not run yet"] * 4


def timed_out(*, confirmed: bool) -> Run:
    run = begun(pipeline(job("a"))).add(*triggered("a", 11)).wait(60)
    if confirmed:
        run.add(finished("a", 11, "CANCELED"))
    cause = Cause.TIMEOUT if confirmed else Cause.STOP_UNCONFIRMED
    run.add(*ended("a", JobStatus.TIMED_OUT, "timeout of 60s is over", cause=cause))
    return run.add(run_ended(RunStatus.TIMED_OUT, 4))


@pytest.mark.parametrize(("confirmed", "result"), [(True, "failure"), (False, "error")])
def test_a_timeout_is_a_failure_if_its_stop_was_seen(*, confirmed: bool, result: str) -> None:
    assert results(timed_out(confirmed=confirmed).report()) == {"a": result}


def test_a_failure_that_is_allowed_leaves_a_green_run_green() -> None:
    run = begun(pipeline(job("a", allow_failure=True))).add(*triggered("a", 1), finished("a", 1, "ERROR"))
    run.add(*ended("a", JobStatus.FAILED, "execution 1 ended ERROR"), run_ended(RunStatus.SUCCEEDED, 0))
    assert results(run.report()) == {"a": "skipped"}
    assert only(parsed(run.report()), "skipped").get("message") == "a failed, which is allowed: execution 1 ended ERROR"


def test_an_unknown_is_never_allowed() -> None:
    run = begun(pipeline(job("a", allow_failure=True)))
    run.add(
        *triggered("a"), *ended("a", JobStatus.UNKNOWN, "?", cause=Cause.AMBIGUOUS), run_ended(RunStatus.UNKNOWN, 5)
    )
    assert results(run.report()) == {"a": "error"}


def test_warnings_are_visible() -> None:
    root = parsed(succeeded_run().report())
    told = "customers warned: execution 12 ended COMPLETED_WITH_WARNINGS, 2 failed records"
    assert told in [one.text for one in root.iter("system-out")]
    odd = parsed(running_run().report())
    assert (list(odd.iter("system-out"))[-1].text or "").startswith(
        "warning: orders: execution 11 has the status 'ODD'"
    )


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_49_foreign_texts_are_texts(make: Callable[[], Run]) -> None:
    root = parsed(poisoned(make().report()))
    assert {one.tag for one in root.iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out")
    }
    for text in texts(root):
        assert all(is_harmless(line) for line in text.split("\n")), text
    assert any("<img onerror=alert(1)>" in text for text in texts(root))


def texts(root: etree._Element) -> Iterator[str]:
    for node in root.iter():
        yield from map(str, node.attrib.values())
        yield node.text or ""


def test_names_stay_unique_when_they_look_the_same() -> None:
    report = succeeded_run().report()
    report["jobs"] = [
        {**one, "id": name} for one, name in zip(report["jobs"][:3], ("a\n", "a\\n", "(run)"), strict=True)
    ]
    report["critical_path"] = []
    assert list(results(checked(report))) == ["a\\n", "a\\n (2)", "(run)"]


def test_others_can_read_it() -> None:
    suites = list(JUnitXml.fromstring(junit_xml(failed_run().report()).encode()))
    assert [(suite.tests, suite.failures, suite.skipped) for suite in suites] == [(6, 1, 2)]


def test_thousands_of_jobs() -> None:
    run = begun(pipeline(*(job(f"j{number}") for number in range(3_000))))
    for name in run.state.jobs:
        run.add(
            ev.AttemptStarted(job=name, attempt=1), attempt_ended(name, JobStatus.SUCCEEDED), *list(ended(name))[1:]
        )
    assert len(results(run.add(run_ended(RunStatus.SUCCEEDED, 0)).report())) == 3_000
