"""Fault 28: kill -9 at every step of the journal, and at every call that touches a disk or a network; then once more."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from spectrum_pipelines.engine import facts as ev
from tests.faults.embedded import Embedded
from tests.faults.processes import Ended, Sabotage, Zygote
from tests.faults.project import Project

Build = Callable[[], Project]

#: A job that is run twice, one behind it, and a last one.
CHAIN: dict[str, Any] = {
    "load": {"trigger": "/Data/orders.imp", "retry": {"limit": 1, "interval": "10ms"}},
    "sales": {"trigger": 24, "needs": ["load"]},
}
LAST: dict[str, Any] = {"tidy": {"check": 24}}


def chain(build: Build) -> Project:
    project = build()
    project.pipeline(jobs=CHAIN, **{"finally": LAST})
    return project


def shape(ended: Ended) -> object:
    """What must be the same however often a run was killed."""
    report = ended.outcome.report
    assert report is not None
    jobs = [
        (job["id"], job["status"], [(one["attempt"], one["job_status"]) for one in job["executions"]])
        for job in report["jobs"]
    ]
    return report["status"], jobs


@pytest.fixture(scope="module")
def golden() -> object:
    return (
        "succeeded",
        [
            ("load", "succeeded", [(1, "ERROR"), (2, "COMPLETED")]),
            ("sales", "succeeded", [(1, "COMPLETED")]),
            ("tidy", "succeeded", [(1, "COMPLETED")]),
        ],
    )


def started(project: Project) -> dict[int, int]:
    assert isinstance(project.judge, Embedded)
    return project.judge.started()


#: Sweeps over the journal, in pairs that take turns: each has every second step of its pair, or fewer.
SWEEPS = [
    pytest.param("journal_write", "kill", 0, id="before_a_record"),
    pytest.param("journal_write", "tear", 1, id="in_a_record"),
    pytest.param("journal_write", "kill_after", 0, id="after_a_record_that_is_not_synced_yet"),
    pytest.param("journal_append", "kill_after", 1, id="after_a_record"),
]


@pytest.mark.parametrize(("operation", "how", "turn"), SWEEPS)
def test_fault_28_kill_at_every_journal_step_and_run_again_with_the_same_key(
    *, beside: Build, zygote: Zygote, golden: object, stride: int, operation: str, how: str, turn: int
) -> None:
    """Behind each record every time; in the middle of them (a tear, a kill) every third one unless thorough."""
    step = 1 if how == "kill_after" else stride
    for nth in count(1 + turn * step, 2 * step):
        project = chain(beside)
        killed = zygote.run(project, sabotage=Sabotage(operation=operation, nth=nth, how=how))
        if not killed.sabotaged:
            assert nth > 12
            assert shape(killed) == golden
            return
        assert killed.code == -9
        again = zygote.run(project)
        assert again.code == 0, f"{nth}: {again.outcome.stderr}"
        assert shape(again) == golden, nth
        assert started(project) == {20: 2, 24: 1}, nth


@pytest.mark.parametrize("how", ["kill", "kill_after"])
@pytest.mark.parametrize("operation", ["connect", "send", "receive", "fsync", "replace"])
def test_fault_28_kill_around_every_call_and_resume(
    beside: Build, zygote: Zygote, operation: str, how: str, stride: int
) -> None:
    for nth in count(1, stride):
        project = beside()
        project.jobs(sales={"trigger": 24})
        killed = zygote.run(project, sabotage=Sabotage(operation=operation, nth=nth, how=how))
        if not killed.sabotaged:
            assert nth > 1
            return
        assert killed.code == -9
        again = zygote.resume(project, killed) if killed.outcome.facts else zygote.run(project)
        assert again.code == 0, f"{nth}: {again.outcome.stderr}"
        assert shape(again) == ("succeeded", [("sales", "succeeded", [(1, "COMPLETED")])]), nth
        assert started(project) == {24: 1}, nth


def test_fault_28_kill_at_every_journal_step_of_a_sequence(beside: Build, zygote: Zygote) -> None:
    """What a sequence starts downstream is named only by its answer: a run that never wrote that down may not be sure of it."""
    for nth in count(1):
        project = beside()
        sales = {"sequence": [21], "variables": {"key": "${var.token}"}}
        project.pipeline(jobs={"sales": sales})
        killed = zygote.run(project, sabotage=Sabotage(operation="journal_write", nth=nth, how="kill"))
        if not killed.sabotaged:
            return
        lost = bool(killed.outcome.events(ev.TriggerIntended)) and not killed.outcome.events(ev.Triggered)
        again = zygote.run(project)
        assert again.code == (5 if lost and started(project) and not again.outcome.events(ev.Triggered) else 0), nth
        assert started(project) == {21: 1, 22: 1}, nth


def test_fault_28_kill_the_resume_too(beside: Build, zygote: Zygote, golden: object) -> None:
    """A run that is killed, resumed, killed again at the next step, and so on, until it gets through."""
    for first in (3, 6, 9):
        project = chain(beside)
        assert zygote.run(project, sabotage=Sabotage(operation="journal_write", nth=first, how="tear")).code == -9
        for nth in count(2):
            again = zygote.run(project, sabotage=Sabotage(operation="journal_append", nth=nth, how="kill_after"))
            if not again.sabotaged:
                break
            assert again.code == -9
        assert again.code == 0
        assert shape(again) == golden
        assert started(project) == {20: 2, 24: 1}


def test_fault_28_kill_between_two_resumes_of_which_the_first_brought_another_policy(
    beside: Build, zygote: Zygote, golden: object, stride: int
) -> None:
    """The first round of the sweep kills before the job fails, the last ones behind its retry; the policy stays whatever dies."""
    for nth in count(5, stride):
        project = beside()
        calm = {**CHAIN, "load": {"trigger": "/Data/orders.imp"}}
        project.pipeline(jobs=calm, **{"finally": LAST})
        killed = zygote.run(project, sabotage=Sabotage(operation="journal_append", nth=5, how="kill_after"))
        assert killed.code == -9
        project.pipeline(jobs=CHAIN, **{"finally": LAST})
        brought = zygote.resume(
            project,
            killed,
            str(project.file),
            sabotage=Sabotage(operation="journal_append", nth=nth - 4, how="kill_after"),
        )
        if not brought.sabotaged:
            assert nth > 12
            assert shape(brought) == golden
            return
        assert brought.code == -9
        again = zygote.resume(project, killed)
        assert again.code == 0, f"{nth}: {again.outcome.stderr}"
        assert shape(again) == golden, nth
        assert started(project) == {20: 2, 24: 1}, nth
        # Killed behind the last fact, the run has ended: whoever asks gets its report, and takes nothing up.
        is_over = isinstance(brought.outcome.facts[-1].event, ev.RunEnded)
        kept = [one.changed is None for one in again.outcome.events(ev.Resumed)]
        assert kept == ([False] if is_over else [False, True]), nth
