"""`adopt`: a person settles an `unknown`, and `resume` goes on with it."""

import json
from typing import Any

import pytest

from tests.faults import misbehaviour as mis
from tests.faults.checks import Outcome
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.conftest import Begin, Serve
from tests.faults.project import Project
from tests.faults.spectrum_server import ENDLESS, FAILS, USER, Exchange, Fault, File, SpectrumServer, honest


@pytest.fixture
def unknown(project: Project, server: SpectrumServer) -> Outcome:
    """A run whose trigger was lost on its way; the request arrived after all, long after anybody looked."""
    server.had(48)
    server.misbehave("trigger", mis.close)
    project.jobs(load={"trigger": 48}, more={"trigger": 48, "needs": ["load"]})
    outcome = project.run()
    assert outcome.code == 5
    server.start(48, user=USER)
    return outcome


def test_an_execution_is_settled_and_the_run_goes_on(
    project: Project, server: SpectrumServer, unknown: Outcome
) -> None:
    settled = project.adopt(unknown.run_id, "load", 12)
    assert settled.code == 0, settled.stderr
    assert f"spectrum-pipelines resume {unknown.run_id}" in settled.stderr
    again = project.resume(unknown.run_id)
    assert again.code == 0, again.stderr
    assert again.job("load")["executions"][0]["adopted_by"] == "settled"
    assert again.job("more")["status"] == "succeeded"
    assert server.started() == {48: 2}


def told(project: Project, run_id: str | None) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(
        project.call("report", str(run_id), "--state-dir", str(project.state), "--format", "json").stdout
    )
    return report


def test_what_was_settled_is_told_before_anybody_goes_on(project: Project, unknown: Outcome) -> None:
    assert project.adopt(unknown.run_id, "load", "--none").code == 0
    report = told(project, unknown.run_id)
    load, _ = report["jobs"]
    assert (report["status"], load["status"]) == ("interrupted", "pending")
    assert "load never started" in report["reason"]
    assert "started nothing" in load["reason"]
    assert "may still run" not in str(report)
    assert f"spectrum-pipelines resume {unknown.run_id}" in report["next"]
    assert project.adopt(unknown.run_id, "load", 12).code == 0
    report = told(project, unknown.run_id)
    assert report["jobs"][0]["executions"][0]["execution_id"] == 12
    assert "load is execution 12" in report["reason"]
    assert project.adopt(unknown.run_id, "load", "--none").code == 0
    assert told(project, unknown.run_id)["jobs"][0]["status"] == "pending"


MISTAKES = [
    pytest.param([None, 12], id="never started, then the execution"),
    pytest.param([13, 12], id="another execution first"),
    pytest.param([12, None, 13, 12], id="to and fro"),
]


@pytest.mark.parametrize("words", MISTAKES)
def test_a_mistake_is_settled_anew_as_long_as_nobody_has_gone_on(
    project: Project, server: SpectrumServer, unknown: Outcome, words: list[int | None]
) -> None:
    spare = server.start(48)
    assert spare.id == 13
    for one in server.executions:
        one.become("COMPLETED")
    for word in words:
        settled = project.adopt(unknown.run_id, "load", "--none" if word is None else word)
        assert settled.code == 0, settled.stderr
    again = project.resume(unknown.run_id)
    assert again.code == 0, again.stderr
    ids = [one["execution_id"] for one in again.job("load")["executions"]]
    assert ids == [12]
    late = project.adopt(unknown.run_id, "load", "--none")
    assert (late.code, "is not unknown but succeeded" in late.stderr) == (2, True)


@pytest.mark.parametrize("execution", [11, 99], ids=["was there before", "is none"])
def test_what_was_there_before_is_refused_after_a_mistake_too(
    project: Project, unknown: Outcome, execution: int
) -> None:
    assert project.adopt(unknown.run_id, "load", "--none").code == 0
    assert project.adopt(unknown.run_id, "load", execution).code in {1, 2}


REFUSED = [
    ("load", 11, "was there before this run triggered"),
    ("load", 99, "not found"),
    ("more", 12, "is not unknown but skipped"),
    ("laod", 12, "did you mean `load`?"),
]


