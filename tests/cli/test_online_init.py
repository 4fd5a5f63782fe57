"""`init --from-server`: what it writes is valid as it stands, and runs."""

from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, call, embedded

WORKSPACE = """
version: 1
users: [{name: analyst, password: analyst}]
files:
  - {id: 20, path: "/Data/My orders.imp", simulate: {records: 7}}
  - {id: 21, path: "/Other/My orders.wbk", simulate: {}}
  - {id: 22, path: "/Exports/2026 ${x} \\"ä\\" 🙂.exp", simulate: {}}
"""
FILES = ["/Data/My orders.imp", "/Other/My orders.wbk", "21", '/Exports/2026 ${x} "ä" 🙂.exp']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    return tmp_path


def wanted(*files: str) -> list[str]:
    return ["init", "new", "--from-server", *(word for file in files for word in ("--file", file))]


def test_a_first_pipeline_is_valid_knows_the_past_and_runs(folder: Path) -> None:
    with embedded(folder / "workspace.yaml") as server:
        env = {**LOGIN, "SPECTRUM_URL": server.url}
        assert call("job", "trigger", "20", "--wait", cwd=folder, env=env).code == 0
        written = call(*wanted(*FILES), cwd=folder, env=env)
        assert written.code == 0, written.stderr
        text = (folder / "new/pipeline.yaml").read_text(encoding="utf-8")
        assert call("validate", "--strict", "new/pipeline.yaml", cwd=folder, env=env).code == 0
        ran = call("run", "new/pipeline.yaml", "--only", "My-orders", "--progress", "none", cwd=folder, env=env)
        planned = call("plan", "new/pipeline.yaml", "--online", cwd=folder, env=env)
    assert ran.code == 0, ran.stderr
    assert planned.code == 0, planned.stdout
    assert "  My-orders: # file 20, job configuration " in text
    assert "last run 1 COMPLETED, usually " in text
    assert "timeout: 5m # " in text
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("  ")] == [
        "  My-orders", "    trigger", "    timeout", "  My-orders-2", "    trigger", "  file-21", "    trigger",
        "  file-2026-x", "    trigger",
    ]  # fmt: skip
    assert not (folder / "new/workspace.yaml").exists()
    assert (folder / "new/schemas/pipeline.schema.json").is_file()


def test_a_file_that_runs_is_called_by_its_name(folder: Path) -> None:
    """Spectrum tells names in the list of what waits or runs, and nowhere else."""
    slow = '  - {id: 23, path: "/Other/Big sales.wbk", simulate: {duration: 1h}}\n'
    (folder / "workspace.yaml").write_text(WORKSPACE + slow, encoding="utf-8")
    with embedded(folder / "workspace.yaml") as server:
        env = {**LOGIN, "SPECTRUM_URL": server.url}
        assert call("job", "trigger", "23", cwd=folder, env=env).code == 0
        written = call(*wanted("23", "20"), cwd=folder, env=env)
        assert written.code == 0, written.stderr
        assert call("validate", "--strict", "new/pipeline.yaml", cwd=folder, env=env).code == 0
    text = (folder / "new/pipeline.yaml").read_text(encoding="utf-8")
    assert "  Big-sales: # file 23, " in text
    assert '    trigger: "23"\n' in text
    assert "  file-20: # " in text


def test_a_file_that_is_not_there_is_named_and_nothing_is_written(folder: Path) -> None:
    ended = call(*wanted("20", "/gone.wbk"), "--local", "workspace.yaml", cwd=folder)
    assert ended.code == 2
    assert "/gone.wbk: " in ended.stderr
    assert not (folder / "new").exists()


def test_nothing_is_overwritten(folder: Path) -> None:
    (folder / "new").mkdir()
    (folder / "new/pipeline.yaml").write_text("mine", encoding="utf-8")
    assert call(*wanted("20"), "--local", "workspace.yaml", cwd=folder).code == 2
    assert (folder / "new/pipeline.yaml").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("args", [["--from-server"], ["--file", "20"]], ids=["no file", "no server"])
def test_both_options_go_together(args: list[str], folder: Path) -> None:
    assert call("init", "new", *args, cwd=folder).code == 2
    assert not (folder / "new").exists()


def test_the_embedded_servers_address_is_not_written_down(folder: Path) -> None:
    assert call(*wanted("20"), "--local", "workspace.yaml", cwd=folder).code == 0
    text = (folder / "new/pipeline.yaml").read_text(encoding="utf-8")
    assert 'server: {url: "${env.SPECTRUM_URL}"}' in text
