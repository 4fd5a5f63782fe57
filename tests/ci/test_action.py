"""The GitHub action, step by step as GitHub's runner takes them, against the embedded server."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.ci.github_runner import Caches, Done, Job, use
from tests.ci.shells import Moment
from tests.cli.command_line import LOGIN, PROGRAM, ROOT, call, dead_port, embedded, plain_environment

ACTION = ROOT / ".github" / "actions" / "run" / "action.yml"
WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
slots: 10
files:
  - {id: 20, path: /quick.wbk, simulate: {}}
  - {id: 21, path: /long.wbk, simulate: {duration: 10m}}
  - {id: 22, path: /flaky.wbk, simulate: {outcomes: [ERROR, COMPLETED]}}
"""
PIPELINE = """
version: 1
name: nightly
server: {url: "${env.SPECTRUM_URL}"}
variables: {day: none, place: none}
environments: {prod: {}}
poll: {min: 50ms}
jobs:
  before: {trigger: /quick.wbk, description: "${var.day} ${var.place}"}
  main: {needs: [before], trigger: FILE}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    file = tmp_path / "workspace.yaml"
    file.write_text(WORKSPACE, encoding="utf-8")
    with embedded(file) as running:
        yield running.url


class Repository:
    """A repository that uses the action, on runners that are thrown away after each job; only the caches stay."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.caches = Caches()
        self._jobs = 0

    def job(
        self,
        *,
        file: str = "/quick.wbk",
        cancel: Moment | None = None,
        inputs: dict[str, str] | None = None,
        skip: tuple[str, ...] = (),
        **job: Any,
    ) -> tuple[Done, Path]:
        """Use the action in a fresh checkout; its end, and the checkout."""
        self._jobs += 1
        checkout = self.folder / f"checkout-{self._jobs}"
        (checkout / "pipelines").mkdir(parents=True)
        text = PIPELINE.replace("FILE", file)
        (checkout / "pipelines" / "nightly.yaml").write_text(text, encoding="utf-8")
        path = self.folder / "path"
        path.mkdir(exist_ok=True)
        if not (path / "spectrum-pipelines").exists():
            (path / "spectrum-pipelines").symlink_to(PROGRAM)
        env = plain_environment(
            **{**LOGIN, "SPECTRUM_URL": self.url, "SPECTRUM_PROGRESS": "none", **job.pop("env", {})}
        )
        return use(
            ACTION,
            {"pipeline": "pipelines/nightly.yaml", **(inputs or {})},
            Job(checkout, env, self.caches, path=(path,), **job),
            self.folder / f"temp-{self._jobs}",
            skip=("Install", *skip),
            cancel=cancel,
        ), checkout

    def latest(self, file: int) -> dict[str, Any]:
        """The newest execution of a file, as the server says."""
        shown = call(
            "job", "status", str(file), "--format", "json", cwd=self.folder, env={**LOGIN, "SPECTRUM_URL": self.url}
        )
        return json.loads(shown.stdout) if shown.code == 0 else {}


@pytest.fixture
def repository(tmp_path: Path, server: str) -> Repository:
    return Repository(tmp_path, server)


