"""The pieces with their state in a database: the machine of the first attempt is lost, another one with an empty disk goes on."""

import shlex
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ci import shells
from tests.ci.test_kubernetes import ARGO, ARGO_CD, container
from tests.ci.test_scripts import NIGHTLY, Folder, systems
from tests.cli.command_line import PROGRAM, call, embedded, plain_environment
from tests.databases import OWNER, PASSWORDS, DatabaseServer

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: /quick.wbk, simulate: {}}
  - {id: 21, path: /some.wbk, simulate: {duration: 6s}}
"""


@pytest.fixture
def state(databases: DatabaseServer, tmp_path: Path) -> dict[str, str]:
    """The environment that names a database, and lets one in."""
    url = databases.url(schema=databases.new_schema(), lease="2s", sslmode="disable")
    env = {"SPECTRUM_STATE": url, "SPECTRUM_STATE_PASSWORD": PASSWORDS[OWNER]}
    made = call("state", "init", cwd=tmp_path, env=env)
    assert made.code == 0, made.stderr
    return env


@systems
def test_a_machine_that_is_lost_is_replaced_by_one_with_an_empty_disk(
    name: str, state: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    machines = [Folder(tmp_path / side) for side in ("first", "second")]
    monkeypatch.setattr(shells, "SCHEDULE", ((signal.SIGKILL, 5.0),))
    with embedded(tmp_path / "workspace.yaml") as server:

        def is_running() -> bool:
            return machines[0].latest(server.url, 21).get("job_status") == "RUNNING"

        lost = machines[0].step(name, server.url, file="/some.wbk", cancel=is_running, env=state)
        assert lost.code == -signal.SIGKILL
        going_on = machines[1].step(name, server.url, file="/some.wbk", env=state)
        assert going_on.code == 0, going_on.stderr
        executions = [job["executions"] for job in machines[1].report()["jobs"]]
        latest = machines[1].latest(server.url, 21)["execution_id"]
    assert [len(found) for found in executions] == [1, 1], "each job was triggered once"
    assert latest == executions[1][0]["execution_id"]
    assert not (machines[1].path / ".spectrum-pipelines").exists()


def argo_container() -> Any:
    """The container that Argo makes for the pipeline `nightly`."""
    template = next(yaml.safe_load_all(ARGO.read_text(encoding="utf-8")))["spec"]["templates"][1]
    text = yaml.safe_dump(template["container"])
    return yaml.safe_load(text.replace("{{inputs.parameters.pipeline}}", "nightly").replace("{{workflow.uid}}", "u-1"))


PODS = {"Argo CD": lambda: container(ARGO_CD), "Argo Workflows": argo_container}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_that_is_killed_is_replaced_by_one_that_goes_on(
    name: str, state: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    monkeypatch.setattr(shells, "SCHEDULE", ((signal.SIGKILL, 5.0),))
    folder = Folder(tmp_path / "test")
    mounts = {it: tmp_path / it for it in ("pipelines", "secrets")}
    for path in mounts.values():
        path.mkdir()
    (mounts["pipelines"] / "nightly.yaml").write_text(NIGHTLY.replace("FILE", "/some.wbk"), encoding="utf-8")
    (mounts["secrets"] / "password").write_text("analyst\n", encoding="utf-8")
    (mounts["secrets"] / "state-password").write_text(state["SPECTRUM_STATE_PASSWORD"], encoding="utf-8")
    pod = PODS[name]()
    with embedded(tmp_path / "workspace.yaml") as server:
        # What names a place of an example is replaced, and what the cluster fills in.
        here = {"SPECTRUM_URL": server.url, "SPECTRUM_USERNAME": "analyst", "SPECTRUM_STATE": state["SPECTRUM_STATE"]}
        if name == "Argo CD":
            here["SPECTRUM_RUN_KEY"] = "4b825dc6"
        told = {one["name"]: one.get("value", "") for one in pod["env"]} | here
        env = {key: value.replace("/secrets/", f"{mounts['secrets']}/") for key, value in told.items()}
        arguments = [it.replace("/pipelines/", f"{mounts['pipelines']}/") for it in pod["args"]]

        def run(disk: Path, cancel: shells.Moment | None = None) -> shells.Shown:
            disk.mkdir()
            command = f"exec {shlex.join([PROGRAM, *arguments])}"
            return shells.step(
                ["sh", "-c", command], cwd=disk, env=plain_environment(**env), log=disk / "log", cancel=cancel
            )

        lost = run(tmp_path / "one", lambda: folder.latest(server.url, 21).get("job_status") == "RUNNING")
        assert lost.code == -signal.SIGKILL
        going_on = run(tmp_path / "two")
        assert going_on.code == 0, going_on.stderr
        assert folder.latest(server.url, 20)["execution_id"] == 1
        assert folder.latest(server.url, 21)["execution_id"] == 2, "each job was triggered once"
