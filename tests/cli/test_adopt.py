"""`adopt`: a person settles an `unknown`, and `resume` goes on with it."""

import pytest

from tests.faults import misbehaviour as mis
from tests.faults.checks import Outcome
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.project import Project
from tests.faults.spectrum_server import USER, File, SpectrumServer


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


def test_resume_alone_leaves_an_unknown_as_it_is(project: Project, server: SpectrumServer, unknown: Outcome) -> None:
    again = project.resume(unknown.run_id)
    assert again.code == 5
    assert len(server.requests("trigger")) == 1
