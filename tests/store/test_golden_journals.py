"""Journals that were written once and must be read for ever. Add some when an event changes; never change one."""

import json
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.build import digest
from spectrum_pipelines.store.codec import encode
from spectrum_pipelines.store.folder.glance import glance
from spectrum_pipelines.store.folder.journal import read_journal, replay
from spectrum_pipelines.store.history import changes
from tests.store.histories import EVENT_CLASSES, RUN_ID, built

FOLDER = Path(__file__).parent / "journals"
JOURNALS = sorted(FOLDER.glob("*.jsonl"))
TEXT = (FOLDER / "v1-pipeline.yaml").read_text()


def outcome(state: RunState) -> dict[str, Any]:
    return {
        "run": state.ended and {"status": state.ended.status.value, "exit_code": state.ended.exit_code},
        "triggers": state.triggers,
        "resumptions": state.resumptions,
        "jobs": {
            str(job_id): {
                "status": job.status.value,
                "attempt": job.attempt.number,
                "executions": {str(execution.execution_id): execution.job_status for execution in job.executions},
            }
            for job_id, job in state.jobs.items()
        },
    }


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_an_old_journal_still_means_what_it_meant(path: Path) -> None:
    facts = read_journal(path)
    later = {one.plan_digest or "": built(one.text or "") for one in changes(facts)}
    assert outcome(replay(built(TEXT), RUN_ID, facts, later=later)) == json.loads(
        path.with_suffix(".expected.json").read_text()
    )
    assert glance(path) == (facts[0], facts[-1])
    assert getattr(facts[0].event, "digest", None) == digest(TEXT)


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_an_old_journal_holds_nothing_that_is_lost_in_reading(path: Path) -> None:
    lines = path.read_text().splitlines()
    for seq, (line, fact) in enumerate(zip(lines, read_journal(path), strict=True), 1):
        old, new = json.loads(line), json.loads(encode(fact, seq))
        assert {key: new[key] for key in old} == old


def test_every_event_stands_in_some_journal() -> None:
    assert {type(fact.event) for path in JOURNALS for fact in read_journal(path)} == set(EVENT_CLASSES)
