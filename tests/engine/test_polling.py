"""Looking at what runs: one call for all, details for every doubt, a budget, and nothing believed but an execution's own id."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.interpret import interpret
from spectrum_pipelines.engine.outcome import Cause, JobStatus
from spectrum_pipelines.engine.requests import AskAllRunning, AskDetails, AskStatus, Purpose
from spectrum_pipelines.engine.sightings import Answered, ExecutionDoubted
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.errors import (
    ClientError,
    ExitCode,
    NotSpectrum,
    Refused,
    ServerFault,
    Unanswered,
    Unauthorized,
    Undecodable,
    Unsent,
)
from spectrum_pipelines.pipeline.model.action import Check, JobId, Sequence, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Poll
from spectrum_pipelines.pipeline.model.policy import OnRunning, OnTimeout
from spectrum_pipelines.spectrum import ActiveJob, ExecutionId, FileId, FileReference, JobDetails, StatusAnswer
from tests.engine.made import fold, fresh, job, of, pipeline, settle, the_job, triggered
from tests.engine.tiny import File, TinySpectrum
from tests.engine.world import Fault, World

_NAMES = "abcdefgh"


def _many(*faults: Fault, duration: float = 20.0, **how: Any) -> World:
    files = [File(path=f"/{name}", id=n, duration=duration, **how) for n, name in enumerate(_NAMES, 1)]
    return World(pipeline(*(job(name) for name in _NAMES)), *files, faults=faults)


def _one(*faults: Fault, file: File | None = None, **more: Any) -> World:
    return World(pipeline(job("a", **more)), file or File(path="/a", id=6, duration=20.0), faults=faults)


def _is_poll(ask: AskStatus | AskDetails) -> bool:
    return ask.purpose is Purpose.POLL


def _polls(world: World, kind: type) -> list[Any]:
    return [ask for ask in world.asked(kind) if kind is AskAllRunning or _is_poll(ask)]


def test_one_call_looks_at_all_and_each_end_is_confirmed_once() -> None:
    world = _many()
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert _polls(world, AskStatus) == []
    assert sorted(ask.execution_id for ask in _polls(world, AskDetails)) == list(range(11, 19))
    assert len(_polls(world, AskAllRunning)) < 60, "one by one it would be hundreds"


def test_one_execution_alone_is_asked_for_by_its_file_and_confirmed_by_its_details() -> None:
    world = _one()
    world.run()
    assert _polls(world, AskAllRunning) == []
    assert len(_polls(world, AskDetails)) == 1


@pytest.mark.parametrize("jobs", [20, 200])
def test_many_jobs_cost_no_more_looks_than_few(jobs: int) -> None:
    names = [f"j{n}" for n in range(jobs)]
    files = [File(path=f"/{name}", id=n, duration=600.0) for n, name in enumerate(names, 1)]
    world = World(pipeline(*(job(name) for name in names)), *files)
    world.run()
    assert len(_polls(world, AskAllRunning)) < 150


def test_the_interval_grows_with_the_age() -> None:
    world = _one(file=File(path="/a", id=6, duration=2000.0))
    world.run()
    at = [at for at, ask in world.sent if isinstance(ask, AskStatus) and _is_poll(ask)]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[0] < 0.5
    assert 25 < gaps[-2] < 31
    assert all(later >= earlier - 0.05 for earlier, later in pairwise(gaps[:-1]))


def test_one_that_has_queued_for_long_is_young_again_when_it_begins() -> None:
    world = _one(file=File(path="/a", id=6, queue=2000.0, duration=60.0))
    world.run()
    (begun,) = [fact.at for fact in world.facts if isinstance(fact.event, ev.ExecutionChanged)]
    assert min(at for at, _ in world.sent if at > begun) < begun + 1


def test_the_budget_holds_for_the_whole_run() -> None:
    """list-running is not to be had, and eight executions want to be looked at four times a second each."""
    poll = Poll(min=0.25, max=0.25, max_per_second=4.0)
    files = [File(path=f"/{name}", id=n, duration=20.0) for n, name in enumerate(_NAMES, 1)]
    refused = Fault(on=AskAllRunning, outcome=Refused("no such call"), times=9e9)
    world = World(pipeline(*(job(name) for name in _NAMES), poll=poll), *files, faults=[refused])
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    at = [at for at, ask in world.sent if isinstance(ask, AskStatus) and _is_poll(ask)]
    for begin in at:
        assert sum(begin <= one < begin + 5.0 for one in at) <= 4 + 5 * 4
    asked = {ask.job for ask in _polls(world, AskStatus)}
    assert asked == set(_NAMES), "everybody has a turn"


def test_one_that_the_list_never_shows_is_asked_for_on_its_own() -> None:
    world = _many(unlisted=True)
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert [one.code for one in state.warnings] == ["list-incomplete"], "told once"
    assert len(_polls(world, AskStatus)) > 2 * len(_NAMES)
    assert len(_polls(world, AskAllRunning)) <= 3, "a list that shows none of them is asked again now and then"


def test_a_list_that_keeps_everybody_waiting_is_given_up_and_mentioned_once() -> None:
    entries = tuple(ActiveJob(execution_id=ExecutionId(number), job_status="RUNNING") for number in range(11, 19))
    slow = Fault(on=AskAllRunning, outcome=entries, delay=30.0, times=9e9)
    world = _many(slow, duration=100.0)
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert [one.code for one in state.warnings] == ["list-unusable"]
    assert len(_polls(world, AskStatus)) > 2 * len(_NAMES)
    assert len(_polls(world, AskAllRunning)) <= 3


def test_a_list_that_is_late_once_comes_back_and_is_not_called_unusable() -> None:
    """200 jobs of 150 s, and one answer that takes 7 s."""
    names = [f"j{number}" for number in range(200)]
    files = [File(path=f"/{name}", id=n, duration=150.0) for n, name in enumerate(names, 1)]

    def requests(*faults: Fault) -> int:
        for fault in faults:
            fault.where = lambda _: world.clock.seconds > 20.0
        world = World(pipeline(*(job(name) for name in names)), *files, faults=faults)
        state = world.run()
        assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
        assert state.warnings == []
        return len(world.sent)

    late = Fault(on=AskAllRunning, outcome=_entries(200), delay=7.0)
    assert requests(late) < 1.1 * requests()


def _entries(count: int) -> tuple[ActiveJob, ...]:
    return tuple(ActiveJob(execution_id=ExecutionId(11 + n), job_status="RUNNING") for n in range(count))


def test_executions_with_hints_go_back_to_the_list_when_it_works_again() -> None:
    names = [f"j{number}" for number in range(20)]
    files = [File(path=f"/{name}", id=n, duration=600.0) for n, name in enumerate(names, 1)]
    broken = Fault(on=AskAllRunning, outcome=Refused("no such call"), where=lambda _: world.clock.seconds > 20.0)
    world = World(pipeline(*(job(name) for name in names)), *files, faults=[broken])
    spectrum = _Hinting(world.clock)
    spectrum.files = world.spectrum.files
    world.spectrum = spectrum
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    back = [at for at, ask in world.sent if isinstance(ask, AskAllRunning) and at > 60.0]
    alone = [at for at, ask in world.sent if isinstance(ask, AskStatus) and _is_poll(ask) and 120.0 < at < 500.0]
    assert back
    assert len(alone) < 60, "only a few keep the times of their hints"


class _Hinting(TinySpectrum):
    """Tells the progress of what runs, in whole percent."""

    def status(self, ref: FileReference) -> StatusAnswer:
        answer = super().status(ref)
        if answer.job_status != "RUNNING":
            return answer
        begins, ends, _ = self.of(ref)[-1].times()
        return replace(answer, progress=float(int(100 * (self.clock.seconds - begins) / (ends - begins))))


def _hinting(*files: File) -> World:
    world = World(pipeline(*(job(file.path[1:]) for file in files)), *files)
    spectrum = _Hinting(world.clock)
    spectrum.files = world.spectrum.files
    world.spectrum = spectrum
    return world


def _lateness(world: World) -> float:
    """Seconds from the last end until the run has seen it."""
    last = max(one.times()[1] for one in world.spectrum.executions)
    return world.clock.seconds - last


@pytest.mark.parametrize("duration", [0.8, 7.0, 55.0, 400.0])
def test_a_hint_leads_right_behind_the_end_with_fewer_looks(duration: float) -> None:
    hinted, blind = (
        _hinting(File(path="/a", id=1, duration=duration)),
        _one(file=File(path="/a", id=6, duration=duration)),
    )
    hinted.run()
    blind.run()
    assert _lateness(hinted) < max(0.05, 0.03 * duration), "percents are whole"
    assert len(hinted.sent) <= len(blind.sent)


def test_the_last_of_many_are_asked_for_their_own_hints() -> None:
    """They end the run, and the list alone would show the last end five seconds late or so."""
    files = [File(path=f"/j{n}", id=n, duration=60.0 + n if n < 17 else 100.0 + 10 * n) for n in range(20)]
    world = _hinting(*files)
    world.run()
    assert {ask.job for ask in _polls(world, AskStatus)} == {"j17", "j18", "j19"}
    assert _lateness(world) < 6.0


def test_where_no_hints_are_given_few_are_looked_at_together_like_many() -> None:
    files = [File(path=f"/j{n}", id=n, duration=300.0) for n in range(3)]
    world = World(pipeline(*(job(f"j{n}") for n in range(3))), *files)
    world.run()
    assert len(_polls(world, AskStatus)) <= 3, "once each, to know that there are no hints"
    assert len(_polls(world, AskAllRunning)) > 50


class _Raving(TinySpectrum):
    """Tells anything."""

    def status(self, ref: FileReference) -> StatusAnswer:
        answer = super().status(ref)
        anything = float(int(self.clock.seconds * 7919) % 1000)
        return replace(answer, progress=anything % 100, estimate_seconds=anything)


def test_few_whose_hints_are_nonsense_are_looked_at_together_again() -> None:
    files = [File(path=f"/j{n}", id=n, duration=300.0) for n in range(3)]
    world = World(pipeline(*(job(f"j{n}") for n in range(3))), *files)
    spectrum = _Raving(world.clock)
    spectrum.files = world.spectrum.files
    world.spectrum = spectrum
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert len(_polls(world, AskStatus)) < 30
    assert len(_polls(world, AskAllRunning)) > 50


def test_an_execution_that_is_done_by_its_hint_and_is_not_is_looked_at_again_soon() -> None:
    world = _hinting(File(path="/a", id=1, duration=10.0))
    world.at(9.9, lambda: setattr(world.spectrum.executions[0].file, "duration", 12.0))
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert _lateness(world) < 1.0


def test_one_that_leaves_the_list_and_comes_back_is_still_the_same() -> None:
    world = _many()
    world.at(5.0, lambda: setattr(world.spectrum.files[0], "unlisted", True))
    world.at(15.0, lambda: setattr(world.spectrum.files[0], "unlisted", False))
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED
    assert [one.execution_id for one in the_job(state).executions] == [11]


@pytest.mark.parametrize(
    ("error", "unusable"),
    [
        pytest.param(Refused("no such call"), True, id="refused"),
        pytest.param(ServerFault("500", http_status=500), True, id="500"),
        pytest.param(NotSpectrum("HTML"), True, id="html"),
        pytest.param(Undecodable("too large"), True, id="too large"),
        pytest.param(Unsent("refused"), False, id="no connection"),
        pytest.param(Unanswered("timeout"), False, id="no answer"),
    ],
)
def test_a_list_that_does_not_work_is_replaced_and_mentioned_once(error: ClientError, unusable: bool) -> None:
    world = _many(Fault(on=AskAllRunning, outcome=error, times=9e9 if unusable else 3), duration=200.0)
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert [warned.code for warned in state.warnings] == (["list-unusable"] if unusable else [])
    at = [at for at, ask in world.sent if isinstance(ask, AskAllRunning)]
    if unusable:
        assert all(later - earlier >= 60 for earlier, later in pairwise(at)), "tried again now and then"
        assert len(at) >= 2


def test_a_list_that_is_older_than_an_execution_says_nothing_about_it() -> None:
    """The question was out before the trigger was answered: that the execution is missing from it is no doubt."""
    late = Fault(on=AskAllRunning, outcome=(), handled=False, delay=1.0)
    world = World(pipeline(job("a"), job("b"), job("c", "d"), job("d")), faults=[late])
    for file, seconds in zip(world.spectrum.files, (9, 9, 9, 0.2), strict=True):
        file.duration = seconds
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())


def _previous_run_first(world: World) -> None:
    world.spectrum.start("/a")
    world.clock.seconds = 100.0


def test_the_previous_run_is_no_verdict_on_ours() -> None:
    """The first looks still show the file's previous, failed run."""
    world = _one(file=File(path="/a", id=6, words=("ERROR", "COMPLETED"), duration=5.0))
    _previous_run_first(world)
    stale = StatusAnswer(job_status="ERROR", execution_id=ExecutionId(11), file_id=FileId(6))
    world.faults.append(Fault(on=AskStatus, outcome=stale, times=3, where=_is_poll))
    one = the_job(world.run())
    assert (one.status, [execution.execution_id for execution in one.executions]) == (JobStatus.SUCCEEDED, [12])


