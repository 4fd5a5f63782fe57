"""What the embedded server needs and does not have: a package of its extra, the right kind of file, a folder, an address."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spectrum_pipelines.local.serving import RunningServer
from tests.cli.command_line import call

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 4, path: /a.imp, import: {source: a.csv, table: a}}
  - {id: 5, path: /a.wbk, data_driven: [4], workbook: {table: b, sql: SELECT * FROM a}}
"""
PIPELINE = "version: 1\nname: one\njobs: {one: {trigger: 4}}\n"
WITHOUT = "import sys; sys.modules[sys.argv.pop(1)] = None; from spectrum_pipelines.cli.main import main; main()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "one.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "a.csv").write_text("x\n1\n", encoding="utf-8")
    return tmp_path


COMMANDS = [
    pytest.param(["run", "one.yaml", "--local", "workspace.yaml"], id="run"),
    pytest.param(["local", "serve", "workspace.yaml"], id="serve"),
    pytest.param(["validate", "workspace.yaml"], id="validate"),
]


@pytest.mark.parametrize(
    ("package", "command"),
    [
        *(pytest.param("duckdb", *it.values, id=f"duckdb-{it.id}") for it in COMMANDS),
        *(pytest.param(name, *COMMANDS[0].values, id=f"{name}-run") for name in ("starlette", "uvicorn")),
    ],
)
def test_the_extra_that_is_missing_is_named(package: str, command: list[str], folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT, package, *command],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "SPECTRUM_STATE": "state"},
    )  # fmt: skip
    assert ended.returncode == 2, ended.stderr
    assert f"error: the embedded server is not installed ({package}" in ended.stderr
    assert "pip install 'spectrum-pipelines[local]'" in ended.stderr


WRONG_KINDS = [
    pytest.param(
        ["run", "workspace.yaml", "--local", "workspace.yaml"],
        "error: workspace.yaml is a workspace of the embedded server, not a pipeline\n",
        id="a workspace that is run",
    ),
    pytest.param(
        ["plan", "workspace.yaml"], "not a pipeline\nhint: name the pipeline", id="a workspace that is planned"
    ),
    pytest.param(
        ["run", "one.yaml", "--local", "one.yaml"],
        "error: one.yaml is a pipeline, not a workspace of the embedded server\n",
        id="a pipeline for --local",
    ),
    pytest.param(["local", "serve", "one.yaml"], "a workspace has `users` and `files`", id="a pipeline that is served"),
]


@pytest.mark.parametrize(("command", "told"), WRONG_KINDS)
def test_a_file_of_the_other_kind_is_one_sentence(command: list[str], told: str, folder: Path) -> None:
    ended = call(*command, cwd=folder)
    assert (ended.code, len(ended.stderr.splitlines())) == (2, 2), ended.stderr
    assert told in ended.stderr


CANNOT = [
    pytest.param(
        PermissionError(errno.EACCES, "Permission denied", "ws/.spectrum-local"),
        "ws/.spectrum-local: Permission denied\nhint: make that folder writable for this user, or copy the workspace to a",
        id="a folder of somebody else",
    ),
    pytest.param(
        OSError(errno.EROFS, "Read-only file system", "ws/.spectrum-local"),
        "make that folder writable",
        id="a read-only disk",
    ),
    pytest.param(
        OSError(errno.EADDRINUSE, "Address already in use"),
        "cannot start: Address already in use\nhint: is another server running on this workspace?",
        id="an address in use",
    ),
    pytest.param(
        OSError("ws/x is a link: remove the link"), "cannot start: ws/x is a link: remove the link\n", id="its own word"
    ),
]


@pytest.mark.parametrize(("error", "told"), CANNOT)
def test_why_it_cannot_start_is_said_with_the_place(
    error: OSError, told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> RunningServer:
        raise error

    monkeypatch.setattr(RunningServer, "start", refused)
    ended = call("local", "serve", "workspace.yaml", cwd=folder)
    assert ended.code == 2
    assert told in ended.stderr
