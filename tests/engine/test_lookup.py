"""The search for the execution of a trigger whose answer was lost, as a value: rounds, candidates, patience."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.engine.facts import Baseline
from spectrum_pipelines.engine.sightings import LookupSeen
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.engine.triggering.lookup import (
    LookAtDetails,
    LookAtHistory,
    LookAtList,
    LookAtStatus,
    Lookup,
    after_answer,
    begin_round,
    is_exhausted,
    shows_all,
)
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import ActiveJob, ConfigurationId, ExecutionId, FileId, StatusAnswer
from tests.engine.made import ids

_PATIENCE = Patience()
_NOBODY: frozenset[ExecutionId] = frozenset()


def _baseline(target: str = "/a", before: int | None = 10, file_id: int | None = 6) -> Baseline:
    return Baseline(
        target=target,
        execution_id=None if before is None else ExecutionId(before),
        file_id=None if file_id is None else FileId(file_id),
    )


def _seen(**what: Any) -> LookupSeen:
    return LookupSeen(job=JobId("a"), **what)


def _status(number: int | None, target: str = "/a") -> LookupSeen:
    latest = StatusAnswer(job_status="RUNNING", execution_id=None if number is None else ExecutionId(number))
    return _seen(target=target, latest=latest)


def _listed(*entries: tuple[int, int | None, str | None]) -> LookupSeen:
    return _seen(
        entries=tuple(
            ActiveJob(
                execution_id=ExecutionId(number),
                job_status="RUNNING",
                file_id=None if file_id is None else FileId(file_id),
                uuid=uuid,
            )
            for number, file_id, uuid in entries
        )
    )


def _round(*answers: LookupSeen, baseline: Baseline | None = None, ours: frozenset[ExecutionId] = _NOBODY) -> Lookup:
    baselines = (baseline or _baseline(),)
    lookup = begin_round(Lookup(since=0.0), baselines)
    for answer in answers:
        lookup = after_answer(lookup, answer, baselines=baselines, ours=ours, at=1.0)
    return lookup


def test_a_round_looks_at_each_file_and_at_the_list() -> None:
    lookup = begin_round(Lookup(since=0.0), (_baseline("/a"), _baseline("/b")))
    assert lookup.todo == (LookAtStatus("/a"), LookAtStatus("/b"), LookAtList())


def test_a_candidate_tells_the_configuration_and_that_the_history() -> None:
    lookup = _round(_status(12), _seen())
    assert lookup.todo == (LookAtDetails("/a", ExecutionId(12)),)
    details = _seen(configuration_id=ConfigurationId(4))
    lookup = after_answer(lookup, details, baselines=(_baseline(),), ours=_NOBODY, at=1.0)
    assert lookup.todo == (LookAtHistory("/a", ConfigurationId(4)),)
    history = _seen(target="/a", older=ids(12, 11, 10, 9))
    lookup = after_answer(lookup, history, baselines=(_baseline(),), ours=_NOBODY, at=1.0)
    assert lookup.all_candidates == (11, 12), "one that came and went in between is a candidate like any other"
    assert lookup.todo == ()


@pytest.mark.parametrize(
    ("word", "start", "is_clear"),
    [
        pytest.param("COMPLETED", None, True, id="it ran, so what came before it has ended"),
        pytest.param("RUNNING", None, True, id="it runs, so what came before it has ended"),
        pytest.param("QUEUED", None, True, id="a history that shows it shows all that wait or run"),
        pytest.param("CANCELED", "now", True, id="it was canceled as it ran"),
        pytest.param(
            "CANCELED", None, False, id="it may have waited behind one that runs on, unseen in a history of ends"
        ),
        pytest.param("ERROR", None, True, id="it ran as well"),
        pytest.param("PREPARING", None, False, id="nobody knows whether it waits, runs or has ended"),
    ],
)
def test_a_history_from_the_latest_down_to_the_baseline_hides_nothing(
    word: str, start: str | None, is_clear: bool
) -> None:
    """The latest was another trigger's, canceled as it waited behind ours: ours was taken for absent and triggered again."""
    latest = StatusAnswer(job_status=word, execution_id=ExecutionId(12), start_time=start)
    answers = (
        _seen(target="/a", latest=latest),
        _seen(),
        _seen(configuration_id=ConfigurationId(4)),
        _seen(target="/a", older=ids(12, 10)),
    )
    lookup = _round(*answers, ours=frozenset(ids(12)))
    assert ("/a" in lookup.clear) is is_clear
    assert shows_all(lookup, (_baseline(),)) is is_clear, "nor is a candidate beside it the only one"


def test_a_candidate_is_asked_for_its_details_once() -> None:
    assert _round(_status(12), _listed((13, 6, None))).todo == (LookAtDetails("/a", ExecutionId(12)),)


