import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.engine.sightings import JobReady
from spectrum_pipelines.errors import ExitCode
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS, JobId
from spectrum_pipelines.pipeline.model.pipeline import RunIf
from spectrum_pipelines.render.report.formats import FORMATS
from spectrum_pipelines.report.build import build_report, started_at
from spectrum_pipelines.report.job_texts import JobTexts
from spectrum_pipelines.report.json_text import report_chunks, report_json
from spectrum_pipelines.spectrum import Deletion, ExecutionId
from tests.report.checks import assert_valid_report
from tests.report.runs import (
    HTTP,
    RUN_ID,
    RUNS,
    SECRET,
    STARTED,
    Run,
    begun,
    changed,
    ended,
    failed_run,
    finished,
    intended,
    interrupted_run,
    job,
    pipeline,
    run_ended,
    running_run,
    sales_pipeline,
    skipped,
    started,
    succeeded_run,
    triggered,
    unfit_run,
    unknown_run,
)

#: What commands about these runs must be told.
ON = " --server http://127.0.0.1:8080"
#: Every report has them but those of version 0.1.0, which are read as well.
LATER = {"fragment", "state", "workspace", "rounds"}
#: The same of the report itself: `http` has always had `retries`.
LATER_AT_THE_TOP = LATER | {"retries", "off", "origin"}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_the_report_is_valid_after_every_single_fact(make: Callable[..., Run]) -> None:
    def check(_: object, state: object) -> None:
        assert_valid_report(run.report())

    run = make()
    facts = run.facts
    run = Run(sales_pipeline(), check)
    for fact in facts:
        run.at = fact.at
        run.add(fact.event)


def test_a_succeeded_run_in_full() -> None:
    report = succeeded_run().report()
    assert {key: value for key, value in report.items() if key != "jobs"} == {
        "report_version": 1,
        "tool_version": "0.1.0",
        "run_id": RUN_ID,
        "run_key": None,
        "status": "succeeded",
        "exit_code": 0,
        "reason": None,
        "next": None,
        "pipeline": {
            "name": "nightly-sales",
            "file": "pipelines/nightly-sales.yaml",
            "digest": "sha256:12ab",
            "git_commit": None,
        },
        "server": "http://127.0.0.1:8080",
        "state": None,
        "workspace": None,
        "origin": {},
        "environment": None,
        "only": [],
        "variables": {"region": "emea", "token": "***"},
        "started_at": "2026-11-23T15:04:05.000Z",
        "finished_at": "2026-11-23T15:04:18.750Z",
        "duration_seconds": 13.75,
        "resumptions": 0,
        "rounds": 0,
        "retries": [],
        "trace_id": None,
        "critical_path": ["customers", "sales", "copy", "cleanup"],
        "findings": [],
        "warnings": [],
        "http": {"requests": 17, "retries": 0},
    }
    orders, customers, sales, copy, alert, cleanup = report["jobs"]
    assert orders == {
        "id": "orders",
        "action": "trigger",
        "target": "/Data/orders.imp",
        "line": 12,
        "needs": [],
        "run_if": "all_success",
        "allow_failure": False,
        "finally": False,
        "status": "succeeded",
        "job_status": "COMPLETED",
        "execution_id": 11,
        "cause": "spectrum",
        "reason": None,
        "started_at": "2026-11-23T15:04:05.500Z",
        "finished_at": "2026-11-23T15:04:09.500Z",
        "duration_seconds": 4.0,
        "attempts": [{"attempt": 1, "status": "succeeded", "cause": "spectrum", "reason": None}],
        "executions": [
            {
                "attempt": 1,
                "execution_id": 11,
                "job_configuration_id": 4,
                "file_id": 6,
                "name": None,
                "job_status": "COMPLETED",
                "adopted": False,
                "adopted_by": None,
                "accepted_at": "2026-11-23T15:04:05.500Z",
                "running_at": "2026-11-23T15:04:06.500Z",
                "ended_at": "2026-11-23T15:04:09.500Z",
                "start_time": "Jul 18, 2018 1:46:38\u202fPM",
                "stop_time": "Jul 18, 2018 1:47:03\u202fPM",
                "success_count": 7,
                "failure_count": 0,
                "counters": {"IMPORT_RECORDS": 7},
            }
        ],
        "candidates": [],
        "data": [],
        "policy": {
            "timeout": 86_400.0,
            "queue_timeout": None,
            "warnings": "succeed",
            "on_running": "fail",
            "on_timeout": "stop",
            "on_ambiguous": "unknown",
            "ambiguous_grace": 15.0,
            "retry": {
                "limit": 0,
                "interval": 30.0,
                "factor": 2.0,
                "max_interval": 600.0,
                "jitter": 0.2,
                "max_duration": None,
                "when": ["failed", "timed_out"],
            },
        },
    }
    assert (customers["status"], customers["job_status"]) == ("warned", "COMPLETED_WITH_WARNINGS")
    assert [one["execution_id"] for one in sales["executions"]] == [16, 17]
    assert sales["execution_id"] == 17
    assert copy["target"] == "/Out/17"
    assert (alert["status"], alert["started_at"], alert["finished_at"]) == ("skipped", None, None)
    assert cleanup["target"] == "272, 273"
    assert cleanup["data"] == [{"data_id": 272, "deletion": "marked"}, {"data_id": 273, "deletion": "already gone"}]