def report_of(checkout: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((checkout / "spectrum-report.json").read_text(encoding="utf-8"))
    return found


def test_an_action_without_further_inputs_takes_the_env_of_its_step_and_declares_its_outputs(
    repository: Repository,
) -> None:
    done, checkout = repository.job(env={"SPECTRUM_ENVIRONMENT": "prod"})
    report = report_of(checkout)
    assert not done.failed, done.steps["Run"].stderr
    assert (report["status"], report["environment"]) == ("succeeded", "prod"), "empty inputs leave the `env` as it is"
    assert done.outputs["status"] == "succeeded"
    assert done.outputs["run-id"] == report["run_id"]
    assert done.outputs["report"] == "spectrum-report.json"
    assert json.loads(done.outputs["execution-ids"]).keys() == {"before", "main"}
    assert (checkout / "spectrum-junit.xml").is_file()


def test_inputs_win_over_the_env_of_the_step(repository: Repository) -> None:
    inputs = {
        "server": repository.url,
        "username": "analyst",
        "environment": "prod",
        "report": "r.json",
        "junit": "j.xml",
    }
    done, checkout = repository.job(
        inputs=inputs, env={"SPECTRUM_URL": "http://127.0.0.1:9", "SPECTRUM_USERNAME": "nobody"}
    )
    assert not done.failed, done.steps["Run"].stderr
    assert done.outputs["report"] == "r.json"
    assert json.loads((checkout / "r.json").read_text(encoding="utf-8"))["environment"] == "prod"
    assert (checkout / "j.xml").is_file()


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_variables_are_data_one_on_a_line(repository: Repository, end: str) -> None:
    lines = ["day=monday", "", "place=a b; touch pwned $(touch pwned) 'x'"]
    done, checkout = repository.job(inputs={"variables": end.join(lines) + end})
    assert not done.failed, done.steps["Run"].stderr
    assert report_of(checkout)["variables"] == {"day": "monday", "place": "a b; touch pwned $(touch pwned) 'x'"}
    assert not (checkout / "pwned").exists()


def test_a_further_attempt_on_a_fresh_runner_goes_on_with_the_same_run(repository: Repository) -> None:
    repository.job(name="load-eu")
    (first, one), (second, two) = (repository.job(attempt=attempt) for attempt in (1, 2))
    assert not first.failed
    assert not second.failed, second.steps["Run"].stderr
    assert report_of(one)["run_id"] == report_of(two)["run_id"]
    assert repository.latest(20)["execution_id"] == 4, "one execution for each of two jobs, in `load-eu` and here"
    (restored,) = repository.caches.restored
    assert restored.endswith("-17-1")


def test_a_further_attempt_after_a_mend_turns_green_and_triggers_only_what_failed(repository: Repository) -> None:
    (first, one), (second, two) = (repository.job(file="/flaky.wbk", attempt=attempt) for attempt in (1, 2))
    assert (first.steps["Run"].code, second.steps["Run"].code) == (1, 0), second.steps["Run"].stderr
    assert (first.outputs["status"], second.outputs["status"]) == ("failed", "succeeded")
    assert report_of(one)["run_id"] == report_of(two)["run_id"]
    assert {job["id"]: len(job["executions"]) for job in report_of(two)["jobs"]} == {"before": 1, "main": 2}


def test_a_server_that_stays_away_ends_with_3_after_the_wait(repository: Repository) -> None:
    repository.url = dead_port()
    done, checkout = repository.job(inputs={"wait-for-server": "1s"})
    assert done.steps["Run"].code == 3, done.steps["Run"].stderr
    assert done.outputs["status"] == report_of(checkout)["status"]


OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("another job whose name begins alike", {"name": "load-eu"}),
    ("another place in the matrix", {"index": 1}),
    ("another pipeline run", {"run_id": "171"}),
    ("another environment", {"inputs": {"environment": "prod"}}),
    ("other variables", {"inputs": {"variables": "day=monday"}}),
]


def test_every_other_use_of_the_action_has_its_own_run_and_its_own_cache(repository: Repository) -> None:
    names = {told: repository.job(skip=("Run",), **it)[0].inside["names"] for told, it in [("the first", {}), *OTHERS]}
    for (told, one), (of_what, two) in permutations(names.items(), 2):
        assert one["run-key"] != two["run-key"], f"{told} and {of_what}"
        assert not one["cache"].startswith(two["cache"]), f"{told} and {of_what}"


def test_a_key_of_ones_own_holds_in_a_later_workflow_run(repository: Repository) -> None:
    key = {"run-key": "release 7"}
    (first, one), (second, two) = repository.job(inputs=key), repository.job(inputs=key, run_id="18")
    assert not first.failed
    assert not second.failed
    assert report_of(one)["run_key"] == "release 7"
    assert report_of(one)["run_id"] == report_of(two)["run_id"]


