"""`resume RUN_ID FILE`: the run goes on under another policy; what is more than policy is refused with the next command."""

import json
import re
import shlex
from typing import Any

import pytest

from spectrum_pipelines import Connection, load, open_store, resume
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.errors import UserError
from tests.cli.test_resume import interrupted
from tests.faults import misbehaviour as mis
from tests.faults.conftest import *  # noqa: F403 - the fixtures of the folder in which their servers live
from tests.faults.project import SETTINGS, Project
from tests.faults.spectrum_server import FAILS, PASSWORD, QUICK, USER, SpectrumServer
from tests.patience import be_impatient

LOAD: dict[str, Any] = {"trigger": 48}
ONCE_MORE = {"limit": 1, "interval": "20ms"}


@pytest.fixture
def run_id(project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that lost sight of an execution, which will fail: under its policy the run fails with it."""
    server.files[48].timelines = (FAILS, QUICK)
    return interrupted(project, server, monkeypatch)


def told(text: str) -> list[list[str]]:
    """The commands between backticks."""
    return [shlex.split(one)[1:] for one in re.findall(r"`(spectrum-pipelines [^`]*)`", text)]


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the file itself", "another file"])
def test_a_run_goes_on_under_another_policy_and_keeps_it(
    project: Project, server: SpectrumServer, run_id: str, elsewhere: bool
) -> None:
    if elsewhere:
        project.file = project.folder / "mended.yaml"
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}}, timeouts={"pipeline": "1h"})
    ended = project.resume(run_id, str(project.file), "--report", "r.json")
    assert ended.code == 0, ended.stderr
    assert "note: timeouts.pipeline is 1h, it was none" in ended.stderr
    assert "note: retry.limit is 1, it was 0 (load)" in ended.stderr
    assert f"is resumed with the policy of {project.file}" in ended.stderr
    assert server.posts() == {48: 2}
    (fact,) = ended.events(ev.Resumed)
    assert fact.changed is not None
    assert ended.report is not None
    assert ended.report["pipeline"]["digest"] == fact.changed.digest
    assert ended.report["pipeline"]["file"] == str(project.file)
    recorded = json.loads(project.call("report", run_id, "--format", "json", "--state", str(project.state)).stdout)
    assert {**recorded, "http": None} == {**ended.report, "http": None}
    again = project.resume(run_id)
    assert (again.code, len(again.events(ev.Resumed))) == (0, 1), "it has ended, and its report is told"


def test_the_next_resume_without_a_file_keeps_the_policy(
    project: Project, server: SpectrumServer, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    with monkeypatch.context() as patch:
        be_impatient(patch, longest_silence=0.2)
        server.always("status", mis.code(500))
        assert project.resume(run_id, str(project.file)).code == 4
    server.always("status", None)
    ended = project.resume(run_id)
    assert ended.code == 0, ended.stderr
    assert [one.changed is None for one in ended.events(ev.Resumed)] == [False, True]
    assert server.posts() == {48: 2}


def test_a_policy_that_is_a_variable_may_be_given(project: Project, server: SpectrumServer, run_id: str) -> None:
    project.pipeline(
        variables={**SETTINGS["variables"], "limit": {"type": "integer", "default": 0}},
        jobs={"load": {**LOAD, "retry": {**ONCE_MORE, "limit": "${var.limit}"}}},
    )
    ended = project.resume(run_id, str(project.file), "--var", "limit=1")
    assert ended.code == 0, ended.stderr
    assert ended.report is not None
    assert ended.report["variables"]["limit"] == 1


def test_without_the_file_on_the_line_a_changed_one_is_refused_with_the_command_that_takes_it(
    project: Project, server: SpectrumServer, run_id: str
) -> None:
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    asked = len(server.seen)
    refused = project.resume(run_id)
    assert refused.code == 2
    assert "is not the pipeline that run" in refused.stderr
    assert len(server.seen) == asked
    (command,) = told(refused.stderr)
    assert project.call(*command).code == 0
    assert server.posts() == {48: 2}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"jobs": {"load": {"trigger": 49}}}, "the target of load", id="another target"),
        pytest.param(
            {"jobs": {"load": {"trigger": 48, "expect": {"failure_count": {"max": 0}}}}},
            "the gates of load",
            id="gates",
        ),
        pytest.param({"jobs": {"load": LOAD, "more": {"check": 48}}}, "more, which is new", id="another job"),
        pytest.param({"jobs": {"loads": LOAD}}, "load, which is gone, loads, which is new", id="another name"),
        pytest.param(
            {"jobs": {"load": {**LOAD, "allow_failure": True}}},
            "the allow_failure of load",
            id="what its failure means",
        ),
        pytest.param({"name": "day", "jobs": {"load": LOAD}}, "the name of the pipeline", id="another pipeline"),
    ],
)
def test_more_than_policy_is_refused_with_the_difference_and_the_next_command(
    project: Project, server: SpectrumServer, run_id: str, change: dict[str, Any], what: str
) -> None:
    before = project.file.read_text(encoding="utf-8")
    project.pipeline(**change)
    asked = len(server.seen)
    refused = project.resume(run_id, str(project.file))
    assert refused.code == 2
    assert f"changes more than the policy of run {run_id}: {what}" in refused.stderr
    assert "@@" in refused.stderr
    assert len(server.seen) == asked
    back, then = told(refused.stderr)
    project.file.write_text(before, encoding="utf-8")
    assert project.call(*back).code == 1
    project.pipeline(**change)
    assert "again  " in project.call(*then, "--dry-run").stdout


def test_a_run_that_has_ended_takes_a_file_by_retry_only(project: Project, server: SpectrumServer, run_id: str) -> None:
    assert project.resume(run_id).code == 1
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    refused = project.resume(run_id, str(project.file))
    assert refused.code == 2
    assert f"run {run_id} has ended: no file changes what it did" in refused.stderr
    (command,) = told(refused.stderr)
    assert project.call(*command).code == 0
    again = project.resume(run_id, str(project.file))
    assert again.code == 0, "the file of the last round is no change"


def test_a_file_with_faults_is_refused_with_its_findings(project: Project, server: SpectrumServer, run_id: str) -> None:
    asked = len(server.seen)
    project.file.write_text("version: 1\nname: night\njobs: {load: {trigger: 48, timeot: 1s}}\n", encoding="utf-8")
    refused = project.resume(run_id, str(project.file))
    assert refused.code == 2
    assert "night.yaml:3:28" in refused.stderr
    assert "did you mean `timeout`" in refused.stderr
    assert len(server.seen) == asked
    missing = project.resume(run_id, "nowhere.yaml")
    assert (missing.code, "nowhere.yaml" in missing.stderr) == (2, True)


def test_the_api_takes_another_policy(project: Project, server: SpectrumServer, run_id: str) -> None:
    store = open_store(project.state)
    connection = Connection(server.url, username=USER, password=PASSWORD)
    given = {"token": "tok-given-by-hand"}
    project.pipeline(jobs={"load": {"trigger": 49}})
    with pytest.raises(UserError, match="the target of load"):
        resume(run_id, connection, store=store, loaded=load(project.file, variables=given))
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    ended = resume(run_id, connection, store=store, loaded=load(project.file, variables=given))
    assert ended.succeeded
    assert server.posts() == {48: 2}


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_a_file_that_no_line_of_a_journal_can_hold_is_refused_and_the_run_stays_as_it_is(
    project: Project, server: SpectrumServer, run_id: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lower here: what one file and its fragments may hold is near to it only with thousands of jobs."""
    monkeypatch.setattr("spectrum_pipelines.app.redefined.MAX_LINE", 20_000_000)
    if command == "retry":
        assert project.resume(run_id).code == 1
    journal = project.state / "runs" / run_id / "journal.jsonl"
    before, asked = journal.read_bytes(), len(server.seen)
    text = project.file.read_text(encoding="utf-8")
    # Beyond ASCII a letter of two bytes takes six in a journal.
    (project.folder / "much.yaml").write_text(f"poll: {{max: 50ms}} # {'é' * 2_900_000}\n", encoding="utf-8")
    (project.folder / "more.yaml").write_text(f"# {'é' * 600_000}\nfail_fast: true\n", encoding="utf-8")
    project.pipeline(include=["much.yaml", "more.yaml"], jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    where = ("--state", str(project.state), "--server", server.url)
    refused = project.call(command, run_id, str(project.file), *where)
    assert refused.code == 2
    assert "night.yaml is too large for a run that goes on: its texts and its plan take 21," in refused.stderr
    assert (journal.read_bytes(), len(server.seen)) == (before, asked)
    project.file.write_text(text, encoding="utf-8")
    assert project.call(command, run_id, str(project.file), *where).code == (1 if command == "resume" else 0)


def test_who_has_an_older_file_of_the_run_goes_on_with_the_last_policy(
    project: Project, server: SpectrumServer, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine has the checkout of the start."""
    began = project.file.read_text(encoding="utf-8")
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    with monkeypatch.context() as patch:
        be_impatient(patch, longest_silence=0.2)
        server.always("status", mis.code(500))
        assert project.resume(run_id, str(project.file)).code == 4
    server.always("status", None)
    project.file.write_text(began, encoding="utf-8")
    ended = project.resume(run_id)
    assert ended.code == 0, ended.stderr
    assert server.posts() == {48: 2}


@pytest.mark.parametrize("change", ["policy", "work"])
def test_a_run_key_that_retries_takes_a_changed_policy_at_once_and_more_when_the_run_has_ended(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    server.files[48].timelines = (FAILS, QUICK)
    monkeypatch.setenv("SPECTRUM_RUN_KEY", "k1")
    run_id = interrupted(project, server, monkeypatch)
    load = {**LOAD, "retry": ONCE_MORE} if change == "policy" else {**LOAD, "expect": {"failure_count": {"max": 0}}}
    project.pipeline(jobs={"load": load})
    refused = project.run()
    assert refused.code == 2
    assert "is not the pipeline that run" in refused.stderr
    ended = project.run("--retry-failed")
    assert ended.run_id == run_id
    if change == "policy":
        assert ended.code == 0, ended.stderr
        assert "note: retry.limit is 1, it was 0 (load)" in ended.stderr
    else:
        assert ended.code == 1, ended.stderr
        assert "night.yaml changes more than the policy: the run goes on as it was" in ended.stderr
        assert project.run("--retry-failed").code == 0
    assert server.posts() == {48: 2}


@pytest.mark.parametrize("command", ["resume", "retry"])
def test_a_policy_that_stands_in_a_fragment_of_a_subfolder_is_taken_too(
    project: Project, server: SpectrumServer, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    server.files[48].timelines = (FAILS, FAILS, QUICK) if command == "retry" else (FAILS, QUICK)
    base = project.folder / "shared" / "more" / "base.yaml"
    base.parent.mkdir(parents=True)
    base.write_text("# no retries\nfail_fast: true\n", encoding="utf-8")
    project.pipeline(include=["shared/more/base.yaml"], jobs={"load": {**LOAD, "needs": []}})
    run_id = interrupted(project, server, monkeypatch)
    if command == "retry":
        assert project.resume(run_id).code == 1
    base.write_text("fail_fast: false\ndefaults: {retry: {limit: 1}}\n", encoding="utf-8")
    where = ("--state", str(project.state), "--server", server.url)
    if command == "resume":
        refused = project.resume(run_id)
        assert (refused.code, "base.yaml is not the fragment that run" in refused.stderr) == (2, True)
    else:
        dry = project.call(command, run_id, "--dry-run", *where)
        assert dry.stdout.splitlines() == [
            "policy fail_fast is false, it was true",
            "policy retry.limit is 1, it was 0 (load)",
            "again  load  failed",
        ]
    ended = project.call(command, run_id, str(project.file), *where)
    assert ended.code == 0, ended.stderr
    assert "note: retry.limit is 1, it was 0 (load)" in ended.stderr
    assert server.posts() == {48: 3 if command == "retry" else 2}


def test_the_report_names_the_commit_of_the_file_that_was_taken(
    project: Project, server: SpectrumServer, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.pipeline(jobs={"load": {**LOAD, "retry": ONCE_MORE}})
    monkeypatch.setenv("CI_COMMIT_SHA", "0ff1ce")
    ended = project.resume(run_id, str(project.file))
    assert ended.code == 0
    assert ended.report is not None
    assert ended.report["pipeline"]["git_commit"] == "0ff1ce"


def test_a_changed_file_is_shown_without_secrets_and_not_where_it_leads_out_of_the_checkout(
    project: Project, server: SpectrumServer, run_id: str
) -> None:
    text = project.file.read_text(encoding="utf-8")
    project.file.write_text(text.replace('"required": true', '"default": "hunter2-typed-in"'), encoding="utf-8")
    refused = project.resume(run_id)
    assert refused.code == 2
    assert "@@" in refused.stderr
    assert "hunter2" not in refused.stderr
    (project.folder / ".git").mkdir()
    outside = project.folder.parent / "outside.txt"
    outside.write_text("root:x:0\n", encoding="utf-8")
    project.file.unlink()
    project.file.symlink_to(outside)
    for words in ((), (str(project.file),)):
        refused = project.resume(run_id, *words)
        assert refused.code == 2
        assert "root:x:0" not in refused.stderr