def statuses(run: Run) -> dict[str, str]:
    return {entry["id"]: entry["status"] for entry in run.report()["jobs"]}


def entry(run: Run, name: str) -> dict[str, object]:
    found: dict[str, object] = next(one for one in run.report()["jobs"] if one["id"] == name)
    return found


def test_a_target_that_waits_for_another_job_stands_as_written() -> None:
    assert entry(begun(sales_pipeline()), "copy")["target"] == "/Out/${jobs.sales.execution_id}"
    assert entry(begun(sales_pipeline()), "sales")["target"] == "51, 52"


def test_every_attempt_and_every_execution_of_a_failed_job_is_told() -> None:
    report = failed_run().report()
    sales = report["jobs"][2]
    assert [(one["attempt"], one["status"]) for one in sales["attempts"]] == [(1, "failed"), (2, "failed")]
    assert [(one["attempt"], one["execution_id"]) for one in sales["executions"]] == [(1, 13), (2, 14)]
    assert sales["reason"] == "execution 14 ended ERROR, 3 failed records"
    assert sales["duration_seconds"] == 34.0
    assert report["reason"] == "1 of 6 jobs did not succeed: sales"
    assert report["critical_path"] == ["orders", "sales", "alert"]
    assert report["next"] == f"spectrum-pipelines retry {RUN_ID}{ON}"


def test_what_an_interruption_leaves_is_neither_green_nor_hidden() -> None:
    run = interrupted_run()
    assert statuses(run) == {
        "orders": "running",
        "customers": "unknown",
        "sales": "pending",
        "copy": "pending",
        "alert": "pending",
        "cleanup": "pending",
    }
    assert entry(run, "orders")["reason"] == (
        "interrupted by SIGTERM; the stop was not confirmed: execution 11 may still run"
    )
    assert entry(run, "customers")["reason"] == (
        "the run ended before the answer to the trigger came: the job may run or not"
    )
    assert run.report()["next"] == f"spectrum-pipelines resume {RUN_ID}{ON}"
    assert run.report()["exit_code"] == 143


def end(run: Run) -> Run:
    return run.add(run_ended(RunStatus.INTERRUPTED, 130, "interrupted by SIGINT"))


def ambiguous() -> Run:
    why = "no usable answer to the trigger: reset"
    return begun(sales_pipeline()).add(
        *intended("orders"), ev.TriggerAmbiguous(job=JobId("orders"), attempt=1, reason=why)
    )


def resting() -> Run:
    run = begun(sales_pipeline()).add(*triggered("orders", 11), finished("orders", 11, "ERROR"))
    failed = ev.AttemptEnded(
        job=JobId("orders"), attempt=1, status=JobStatus.FAILED, cause=Cause.SPECTRUM, reason="ended ERROR"
    )
    return run.add(failed, ev.RetryScheduled(job=JobId("orders"), attempt=2, wait=5.0))


def stopped() -> Run:
    run = begun(sales_pipeline()).add(*triggered("orders", 11), ev.AbortRequested(signal="SIGINT", detach=False))
    run.add(ev.StopRequested(job=JobId("orders"), cause=Cause.ABORT, reason="interrupted by SIGINT"))
    run.add(finished("orders", 11, "CANCELED"))
    return run.add(next(iter(ended("orders", JobStatus.CANCELED, "interrupted by SIGINT", cause=Cause.ABORT))))