def test_when_somebody_else_s_run_is_the_latest_ours_is_judged_by_its_details() -> None:
    world = _one(file=File(path="/a", id=6, words=("ERROR", "COMPLETED"), duration=5.0))
    world.at(2.0, lambda: _start(world))
    one = the_job(world.run())
    assert (one.status, one.reason) == (JobStatus.FAILED, "execution 11 ended ERROR")
    assert [execution.execution_id for execution in one.executions] == [11]


def _start(world: World) -> None:
    world.spectrum.start("/a")


@pytest.mark.parametrize("make", [_one, _many], ids=["by status", "by the list"])
def test_a_word_that_nobody_knows_is_told_once_and_is_no_end(make: Callable[..., World]) -> None:
    world = make()
    world.spectrum.files[0].running = "REBALANCING"
    state = world.run()
    (warned,) = state.warnings
    assert (warned.code, warned.job) == ("unrecognized-status", "a")
    assert "'REBALANCING'" in warned.message
    assert the_job(state).status is JobStatus.SUCCEEDED


def test_a_word_that_nobody_knows_is_told_once_for_a_job_with_several_such_executions() -> None:
    files = [File(path=f"/{n}", id=n, running="REBALANCING", duration=5.0) for n in (6, 7)]
    world = World(pipeline(job("a", action=Sequence(file_ids=(6, 7)))), *files)
    assert len(world.run().warnings) == 1