@pytest.mark.parametrize(("job", "execution", "told"), REFUSED)
def test_what_cannot_be_the_jobs_is_refused(
    project: Project, unknown: Outcome, job: str, execution: int, told: str
) -> None:
    outcome = project.adopt(unknown.run_id, job, execution)
    assert outcome.code in {1, 2}
    assert told in outcome.stderr
    assert outcome.facts == unknown.facts


def test_the_execution_of_another_file_is_refused(project: Project, server: SpectrumServer, unknown: Outcome) -> None:
    server.files[49] = File(id=49, path="/other")
    stranger = server.start(49)
    assert project.resume(unknown.run_id).code == 5
    outcome = project.adopt(unknown.run_id, "load", stranger.id)
    assert outcome.code == 2
    assert "belongs to file 49" in outcome.stderr


def without_details_of_the_file(*, configuration: bool) -> Fault:
    """Details that say neither the file nor, if wanted, the job configuration."""
    left_out = {"file"} if configuration else {"file", "jobConfigurationId"}
    return mis.edited(lambda answer: {key: value for key, value in answer.items() if key not in left_out})


@pytest.mark.parametrize("configuration", [True, False], ids=["its configuration is told", "nothing is told"])
@pytest.mark.parametrize("target", [48, "/Data/orders.imp", "f8d450cd-f065-4abb-a232-000000000048"])
def test_a_foreign_execution_whose_file_is_not_told_is_refused(
    project: Project, server: SpectrumServer, *, configuration: bool, target: int | str
) -> None:
    server.had(48)
    server.misbehave("trigger", mis.close)
    project.jobs(load={"trigger": target})
    unknown = project.run()
    assert unknown.code == 5
    server.files[49] = File(id=49, path="/other")
    stranger = server.start(49)
    stranger.become("COMPLETED")
    server.always("details", without_details_of_the_file(configuration=configuration))
    outcome = project.adopt(unknown.run_id, "load", stranger.id)
    assert outcome.code == 2
    told = "belongs to job configuration 1049" if configuration else "does not say which file execution 12 is of"
    assert told in outcome.stderr
    assert outcome.facts == unknown.facts
    if not configuration:
        assert f"spectrum-pipelines adopt {unknown.run_id} load 12 --yes" in outcome.stderr
        assert project.adopt(unknown.run_id, "load", stranger.id, "--yes").code == 0


@pytest.mark.parametrize("later", [False, True], ids=["the latest", "not the latest"])
@pytest.mark.parametrize("target", [48, "/Data/orders.imp"])
def test_our_execution_is_taken_where_details_do_not_tell_its_file(
    project: Project, server: SpectrumServer, *, later: bool, target: int | str
) -> None:
    server.misbehave("trigger", mis.close)
    project.jobs(load={"trigger": target})
    unknown = project.run()
    ours = server.start(48, user=USER)
    ours.become("COMPLETED")
    if later:
        server.start(48).become("COMPLETED")
    server.always("details", without_details_of_the_file(configuration=True))
    outcome = project.adopt(unknown.run_id, "load", ours.id)
    assert outcome.code == 0, outcome.stderr


def test_a_foreign_execution_is_refused_where_the_jobs_file_never_ran(project: Project, server: SpectrumServer) -> None:
    server.misbehave("trigger", mis.close)
    project.jobs(load={"trigger": "/Data/orders.imp"})
    unknown = project.run()
    server.files[49] = File(id=49, path="/other")
    outcome = project.adopt(unknown.run_id, "load", server.start(49).id)
    assert outcome.code == 2
    assert "nothing shows that it is one of /Data/orders.imp" in outcome.stderr