@pytest.mark.parametrize(
    ("baseline", "answers", "ours", "found"),
    [
        pytest.param(_baseline(), [_status(10)], _NOBODY, (), id="the baseline itself is nobody's news"),
        pytest.param(_baseline(), [_status(9)], _NOBODY, (9,), id="below the baseline: the counter is lost"),
        pytest.param(_baseline(), [_status(10), _listed((9, 6, None))], _NOBODY, (9,), id="the same in the list"),
        pytest.param(_baseline(), [_status(11)], _NOBODY, (11,), id="above the baseline: a candidate"),
        pytest.param(_baseline(before=None), [_status(1)], _NOBODY, (1,), id="it never ran: everything is above"),
        pytest.param(_baseline(), [_status(None)], _NOBODY, (), id="it never ran, still"),
        pytest.param(_baseline(), [_status(11)], frozenset(ids(11)), (), id="another job of this run owns it"),
        pytest.param(_baseline(), [_status(None), _listed((11, 6, None))], _NOBODY, (11,), id="only the list shows it"),
        pytest.param(_baseline(), [_status(None), _listed((11, 7, None))], _NOBODY, (), id="another file's"),
        pytest.param(
            _baseline("6", file_id=None), [_status(None, "6"), _listed((11, 6, None))], _NOBODY, (11,), id="named by id"
        ),
        pytest.param(
            _baseline("f8d4", file_id=None),
            [_status(None, "f8d4"), _listed((11, 6, "f8d4"))],
            _NOBODY,
            (11,),
            id="named by uuid",
        ),
        pytest.param(
            _baseline("/a", file_id=None),
            [_status(None), _listed((11, None, None))],
            _NOBODY,
            (),
            id="a path cannot be told from a nameless entry",
        ),
        pytest.param(_baseline(), [_status(12), _listed((11, 6, None))], _NOBODY, (11, 12), id="several"),
    ],
)
def test_what_is_a_candidate(
    baseline: Baseline, answers: list[LookupSeen], ours: frozenset[ExecutionId], found: tuple[int, ...]
) -> None:
    assert _round(*answers, baseline=baseline, ours=ours).all_candidates == found


def test_the_file_id_of_a_status_answer_helps_to_read_the_list() -> None:
    latest = StatusAnswer(job_status="COMPLETED", execution_id=ExecutionId(10), file_id=FileId(6))
    answers = (_seen(target="/a", latest=latest), _listed((11, 6, None)))
    assert _round(*answers, baseline=_baseline(file_id=None)).all_candidates == (11,)


def test_a_round_with_a_lost_answer_is_not_an_empty_one() -> None:
    lookup = _round(_status(None), _seen(succeeded=False))
    assert (lookup.rounds, lookup.full_rounds, lookup.unlisted) == (1, 0, True)
    full = begin_round(lookup, (_baseline(),))
    assert not full.unlisted, "the next round starts over"


def test_a_status_without_an_answer_fails_its_round() -> None:
    lookup = _round(_seen(succeeded=False), _listed())
    assert (lookup.rounds, lookup.full_rounds, lookup.round_failed) == (1, 0, True)


def test_a_new_round_takes_nothing_back_that_an_earlier_one_saw() -> None:
    lookup = begin_round(_round(_status(12)), (_baseline(),))
    assert lookup.all_candidates == (12,)


def test_a_candidate_that_turns_out_to_be_another_jobs_is_none() -> None:
    lookup = begin_round(_round(_status(12)), (_baseline(),), ours=frozenset(ids(12)))
    assert lookup.all_candidates == ()


def test_what_the_journal_has_found_is_still_found() -> None:
    """A process died after it had found 12; the next one's looks show others only, and took it for nothing."""
    lookup = begin_round(Lookup(since=0.0), (_baseline(),), earlier=ids(12))
    assert lookup.candidates == {"/a": frozenset({12})}
    several = begin_round(Lookup(since=0.0), (_baseline(), _baseline("/b")), earlier=ids(12))
    assert several.all_candidates == (12,), "of which of the files it is, nobody knows"


@given(
    rounds=st.integers(0, 12),
    grace=st.floats(min_value=0, max_value=60),
    spacing=st.floats(min_value=0.01, max_value=10),
    after=st.floats(min_value=0, max_value=60),
)
def test_patience_ends_only_after_enough_empty_rounds_and_the_whole_grace(
    rounds: int, grace: float, spacing: float, after: float
) -> None:
    lookup, at = Lookup(since=0.0), 5.0
    for _ in range(rounds):
        lookup = begin_round(lookup, (_baseline(),))
        for answer in (_status(None), _seen()):
            lookup = after_answer(lookup, answer, baselines=(_baseline(),), ours=_NOBODY, at=at)
        at += spacing
    now = at + after
    expected = rounds >= _PATIENCE.lookup_full_rounds and now >= 5.0 + grace
    assert is_exhausted(lookup, _PATIENCE, grace=grace, now=now) is expected


@given(rounds=st.integers(0, 10_000))
def test_rests_grow_and_stay_short(rounds: int) -> None:
    rest = Lookup(since=0.0, rounds=rounds).rest(_PATIENCE)
    assert 0.25 <= rest <= 4.0
    assert rest <= Lookup(since=0.0, rounds=rounds + 1).rest(_PATIENCE)