def _told_by_status(word: str) -> tuple[Any, Any]:
    ask = AskStatus(
        job=JobId("a"), turn=0, target=FileReference("/a"), purpose=Purpose.POLL, execution_id=ExecutionId(11)
    )
    return ask, StatusAnswer(job_status=word, execution_id=ExecutionId(11), file_id=FileId(6))


def _told_by_list(word: str) -> tuple[Any, Any]:
    return AskAllRunning(), (ActiveJob(execution_id=ExecutionId(11), job_status=word, file_id=FileId(6)),)


def _told_by_details(word: str) -> tuple[Any, Any]:
    ask = AskDetails(job=JobId("a"), turn=0, execution_id=ExecutionId(11), purpose=Purpose.POLL)
    return ask, JobDetails(job_status=word, file_id=FileId(6))


@pytest.mark.parametrize("tell", [_told_by_status, _told_by_list, _told_by_details], ids=["status", "list", "details"])
@pytest.mark.parametrize("words", [("A{}", "B{}"), ("QUEUED", "LOST{}"), ("RUNNING", "QUEUED")], ids=str)
def test_a_status_that_changes_at_each_look_does_not_fill_the_journal(
    words: tuple[str, str], tell: Callable[[str], tuple[Any, Any]]
) -> None:
    """Each look was a fact, for as long as the execution went on."""
    state = fold(fresh(job("a")), *triggered("a", 11))
    facts: list[Any] = []
    for look in range(500):
        ask, answer = tell(words[look % 2].format(look))
        told = interpret(state, ask, answer, float(look))
        fold(state, *told, at=float(look))
        facts += [event for event in told if isinstance(event, ev.Fact)]
    assert len(facts) < 30
    assert [one.code for one in facts if isinstance(one, ev.Warned)].count("restless-status") == 1
    running = fold(state, *interpret(state, *tell("RUNNING"), 500.0), at=500.0)
    assert the_job(running).executions[0].running_at is not None, "when it began to run is always recorded"


