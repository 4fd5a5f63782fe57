"""Start-up counts in CI: which heavy packages a command may load, seen in a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import PIPELINES, plain_environment

HEAVY = {
    "requests", "urllib3", "tenacity", "rich", "jsonschema", "referencing", "yaml", "jinja2", "junitparser", "duckdb",
    "starlette", "uvicorn", "asyncio", "http.server",
}  # fmt: skip
WIRE = {"requests", "urllib3", "tenacity"}
LOCAL = {"duckdb", "starlette", "uvicorn", "asyncio"}
_SCRIPT = """
import json, os, sys
from spectrum_pipelines.cli.main import run
code = run(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump({"code": code, "modules": sorted(sys.modules)}, file)
"""


def loaded_by(args: list[str], folder: Path) -> tuple[int, set[str]]:
    told = folder / "told.json"
    command = [sys.executable, "-c", _SCRIPT, str(told), *args]
    env = plain_environment(SPECTRUM_URL="http://127.0.0.1:1")
    subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=20, check=False)
    found = json.loads(told.read_text(encoding="utf-8"))
    return found["code"], set(found["modules"])


ROWS = [
    pytest.param(["--version"], set(), id="--version: nothing at all"),
    pytest.param(["--help"], set(), id="--help: no command is imported"),
    pytest.param(["schema", "pipeline"], set(), id="schema: a file is read"),
    pytest.param(["runs"], {"tenacity"}, id="runs: journals are JSON"),
    pytest.param(["validate", "--help"], set(), id="help of validate: parsers wait for a file"),
    pytest.param(["validate", "good.yaml"], {"yaml"}, id="validate: a clean file needs no validator"),
    pytest.param(["plan", "good.yaml"], {"yaml"}, id="plan: nothing of a network"),
    pytest.param(["job", "--help"], set(), id="help of job: no network either"),
    pytest.param(["run", "--help"], {"tenacity"}, id="help of run: no network, no bar"),
    pytest.param(
        ["job", "status", "1", "--local", "workspace.yaml"], {"yaml"} | WIRE | LOCAL, id="job --local: wire and server"
    ),
    pytest.param(
        ["run", "good.yaml", "--local", "workspace.yaml"], {"yaml"} | WIRE | LOCAL, id="run: no bar without a terminal"
    ),
]


@pytest.mark.parametrize(("args", "allowed"), ROWS)
def test_a_command_loads_what_it_needs(args: list[str], allowed: set[str], tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("version: 1\nname: good\njobs: {a: {trigger: 1}}\n", encoding="utf-8")
    (tmp_path / "workspace.yaml").write_text(
        "version: 1\nusers: [{name: a, password: b}]\nfiles: [{id: 1, path: /a.wbk, simulate: {}}]\n", encoding="utf-8"
    )
    code, modules = loaded_by(args, tmp_path)
    assert code == 0
    assert modules & HEAVY <= allowed


def test_the_examples_are_clean_without_the_validator() -> None:
    args = ["validate", *sorted(it.name for it in PIPELINES.glob("*.yaml"))]
    script = (
        "import sys; from spectrum_pipelines.cli.main import run; run(sys.argv[1:]); print('jsonschema' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, *args], cwd=PIPELINES, capture_output=True, text=True, timeout=20, check=True
    )
    assert ended.stdout == "False\n"


def test_a_ctrl_c_while_the_program_is_imported_ends_without_a_traceback(tmp_path: Path) -> None:
    """The signal comes as click, the first of the imports, is read."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n", encoding="utf-8")
    env = plain_environment(PYTHONPATH=str(tmp_path))
    command = [sys.executable, "-m", "spectrum_pipelines", "--version"]
    ended = subprocess.run(command, env=env, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, b"", b"")