@pytest.mark.parametrize("door", ["input", "env"])
def test_state_in_a_database_needs_no_cache(repository: Repository, door: str) -> None:
    url = "postgresql://ci@127.0.0.1:9/spectrum?sslmode=disable"
    given: dict[str, Any] = {"inputs": {"state": url}} if door == "input" else {"env": {"SPECTRUM_STATE": url}}
    done, _ = repository.job(skip=("Run",), **given)
    assert done.inside["names"]["state"] == url
    assert not [name for name in done.used if "cache" in name]
    assert not repository.caches.saved


def test_a_folder_for_the_state_travels_in_the_cache(repository: Repository) -> None:
    done, _ = repository.job(skip=("Run",), inputs={"state": "kept/state"})
    assert [name.partition("@")[0] for name in done.used] == ["actions/cache/restore", "actions/cache/save"]


@pytest.mark.parametrize("door", ["input", "env"])
def test_the_home_folder_means_the_same_to_the_program_and_to_the_cache(
    repository: Repository, tmp_path: Path, door: str
) -> None:
    home = tmp_path / "a home"
    given = {"inputs": {"state": "~/st"}} if door == "input" else {"env": {"SPECTRUM_STATE": "~/st"}}
    runs = []
    for attempt in (1, 2):
        home.mkdir()
        env = {**given.get("env", {}), "HOME": str(home)}
        done, checkout = repository.job(attempt=attempt, inputs=given.get("inputs"), env=env)
        assert not done.failed, done.steps["Run"].stderr
        assert done.inside["names"]["state"] == f"{home}/st"
        assert (home / "st" / "runs").is_dir()
        assert not (checkout / "~").exists()
        runs.append(report_of(checkout)["run_id"])
        shutil.rmtree(home)  # each attempt has a fresh runner
    assert runs[0] == runs[1]


def test_a_cancelled_job_stops_what_runs_in_spectrum_and_leaves_a_report(repository: Repository) -> None:
    done, checkout = repository.job(
        file="/long.wbk", cancel=lambda: repository.latest(21).get("job_status") == "RUNNING"
    )
    ended = done.steps["Run"]
    assert (ended.code, ended.survived) == (130, ()), ended.stderr
    assert repository.latest(21)["job_status"] == "CANCELED"
    assert report_of(checkout)["status"] == "interrupted"
    assert done.outputs["status"] == "interrupted"
    assert len(repository.caches.saved) == 1, "the journal is kept for the next attempt"


def test_python_is_set_up_where_there_is_none_and_the_jobs_own_stays(tmp_path: Path, repository: Repository) -> None:
    # A PATH with a shell, and with a Python that is too old.
    path = tmp_path / "bare"
    path.mkdir()
    old = path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    for name in ("bash", "sh", "env"):
        (path / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    done, _ = repository.job(env={"PATH": str(path)})
    assert done.used[0].startswith("actions/setup-python@")
    assert not done.failed, {name: shown.stderr for name, shown in done.steps.items()}


def test_only_our_own_script_comes_to_the_path(tmp_path: Path) -> None:
    """The step as it stands, with an environment that has already what it would fetch."""
    text = ACTION.read_text(encoding="utf-8")
    match = re.search(r'\n        home=.*?GITHUB_PATH"\n', text, re.DOTALL)
    assert match
    script = match[0].replace('"$PYTHON" -m venv "$home/venv"', f'mkdir -p "$home" && ln -s {sys.prefix} "$home/venv"')
    script = re.sub(r'"\$home/venv/bin/pip" install [^\n]*', "", script)
    changed = tmp_path / "action" / "action.yml"
    changed.parent.mkdir()
    changed.write_text(text.replace(match[0], script), encoding="utf-8")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    done = use(changed, {"pipeline": "none.yaml"}, Job(checkout, plain_environment(**LOGIN)), tmp_path / "temp")
    assert done.steps["Install"].code == 0, done.steps["Install"].stderr
    assert done.steps["Run"].code == 2, "found on the PATH; there is no such pipeline"
    assert "none.yaml" in done.steps["Run"].stderr
    assert [it.name for it in (tmp_path / "temp" / "spectrum-pipelines" / "path").iterdir()] == ["spectrum-pipelines"]