def judged() -> Run:
    run = begun(sales_pipeline()).add(*triggered("orders", 11), finished("orders", 11))
    return run.add(next(iter(ended("orders"))))


def looking() -> Run:
    return begun(sales_pipeline()).add(ev.AttemptStarted(job=JobId("orders"), attempt=1))


UNFINISHED = [
    pytest.param(lambda: begun(sales_pipeline()), "pending", "pending", id="waits for its needs"),
    pytest.param(
        lambda: begun(sales_pipeline()).add(JobReady(job=JobId("orders"))), "pending", "pending", id="waits for a place"
    ),
    pytest.param(looking, "running", "pending", id="nothing was triggered yet"),
    pytest.param(
        lambda: begun(sales_pipeline()).add(*intended("orders")), "running", "unknown", id="the trigger may be out"
    ),
    pytest.param(ambiguous, "running", "unknown", id="the search has not ended"),
    pytest.param(
        lambda: begun(sales_pipeline()).add(*triggered("orders", 11)), "running", "running", id="detached, it runs on"
    ),
    pytest.param(resting, "running", "failed", id="failed, and nobody will try again"),
    pytest.param(stopped, "canceled", "canceled", id="stopped by the abort and seen stopped"),
    pytest.param(judged, "running", "succeeded", id="succeeded in the moment of the abort"),
]


@pytest.mark.parametrize(("make", "during", "after"), UNFINISHED)
def test_an_unfinished_job_is_what_is_left_of_it(make: Callable[[], Run], during: str, after: str) -> None:
    run = make()
    assert statuses(run)["orders"] == during
    assert statuses(end(run))["orders"] == after
    assert_valid_report(run.report())


def test_a_detached_execution_is_named() -> None:
    run = end(begun(sales_pipeline()).add(*triggered("orders", 11)))
    assert entry(run, "orders")["reason"] == "the run ended first: execution 11 may still run"


def silent() -> Run:
    run = begun(sales_pipeline()).add(*triggered("orders", 11))
    run.add(*ended("orders", JobStatus.TIMED_OUT, "no usable answer", cause=Cause.SILENCE))
    return run.add(run_ended(RunStatus.TIMED_OUT, 4))


def half_found() -> Run:
    """A sequence whose own file was found again, and nobody knows what it started."""
    run = begun(pipeline(job("publish[emea]"))).add(*triggered("publish[emea]", 31))
    run.add(finished("publish[emea]", 31), *ended("publish[emea]", JobStatus.UNKNOWN, cause=Cause.AMBIGUOUS))
    return run.add(run_ended(RunStatus.UNKNOWN, 5))


NEXT = [
    pytest.param(succeeded_run, None, id="nothing to do"),
    pytest.param(running_run, None, id="it goes on"),
    pytest.param(unfit_run, None, id="the pipeline has to be mended"),
    pytest.param(interrupted_run, f"resume {RUN_ID}", id="interrupted"),
    pytest.param(unknown_run, f"adopt {RUN_ID} orders EXECUTION_ID", id="two candidates: a person must choose"),
    pytest.param(lambda: unknown_run(candidates=(21,)), f"adopt {RUN_ID} orders 21", id="one candidate"),
    pytest.param(half_found, f"adopt {RUN_ID} 'publish[emea]' 31", id="the shell must not read the brackets"),
    pytest.param(silent, f"resume {RUN_ID}", id="its id is known: follow it again"),
]


@pytest.mark.parametrize(("make", "command"), NEXT)
def test_the_command_to_type_next(make: Callable[[], Run], command: str | None) -> None:
    assert make().report()["next"] == (command and f"spectrum-pipelines {command}{ON}")


def test_candidates_and_findings_are_told() -> None:
    assert entry(unknown_run(), "orders")["candidates"] == [21, 22]
    report = unfit_run().report()
    assert [(one["job"], one["cause"]) for one in report["findings"]] == [("orders", "missing"), ("sales", "busy")]
    assert report["exit_code"] == 2