@pytest.mark.parametrize(
    "limits", [{"timeout": 2.0}, {"queue_timeout": 2.0}, {"of_the_run": 2.0}], ids=lambda it: next(iter(it))
)
@pytest.mark.parametrize("words", [("RUNNING", "DONE_I_THINK"), ("REBALANCING", "DONE_I_THINK")], ids=str)
@pytest.mark.parametrize("on_timeout", OnTimeout)
def test_words_that_nobody_knows_hold_no_run_beyond_its_limit_and_the_time_to_stop(
    limits: dict[str, float], words: tuple[str, str], on_timeout: OnTimeout
) -> None:
    own: dict[str, Any] = {key: value for key, value in limits.items() if key != "of_the_run"}
    one = job("a", on_timeout=on_timeout, **{"timeout": 5.0, **own})
    file = File(path="/a", id=6, running=words[0], words=(words[1],), duration=1.0)
    world = World(pipeline(one, timeout=limits.get("of_the_run")), file)
    state = world.run()
    stopping = Patience().stop_grace if on_timeout is OnTimeout.STOP else 0.0
    assert world.clock.seconds <= max(one.policy.timeout, 2.0) + stopping + 2.0
    assert state.ended is not None
    assert state.ended.exit_code == ExitCode.TIMED_OUT
    assert "11" in str(the_job(state).reason)