def test_a_member_of_a_sequence_whose_plan_was_lost_is_adopted_with_a_warning(serve: Serve, begin: Begin) -> None:
    """What is downstream ran on, and failed: the run is green by what a person said, and says so."""
    server = serve(File(id=48, path="/orders", downstream=[49]), File(id=49, path="/sales", timelines=[FAILS]))
    server.misbehave("sequence", mis.handled(mis.close))
    project = begin(server)
    project.jobs(load={"sequence": [48], "ambiguous_grace": "1s"})
    unknown = project.run()
    assert unknown.code == 5
    said = " ".join(unknown.stderr.split())
    assert "judged by this execution alone, and what else its trigger started downstream is in no report" in said
    assert "look with `job list` and `job history` first, and name all ids, then: spectrum-pipelines adopt" in said
    settled = project.adopt(unknown.run_id, "load", 11)
    assert settled.code == 0, settled.stderr
    assert "warning: the execution plan was lost, and execution 11 was adopted by hand" in settled.stderr
    again = project.resume(unknown.run_id)
    assert again.code == 0, again.stderr
    assert again.report is not None
    (warning,) = again.report["warnings"]
    assert (warning["code"], warning["job"]) == ("adopted-without-plan", "load")
    assert "judged by execution 11 alone" in warning["message"]


def test_all_that_a_sequence_started_is_adopted_together(serve: Serve, begin: Begin) -> None:
    """Nothing but the lost plan names what is downstream: a person vouches for it, and the job is judged by all of them."""
    server = serve(File(id=48, path="/orders", downstream=[49]), File(id=49, path="/sales", timelines=[FAILS]))
    server.misbehave("sequence", mis.handled(mis.close))
    project = begin(server)
    project.jobs(load={"sequence": [48], "ambiguous_grace": "1s"})
    unknown = project.run()
    refused = project.adopt(unknown.run_id, "load", 11, "12")
    assert refused.code == 2
    assert "execution 12 belongs to file 49, and nothing shows that it is downstream of 48" in refused.stderr
    assert f"spectrum-pipelines adopt {unknown.run_id} load 11 12 --yes" in refused.stderr
    assert refused.facts == unknown.facts
    settled = project.adopt(unknown.run_id, "load", 11, "12", "--yes")
    assert settled.code == 0, settled.stderr
    assert "note: load is settled: execution 11, " in settled.stderr
    again = project.resume(unknown.run_id)
    assert again.code == 1, again.stderr
    assert [one["execution_id"] for one in again.job("load")["executions"]] == [11, 12]
    assert again.job("load")["reason"] == "execution 12 ended ERROR"
    assert again.report is not None
    assert "judged by execution 11, 12 alone" in again.report["warnings"][0]["message"]


def test_one_trigger_starts_one_execution(project: Project, server: SpectrumServer, unknown: Outcome) -> None:
    server.start(48)
    outcome = project.adopt(unknown.run_id, "load", 12, "13")
    assert outcome.code == 2
    assert "job load starts one execution, not 2" in outcome.stderr


def test_an_execution_of_another_job_of_the_run_is_refused(project: Project, server: SpectrumServer) -> None:
    server.misbehave("trigger", honest, mis.close)
    project.pipeline(fail_fast=False, jobs={"first": {"trigger": 48}, "second": {"trigger": 48, "needs": ["first"]}})
    unknown = project.run()
    assert (unknown.code, unknown.job("second")["status"]) == (5, "unknown")
    outcome = project.adopt(unknown.run_id, "second", unknown.job("first")["execution_id"])
    assert outcome.code == 2
    assert "is that of job first in this run" in outcome.stderr


def test_a_candidate_below_the_baseline_can_be_adopted(project: Project, server: SpectrumServer) -> None:
    """The server has lost its counter: the run shows the new, low id, and its next line names it."""
    server.next_id = 500
    server.had(48)

    def begun_anew(exchange: Exchange) -> bool:
        server.next_id = 5
        server.start(48, ENDLESS, user=USER)
        return mis.close(exchange)

    server.misbehave("trigger", begun_anew)
    project.jobs(load={"trigger": 48})
    unknown = project.run()
    assert (unknown.code, unknown.job()["candidates"]) == (5, [5])
    assert f"adopt {unknown.run_id} load 5" in unknown.stderr
    server.executions[-1].become("COMPLETED")
    outcome = project.adopt(unknown.run_id, "load", 5)
    assert outcome.code == 0, outcome.stderr
    assert project.resume(unknown.run_id).code == 0


def test_resume_alone_leaves_an_unknown_as_it_is(project: Project, server: SpectrumServer, unknown: Outcome) -> None:
    again = project.resume(unknown.run_id)
    assert again.code == 5
    assert len(server.requests("trigger")) == 1
