"""`resume`: what it refuses, and what it tells of a run that has ended."""

import pytest

from tests.faults import misbehaviour as mis
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.conftest import Serve
from tests.faults.project import Project
from tests.faults.spectrum_server import FAILS, SpectrumServer, honest
from tests.patience import be_impatient


@pytest.mark.parametrize("run_id", ["20200101T000000Z-0000", "../../etc", "-", "x" * 300, "2026*", "\x1b[2J"])
def test_a_run_that_is_not_there(project: Project, server: SpectrumServer, run_id: str) -> None:
    outcome = project.call("resume", "--state-dir", str(project.state), "--", run_id)
    assert outcome.code == 2
    assert "spectrum-pipelines runs" in outcome.stderr
    assert server.seen == []


def test_a_run_id_with_a_slip_of_the_finger(project: Project) -> None:
    run_id = project.run().run_id
    assert run_id is not None
    outcome = project.resume(f"{run_id[:-1]}x")
    assert outcome.code == 2
    assert f"did you mean `{run_id}`?" in outcome.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_a_run_that_has_ended_is_told_again_and_not_run_again(
    project: Project, server: SpectrumServer, code: int
) -> None:
    if code:
        server.files[48].timelines = [FAILS]
    first = project.run()
    asked = len(server.seen)
    again = project.resume(first.run_id, "--report", "again.json")
    assert (first.code, again.code) == (code, code)
    assert len(server.seen) == asked
    assert (project.folder / "again.json").exists()


def interrupted(project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that lost sight of its execution."""
    with monkeypatch.context() as patch:
        be_impatient(patch, longest_silence=0.2)
        server.misbehave("status", honest)
        server.always("status", mis.code(500))
        outcome = project.run()
    server.always("status", None)
    assert outcome.code == 4
    assert outcome.run_id is not None
    return outcome.run_id


def test_another_server_is_refused(
    project: Project, server: SpectrumServer, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = interrupted(project, server, monkeypatch)
    other = serve()
    project.url = other.url
    outcome = project.resume(run_id)
    assert outcome.code == 2
    assert f"give --server {server.url}" in outcome.stderr
    assert other.seen == []


def test_a_secret_variable_has_to_be_given_again(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No journal holds its value."""
    run_id = interrupted(project, server, monkeypatch)
    asked = len(server.seen)
    token = "tok-given-by-hand"
    monkeypatch.delenv("SPECTRUM_VAR_token")
    outcome = project.resume(run_id)
    assert outcome.code == 2
    assert "token" in outcome.stderr
    assert len(server.seen) == asked
    assert project.resume(run_id, "--var", f"token={token}").code == 0
    assert server.started() == {48: 1}


def test_the_pipeline_file_may_be_gone(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = interrupted(project, server, monkeypatch)
    project.file.unlink()
    assert project.resume(run_id).code == 0
    assert server.started() == {48: 1}