def test_an_execution_that_ends_in_a_word_that_nobody_knows_is_never_green() -> None:
    world = _one(file=File(path="/a", id=6, words=("DONE_I_THINK",), duration=5.0), timeout=300.0)
    one = the_job(world.run())
    assert one.status is JobStatus.TIMED_OUT
    assert one.executions[0].job_status == "DONE_I_THINK"


@pytest.mark.parametrize("make", [_one, _many], ids=["alone", "in the list"])
def test_an_end_that_was_shown_under_its_own_id_counts_where_details_are_not_to_be_had(
    make: Callable[..., World],
) -> None:
    world = make()
    world.spectrum.files[0].hidden = True
    if make is _many:
        entry = ActiveJob(execution_id=ExecutionId(11), job_status="COMPLETED", file_id=FileId(1))
        world.at(10.0, lambda: world.faults.append(Fault(on=AskAllRunning, outcome=(entry,), times=9e9)))
    state = world.run()
    assert the_job(state).status is JobStatus.SUCCEEDED


def test_an_execution_that_the_server_does_not_know_any_more_is_unknown() -> None:
    world = _many(hidden=True)
    world.at(5.0, lambda: _start(world))  # from now on the status of the file is another execution's
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.REFUSED)
    assert one.reason == "the server does not know execution 11 any more: execution 11 not found"


@pytest.mark.parametrize("make", [_one, _many], ids=["alone", "in the list"])
def test_one_whose_details_are_refused_is_judged_by_its_file_s_status_as_long_as_that_shows_it(
    make: Callable[..., World],
) -> None:
    world = make()
    for file in world.spectrum.files:
        file.hidden = True
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


def test_details_that_are_refused_once_are_asked_again_before_an_end_is_believed() -> None:
    """The status says too early that it has ended, and well."""
    world = _one(file=File(path="/a", id=6, words=("ERROR",), duration=20.0))
    early = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(11), file_id=FileId(6))
    world.at(5.0, lambda: world.faults.append(Fault(on=AskStatus, outcome=early, times=9e9, where=_is_poll)))
    world.at(5.0, lambda: world.faults.append(Fault(on=AskDetails, outcome=Refused("busy"), times=2)))
    assert the_job(world.run()).status is JobStatus.FAILED


def test_a_file_that_disappears_leaves_the_execution_to_its_details() -> None:
    world = _one()
    world.faults.append(Fault(on=AskStatus, outcome=Refused("File doesn't exist"), times=9e9, where=_is_poll))
    assert the_job(world.run()).status is JobStatus.SUCCEEDED
    assert world.clock.seconds < 60