def test_a_running_run_has_a_duration_and_no_end() -> None:
    report = running_run().report()
    assert (report["status"], report["finished_at"], report["duration_seconds"]) == ("running", None, 11.5)
    assert report["warnings"][0]["code"] == "unrecognized-status"


def test_an_adopted_execution_says_how() -> None:
    one = ev.StartedExecution(execution_id=ExecutionId(21), name="apache_log")
    adopted = ev.Adopted(job=JobId("orders"), attempt=1, executions=(one,), by=AdoptedBy.RECONCILED)
    execution = ambiguous().add(adopted).report()["jobs"][0]["executions"][0]
    assert (execution["adopted"], execution["adopted_by"]) == (True, "reconciled")
    assert (execution["name"], execution["start_time"]) == ("apache_log", None)


def test_a_part_of_a_pipeline_says_that_it_is_one() -> None:
    report = Run(sales_pipeline()).add(started(only=("+sales", "alert"))).report()
    assert_valid_report(report)
    assert report["only"] == ["+sales", "alert"]


def test_a_resumed_run_is_running_again_and_says_so() -> None:
    run = interrupted_run().wait(60).add(ev.Resumed())
    report = run.report()
    assert (report["status"], report["resumptions"], report["reason"], report["next"]) == ("running", 1, None, None)
    assert report["duration_seconds"] == 66.0


def test_the_blame_is_cut_short() -> None:
    run = begun(pipeline(*(job(f"j{n}") for n in range(9)), job("may", allow_failure=True)))
    for name in run.state.jobs:
        run.add(ev.AttemptStarted(job=name, attempt=1), *ended(name, JobStatus.FAILED, "ERROR"))
    report = run.add(run_ended(RunStatus.FAILED, 1)).report()
    assert report["reason"] == "9 of 10 jobs did not succeed: j0, j1, j2, j3, j4 and 4 more"


def test_a_timeout_of_the_pipeline_is_a_reason_of_its_own() -> None:
    run = begun(sales_pipeline()).add(ev.PipelineTimedOut(during_finally=False))
    assert run.add(run_ended(RunStatus.TIMED_OUT, 4)).report()["reason"] == "timeouts.pipeline is over"


def test_the_critical_path_passes_through_skipped_jobs_without_naming_them() -> None:
    run = begun(pipeline(job("a"), job("b", "a"), job("c", "b", run_if=RunIf.ANY_FAILED)))
    run.add(*triggered("a", 1)).wait(2).add(*ended("a", JobStatus.FAILED, "ERROR"), skipped("b", "a failed"))
    run.add(*triggered("c", 2)).wait(1).add(*ended("c"), run_ended(RunStatus.FAILED, 1))
    assert run.report()["critical_path"] == ["a", "c"]


def test_no_secret_value_is_in_the_report() -> None:
    run = begun(sales_pipeline()).add(*triggered("orders", 11, target=f"/Data/{SECRET}.imp"))
    run.add(changed("orders", 11, f"ODD {SECRET}"), ev.Warned(code="x", message=f"says {SECRET}", job=JobId("orders")))
    run.add(*ended("orders", JobStatus.FAILED, f"the server says {SECRET}"))
    run.add(run_ended(RunStatus.FAILED, 1, f"because of {SECRET}"))
    assert run.state.facts is not None
    run.state.facts = replace(run.state.facts, server=f"https://{SECRET}.example.com")
    text = report_json(run.report())
    assert SECRET not in text
    assert text.count("***") >= 6


def test_the_wall_clock_of_a_report_begins_with_the_first_fact() -> None:
    run = Run(sales_pipeline()).wait(0.25).add(started())
    assert started_at(run.facts[0]) == STARTED


def test_values_that_json_does_not_know_become_text() -> None:
    run = Run(sales_pipeline()).add(started())
    assert run.state.facts is not None
    run.state.facts = replace(run.state.facts, variables={"x": float("inf")})
    assert run.report()["variables"] == {"x": "inf"}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_the_text_says_the_same_as_the_report(make: Callable[..., Run]) -> None:
    report = make().report()
    assert json.loads(report_json(report)) == report


