"""What the vendor's page leaves open, each way that a server may have it: the same pipeline ends the same."""

from collections.abc import Callable
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from tests.faults import misbehaviour as mis
from tests.faults.conftest import Begin, Serve
from tests.faults.spectrum_server import AT_ONCE, FAILS, WAITS_FOR_EVER, Fault, File, SpectrumServer, Timeline
from tests.patience import be_impatient

SLOW: Timeline = ((0.0, "QUEUED"), (0.1, "RUNNING"), (0.25, "COMPLETED"))


def lists_running_only(server: SpectrumServer) -> None:
    server.lists = frozenset({"RUNNING"})


def lists_nothing(server: SpectrumServer) -> None:
    server.lists = frozenset()


def set_dates(text: str) -> Callable[[SpectrumServer], None]:
    def change(server: SpectrumServer) -> None:
        server.dates = lambda: text

    return change


def null_fields(server: SpectrumServer) -> None:
    server.null_fields = True


def refuses_encoded_slashes(server: SpectrumServer) -> None:
    server.refuses_encoded_slashes = True


def list_answers(fault: Fault) -> Callable[[SpectrumServer], None]:
    return lambda server: server.always("list", fault)


def history_answers(fault: Fault) -> Callable[[SpectrumServer], None]:
    return lambda server: server.always("history", fault)