def test_details_that_are_refused_now_and_then_are_no_loss() -> None:
    world = _many()
    world.faults.append(
        Fault(on=AskDetails, outcome=Refused("busy"), times=4, where=lambda ask: ask.execution_id == 11)
    )
    assert the_job(world.run()).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("make", "on"),
    [
        pytest.param(_one, AskStatus, id="by status"),
        pytest.param(_many, AskAllRunning, id="by the list"),
        pytest.param(_many, AskDetails, id="by details"),
    ],
)
def test_refused_credentials_in_mid_run_end_it_at_once_with_the_ids(make: Callable[..., World], on: type) -> None:
    world = make()
    locked = Fault(on=on, outcome=Unauthorized("401: bad password"), times=9e9)
    world.at(5.0, lambda: world.faults.append(locked))
    state = world.run()
    one = the_job(state)
    assert (one.status, one.cause) == (JobStatus.UNKNOWN, Cause.UNAUTHORIZED)
    assert one.reason == "401: bad password; execution 11 may still run"
    assert world.clock.seconds < 30
    assert state.ended is not None
    assert state.ended.exit_code == 5


def test_a_check_asks_for_the_details_that_its_gates_are_about() -> None:
    world = World(pipeline(job("a", action=Check(target="/f"))), File(path="/f", id=6))
    world.spectrum.start("/f")
    world.clock.seconds = 100.0
    world.run()
    assert [type(ask) for ask in world.asked((AskStatus, AskDetails, AskAllRunning))] == [AskDetails]


def test_two_jobs_may_wait_for_the_same_execution() -> None:
    both = [job(name, action=Trigger(target="/f"), on_running=OnRunning.ATTACH) for name in "ab"]
    world = World(pipeline(*both), File(path="/f", id=6, duration=9.0))
    world.spectrum.start("/f")
    state = world.run()
    assert {state.jobs[JobId(name)].executions[0].execution_id for name in "ab"} == {11}
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())


def test_what_is_seen_is_written_down_with_its_facts() -> None:
    details = {"success_count": 7, "failure_count": 1, "counters": {"IMPORT_RECORDS": 7}, "start_time": "Jul 18"}
    world = _one(file=File(path="/a", id=6, duration=5.0, queue=2.0, details=details))
    one = the_job(world.run())
    (execution,) = one.executions
    assert (execution.success_count, execution.failure_count, execution.counters) == (7, 1, {"IMPORT_RECORDS": 7})
    assert (execution.start_time, execution.configuration_id, execution.file_id) == ("Jul 18", 1006, 6)
    assert [fact.job_status for fact in world.said(ev.ExecutionChanged)] == ["RUNNING"]


def test_an_answer_about_an_execution_that_nobody_follows_any_more_changes_nothing() -> None:
    state = _one().run()
    assert state.ended is not None
    status = AskStatus(
        job=JobId("a"), turn=0, target=FileReference("/a"), purpose=Purpose.POLL, execution_id=ExecutionId(11)
    )
    details = AskDetails(job=JobId("a"), turn=0, execution_id=ExecutionId(11), purpose=Purpose.POLL)
    for request, outcome in ((status, StatusAnswer(job_status="ERROR")), (details, JobDetails(job_status="ERROR"))):
        events = interpret(state, request, outcome, 99.0)
        assert not [event for event in events if isinstance(event, ev.Fact)]


def test_a_doubt_from_elsewhere_takes_nothing_back_of_an_end_that_was_shown() -> None:
    state = fold(fresh(job("a")), *triggered("a", 11))
    ours: dict[str, Any] = {"job": JobId("a"), "execution_id": ExecutionId(11)}
    fold(state, ExecutionDoubted(**ours, final_word="COMPLETED"), ExecutionDoubted(**ours))
    ask = AskDetails(**ours, turn=0, purpose=Purpose.POLL)
    for _ in range(2):
        fold(state, *interpret(state, ask, Refused("gone"), 1.0))
    (ended,) = [event for event in interpret(state, ask, Refused("gone"), 1.0) if isinstance(event, ev.ExecutionEnded)]
    assert ended.job_status == "COMPLETED"