def test_the_text_holds_nothing_that_a_log_would_obey() -> None:
    run = begun(sales_pipeline())
    hostile = "##vso[task.setvariable]x\r\n::error::\x1b[31m\u202e"
    run.add(ev.AttemptStarted(job=JobId("orders"), attempt=1), *ended("orders", JobStatus.FAILED, hostile))
    text = report_json(run.report())
    assert text.isascii()
    assert "##" not in text
    assert "\x1b" not in text
    assert "\r" not in text
    assert json.loads(text)["jobs"][0]["reason"] == hostile


def test_words_of_the_code_and_of_the_schema_are_the_same() -> None:
    schema = load_schema("run-report")
    assert schema["$id"] == "https://spectrum-pipelines.dev/schemas/run-report-1.json"
    top = schema["properties"]
    parts = {name: part["properties"] for name, part in schema["definitions"].items()}
    assert set(top["status"]["enum"]) == {it.value for it in RunStatus}
    assert set(top["exit_code"]["enum"]) == {*map(int, ExitCode), None}
    assert set(parts["job"]["status"]["enum"]) == {it.value for it in JobStatus}
    assert set(parts["attempt"]["status"]["enum"]) == {it.value for it in JobStatus}
    causes = {it.value for it in Cause}
    assert set(parts["job"]["cause"]["enum"]) == {*causes, None}
    assert set(parts["attempt"]["cause"]["enum"]) == set(parts["finding"]["cause"]["enum"]) == causes
    assert set(parts["execution"]["adopted_by"]["enum"]) == {*(it.value for it in AdoptedBy), None}
    assert set(parts["job"]["action"]["enum"]) == set(ACTION_WORDS.values())
    assert set(parts["job"]["run_if"]["enum"]) == {it.value for it in RunIf}
    assert set(parts["data"]["deletion"]["enum"]) == {it.value for it in Deletion}


def test_everything_in_the_schema_is_described_required_and_closed() -> None:
    schema = load_schema("run-report")
    for part in (schema, *schema["definitions"].values()):
        assert part["description"]
        assert part["additionalProperties"] is False
        assert part["required"] == [
            name for name in part["properties"] if name not in (LATER_AT_THE_TOP if part is schema else LATER)
        ]
        for name, it in part["properties"].items():
            assert "$ref" in it or (it["description"] and it["examples"]), name


def _texts(kept: JobTexts, run: Run) -> list[bytes]:
    return list(kept.of(run.state, STARTED))


def test_an_update_renders_only_the_jobs_that_changed() -> None:
    run, kept = running_run(), JobTexts()
    first = _texts(kept, run)
    assert b"".join(report_chunks(run.report(), first)).decode() == report_json(run.report())
    run.add(changed("orders", 11, "QUEUED"))
    second = _texts(kept, run)
    same = {json.loads(one)["id"] for one, other in zip(first, second, strict=True) if one is other}
    assert same == {"customers", "sales", "copy", "alert", "cleanup"}
    assert b"".join(report_chunks(run.report(), second)).decode() == report_json(run.report())


def test_the_end_of_the_run_renders_unfinished_jobs_anew() -> None:
    run, kept = begun(sales_pipeline()).add(*intended("orders")), JobTexts()
    assert json.loads(_texts(kept, run)[0])["status"] == "running"
    assert json.loads(_texts(kept, end(run))[0])["status"] == "unknown"


def test_ten_thousand_jobs_in_a_chain_are_no_trouble() -> None:
    names = [f"job{number}" for number in range(10_000)]
    chain = [job(name, *names[max(0, at - 1) : at]) for at, name in enumerate(names)]
    run, kept = begun(pipeline(*chain)), JobTexts()
    for name in names:
        run.wait(0.001).add(ev.AttemptStarted(job=JobId(name), attempt=1), *ended(name))
    report = build_report(run.state, started_at=STARTED, now_at=run.at, http=HTTP, jobs=[])
    assert report["critical_path"] == names
    first, again = _texts(kept, run), _texts(kept, run)
    assert all(new is old for new, old in zip(again, first, strict=True)), "nothing is rendered anew"


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_store_that_no_command_can_open_stands_in_no_command(make: Callable[..., Run]) -> None:
    run = make()
    assert run.state.facts is not None
    run.state.facts = replace(run.state.facts, state_dir="<memory>")
    report = run.report()
    assert_valid_report(report)
    assert report["next"] is None
    for form in FORMATS.values():
        assert "--state" not in form.render(report)