VARIANTS: dict[str, Callable[[SpectrumServer], None]] = {
    "list_shows_running_ones_only": lists_running_only,
    "list_is_empty": lists_nothing,
    "list_is_404": list_answers(mis.code(404, b"<h1>Not found</h1>")),
    "list_is_500": list_answers(mis.code(500)),
    "list_is_slow": list_answers(mis.late(0.3)),
    "list_is_never_answered": list_answers(mis.silence),
    "list_is_forbidden": list_answers(mis.says({"status": "failure", "reason": "Admins only"}, 403)),
    "list_is_an_object": list_answers(mis.says({"jobs": []})),
    "list_has_null_ids": list_answers(mis.edited(lambda jobs: [{**job, "jobExecutionId": None} for job in jobs])),
    "history_is_404": history_answers(mis.code(404)),
    "dates_of_java_20": set_dates("Sep 28, 2018, 6:44:56\u202fPM"),
    "dates_of_older_servers": set_dates("2012-07-06 18:19:09.0"),
    "dates_in_german": set_dates("28.09.2018 18:44:56"),
    "dates_that_are_none": set_dates(""),
    "null_fields": null_fields,
    "no_encoded_slashes": refuses_encoded_slashes,
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_several_jobs_at_once_end_as_they_would(
    serve: Serve, begin: Begin, variant: Callable[[SpectrumServer], None]
) -> None:
    files = [File(id=n, path=f"/Data/My orders {n}/x#{n}.imp", timelines=[SLOW]) for n in (48, 49, 50)]
    server = serve(*files)
    variant(server)
    project = begin(server)
    # Long before a timeout would have had them stopped and looked at.
    project.jobs(**{f"job{file.id}": {"trigger": file.path if file.id != 50 else file.uuid} for file in files})
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert outcome.seconds < 6
    assert server.started() == {48: 1, 49: 1, 50: 1}
    for file in files:
        assert outcome.job(f"job{file.id}")["executions"][0]["counters"] == {"IMPORT_RECORDS": 7}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_lost_answer_is_still_found_or_unknown_and_never_triggered_again(
    serve: Serve, begin: Begin, variant: Callable[[SpectrumServer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_impatient(monkeypatch, longest_silence=0.8)
    server = serve(File(id=48, path="/Data/orders.imp", timelines=[SLOW]))
    server.had(48)
    variant(server)
    server.misbehave("trigger", mis.handled(mis.close))
    outcome = begin(server).run()
    assert outcome.code in {0, 5}, outcome.stderr
    assert len(server.requests("trigger")) == 1
    if outcome.code == 0:
        assert outcome.job()["execution_id"] == 12


@pytest.mark.parametrize("failure_code", [200, 400, 403, 404])
@pytest.mark.parametrize("body", [{"status": "failure", "reason": "no rights"}, {"error": "no rights"}])
def test_fault_09_a_failure_under_any_code_and_in_both_shapes(
    serve: Serve, begin: Begin, failure_code: int, body: dict[str, str]
) -> None:
    server = serve()
    server.always("status", mis.says(body, failure_code))
    outcome = begin(server).run()
    assert outcome.code == 2, outcome.stderr
    assert "no rights" in outcome.stderr
    assert server.requests("trigger") == []


CHAINS: list[Any] = [
    pytest.param((((0.0, "WAITING_FOR_OTHER_JOB"), (0.1, "COMPLETED")), AT_ONCE, 0), id="waits_and_runs"),
    pytest.param((((0.0, "QUEUED"), (0.1, "COMPLETED")), AT_ONCE, 0), id="queues_instead_of_waiting"),
    pytest.param((((0.0, "WAITING_FOR_OTHER_JOB"), (0.1, "CANCELED")), FAILS, 1), id="canceled_behind_a_failure"),
    pytest.param((((0.0, "WAITING_FOR_OTHER_JOB"),), FAILS, 1), id="left_behind_a_failure"),
    pytest.param((WAITS_FOR_EVER, FAILS, 1), id="left_in_the_queue_behind_a_failure"),
]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_sequence_whose_downstream_job_reacts_in_its_own_way(
    serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch, chain: tuple[Timeline, Timeline, int]
) -> None:
    downstream, upstream, code = chain
    be_impatient(monkeypatch, left_behind_after=0.3)
    server = serve(
        File(id=48, path="/orders", timelines=[upstream], downstream=[49]),
        File(id=49, path="/sales", timelines=[downstream]),
    )
    project = begin(server)
    project.jobs(load={"sequence": [48], "variables": {"key": "${var.token}"}})
    outcome = project.run()
    assert outcome.code == code, outcome.stderr
    assert {one["execution_id"] for one in outcome.job()["executions"]} == {11, 12}
    assert server.started() == {48: 1, 49: 1}


LOST_PLANS = {
    "fault_03_closed": mis.handled(mis.close),
    "fault_05_cut": mis.cut(),
    "fault_06_504": mis.handled(mis.code(504)),
    "fault_11_a_null_id": mis.edited(lambda answer: {**answer, "execution-plan": [{"job-execution-id": "x"}]}),
    "fault_11_an_empty_plan": mis.with_(execution_plan=[]),
}


@pytest.mark.parametrize("fault", LOST_PLANS.values(), ids=LOST_PLANS)
def test_a_sequence_whose_plan_is_lost_is_followed_as_far_as_it_is_known_and_never_green(
    serve: Serve, begin: Begin, fault: Fault
) -> None:
    server = serve(File(id=48, path="/orders", downstream=[49]), File(id=49, path="/sales"))
    server.misbehave("sequence", fault)
    project = begin(server)
    project.jobs(load={"sequence": [48], "variables": {"key": "x"}})
    outcome = project.run()
    assert outcome.code == 5, outcome.stderr
    assert len(server.requests("sequence")) == 1
    assert outcome.events(ev.Adopted)
    assert [one["execution_id"] for one in outcome.job()["executions"]] == [11]


def test_a_plan_that_names_a_job_that_was_not_started(serve: Serve, begin: Begin) -> None:
    server = serve(File(id=48, path="/orders"))
    idle = {"job-configuration-name": "idle", "job-configuration-id": 9, "trigger": False, "job-execution-id": None}
    server.misbehave(
        "sequence", mis.edited(lambda answer: {**answer, "execution-plan": [*answer["execution-plan"], idle]})
    )
    project = begin(server)
    project.jobs(load={"sequence": [48], "variables": {"key": "x"}})
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert len(outcome.job()["executions"]) == 1


DELETIONS: list[Any] = [
    pytest.param((11, 0, 0, "marked"), id="marked"),
    pytest.param((11, 1, 0, "already gone"), id="already_gone"),
    pytest.param((272, 0, 1, "not found"), id="not_found"),
]


@pytest.mark.parametrize("answer", DELETIONS)
@pytest.mark.parametrize("failure_code", [404, 200, 500])
def test_the_three_answers_of_a_deletion(
    serve: Serve, begin: Begin, answer: tuple[int, int, int, str], failure_code: int
) -> None:
    data, before, code, told = answer
    server = serve(failure_code=failure_code)
    server.had(48)
    server.deleted += [data] * before
    project = begin(server)
    project.jobs(tidy={"delete_data": [data]})
    outcome = project.run()
    assert outcome.code == code, outcome.stderr
    assert told in outcome.stderr


def test_a_deletion_whose_answer_is_lost_is_sent_again(serve: Serve, begin: Begin) -> None:
    server = serve()
    server.had(48)
    server.misbehave("delete", mis.handled(mis.close), mis.code(502))
    project = begin(server)
    project.jobs(tidy={"delete_data": [11]})
    outcome = project.run()
    assert outcome.code == 0, outcome.stderr
    assert len(server.requests("delete")) == 3