@pytest.mark.parametrize("word", ["COMPLETED", "ERROR", "RUNNING", "NONSENSE"])
def test_a_status_of_another_execution_says_nothing_at_all_about_ours(word: str) -> None:
    """Not even where our own details are refused: an end that somebody else's run has shown must not become ours."""
    state = fold(fresh(job("a")), *triggered("a", 11))
    ask = AskStatus(
        job=JobId("a"), turn=0, target=FileReference("/a"), purpose=Purpose.POLL, execution_id=ExecutionId(11)
    )
    stranger = StatusAnswer(job_status=word, execution_id=ExecutionId(12))
    events = [event for event in interpret(state, ask, stranger, 1.0) if not isinstance(event, Answered)]
    doubted = ExecutionDoubted(job=JobId("a"), execution_id=ExecutionId(11), overtaken=True, file_shown=True)
    assert events == [doubted]


def test_the_shared_call_is_out_only_once() -> None:
    started = [one for n, name in enumerate("abcd", 11) for one in triggered(name, n)]
    state = fold(fresh(*(job(name) for name in "abcde")), *started)
    assert len(of(AskAllRunning, settle(state, 1.0))) == 1
    fold(state, *triggered("e", 15), at=2.0)
    assert of((AskAllRunning, AskStatus), settle(state, 5.0)) == []


def _list_of(*numbers: int, word: str = "RUNNING") -> tuple[ActiveJob, ...]:
    return tuple(ActiveJob(execution_id=ExecutionId(number), job_status=word) for number in numbers)


def test_a_list_that_shows_few_of_many_is_not_asked_without_a_pause() -> None:
    """Those that it leaves out are asked for alone; the few that it shows are not worth ten questions a second."""
    world = _many(Fault(on=AskAllRunning, outcome=_list_of(11, 12), times=9e9), duration=10.0)
    spectrum = _Hinting(world.clock)
    spectrum.files = world.spectrum.files
    world.spectrum = spectrum
    world.run()
    assert len(_polls(world, AskAllRunning)) < 40


def test_a_list_that_was_empty_for_once_is_used_again() -> None:
    world = _many(Fault(on=AskAllRunning, outcome=(), times=1), duration=120.0)
    world.run()
    assert len(_polls(world, AskAllRunning)) > 20
    assert not [at for at, ask in world.sent if at > 30 and isinstance(ask, AskStatus)]


def test_a_list_that_cries_wolf_is_not_believed_at_once_any_more() -> None:
    """It shows every execution as ended while their details say that they run."""
    ended = _list_of(*range(11, 19), word="COMPLETED")
    world = _many(duration=60.0)
    world.at(1.0, lambda: world.faults.append(Fault(on=AskAllRunning, outcome=ended, times=9e9)))
    state = world.run()
    assert all(one.status is JobStatus.SUCCEEDED for one in state.jobs.values())
    assert world.clock.seconds < 70
    assert len(_polls(world, AskDetails)) < 8 * 80
    for begin in (20, 30, 40):
        assert sum(begin <= at < begin + 1 and isinstance(ask, AskDetails) for at, ask in world.sent) <= 20


def test_when_questions_are_few_nobody_takes_them_all() -> None:
    """The one that wants to be asked most often comes last of those that are due."""
    files = [File(path=f"/j{n}", id=n, duration=24.0 if n == 0 else 4.0) for n in range(3)]
    world = World(pipeline(*(job(f"j{n}") for n in range(3)), poll=Poll(max_per_second=0.5)), *files)
    zeros = _Zeros(world.clock)
    zeros.files = world.spectrum.files
    world.spectrum = zeros
    world.run()
    for fact in world.facts:
        if isinstance(fact.event, ev.ExecutionEnded) and fact.event.job != "j0":
            assert fact.at < 16


class _Zeros(TinySpectrum):
    """Says 0 of everything, which is nothing."""

    def status(self, ref: FileReference) -> StatusAnswer:
        return replace(super().status(ref), progress=0.0, estimate_seconds=0.0)


def test_a_word_that_only_changes_its_case_is_no_change() -> None:
    world = _one(file=File(path="/a", id=6, duration=20.0))
    for second in range(1, 20):
        word = "running" if second % 2 else "RUNNING"
        world.at(float(second), partial(setattr, world.spectrum.files[0], "running", word))
    world.run()
    assert len(world.said(ev.ExecutionChanged)) == 1
