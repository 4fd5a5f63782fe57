"""A workspace from a stranger: its files, its queries and the state folder that it brings along reach nothing outside."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spectrum_pipelines.local.tables import Tables
from spectrum_pipelines.local.workspace import check_workspace
from tests.local.conftest import ANALYST, Open


def space(*files: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "users": [ANALYST], "files": list(files)}


def book(sql: str) -> dict[str, Any]:
    return {"id": 1, "path": "/a.wbk", "workbook": {"table": "t", "sql": sql}}


def exported(to: str, sql: str = "SELECT 1 AS a") -> dict[str, Any]:
    return {"id": 2, "path": "/a.exp", "export": {"sql": sql, "to": to, "format": "csv"}}


def imported(source: str) -> dict[str, Any]:
    return {"id": 3, "path": "/a.imp", "import": {"source": source, "table": "i", "format": "csv"}}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody else beside the workspace's own, with a file in it."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.csv").write_text("a\nhush\n")
    return folder


@pytest.fixture
def inside(tmp_path: Path, outside: Path) -> Path:
    """The folder of a workspace, with links out of it."""
    folder = tmp_path / "inside"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git/config").write_text("a\ntoken\n")
    (folder / ".spectrum-local").mkdir()
    (folder / ".spectrum-local/a.csv").write_text("a\n")
    (folder / "folder").mkdir()
    (folder / "good.csv").write_text("a\n1\n")
    (folder / "out").symlink_to(outside)
    (folder / "link.csv").symlink_to(outside / "secret.csv")
    (folder / "loop.csv").symlink_to("loop.csv")
    (folder / "own.csv").symlink_to("good.csv")
    os.mkfifo(folder / "pipe.csv")
    return folder


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param("../outside/secret.csv", "leads out of the workspace's folder", id="dots"),
        pytest.param("folder/../../outside/secret.csv", "leads out of the workspace's folder", id="dots-in-between"),
        pytest.param("/etc/passwd", "leads out of the workspace's folder", id="absolute"),
        pytest.param("link.csv", "leads out of the workspace's folder by a link", id="link"),
        pytest.param("out/secret.csv", "leads out of the workspace's folder by a link", id="link-to-a-folder"),
        pytest.param(".git/config", "lies in .git, which is not", id="git"),
        pytest.param("folder/../.GIT/config", "lies in .GIT, which is not", id="git-in-capitals"),
        pytest.param(".spectrum-local/a.csv", "lies in .spectrum-local, which is not", id="state"),
        pytest.param("a\0b.csv", "is no name of a file", id="nul"),
        pytest.param("\ud800.csv", "is no name of a file", id="half-a-character"),
        pytest.param("pipe.csv", "", id="pipe"),
        pytest.param("folder", "", id="folder"),
        pytest.param("loop.csv", "", id="loop"),
        pytest.param("x" * 5000, "", id="endless"),
    ],
)
def test_a_place_outside_is_a_fault_at_its_line(name: str, told: str, inside: Path) -> None:
    source, target = (
        check_workspace(space(imported(name)), inside),
        check_workspace(space(exported(name)), inside),
    )
    assert [one.path for one in source] == [("files", 0, "import", "source")]
    assert told in source[0].message
    if told:
        assert [(one.path, one.message) for one in target] == [(("files", 0, "export", "to"), source[0].message)]
    elif not name.startswith("x"):
        assert [one.message for one in target] == [f"{name!r} is there and is no regular file"]


def test_links_that_stay_inside_are_no_fault(inside: Path) -> None:
    assert check_workspace(space(imported("own.csv"), exported("own.csv")), inside) == []


def test_two_names_of_one_target_are_told(inside: Path) -> None:
    twice = exported("folder/../good.csv") | {"id": 4, "path": "/b.exp"}
    assert [one.message for one in check_workspace(space(exported("own.csv"), twice), inside)] == [
        "export target 'good.csv' is already taken by files[0]"
    ]


FILE_QUERIES = [
    "SELECT hex(content) AS x FROM read_blob('/proc/self/environ')",
    "SELECT * FROM READ_TEXT('{outside}/secret.csv')",
    "SELECT * FROM read_csv('{outside}/secret.csv')",
    "SELECT * FROM read_csv('{inside}/out/secret.csv')",
    "SELECT * FROM read_csv('{inside}/*.csv')",
    "SELECT (SELECT count(*) FROM glob('/*'))",
    "WITH a AS (FROM sniff_csv('/etc/passwd')) FROM a",
    "SELECT * FROM parquet_scan('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
]
OTHER_QUERIES = [
    "SELECT * FROM '{outside}/secret.csv'",
    "SELECT * FROM 'http://127.0.0.1:1/x.csv'",
    "SELECT getenv('SPECTRUM_PASSWORD')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table('/etc/passwd')",
    "SELECT * FROM duckdb_extensions()",
]


@pytest.mark.parametrize("sql", FILE_QUERIES)
def test_a_query_that_opens_files_is_a_fault_at_its_line(sql: str, inside: Path) -> None:
    faults = check_workspace(space(book(sql)), inside)
    assert [one.path for one in faults] == [("files", 0, "workbook", "sql")]
    assert "the query opens files by " in faults[0].message


@pytest.mark.parametrize("sql", [*FILE_QUERIES, *OTHER_QUERIES])
def test_a_query_reaches_no_file_and_no_environment(
    sql: str, inside: Path, outside: Path, site: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECTRUM_PASSWORD", "hush")
    asked = sql.format(inside=inside, outside=outside)
    server = site(book(asked), exported("got.csv", asked), imported("good.csv"), folder=inside)
    for file in (1, 2):
        assert server.until(server.trigger(file)).status == "ERROR"
    assert not (inside / "got.csv").exists()
    assert "hush" not in "".join(server.lines)


@pytest.mark.parametrize(
    "statement",
    [
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET allowed_paths = ['/etc/passwd']",
        "SET allowed_configs = ['lock_configuration']",
        "SET GLOBAL temp_directory = '/tmp'",
        "SET memory_limit = '100GB'",
        "RESET memory_limit",
        "SET threads = 99",
        "SET max_temp_directory_size = '1TB'",
        "SET log_query_path = '{outside}/log'",
        "PRAGMA profiling_output = '{outside}/profile'",
        "CALL enable_logging(storage = 'file', storage_config = {{'path': '{outside}/logs'}})",
        "COPY (SELECT 1) TO '{outside}/x.csv'",
        "COPY (SELECT 1) TO '{inside}/x.csv'",
        "CREATE TABLE t AS FROM read_csv('{outside}/secret.csv')",
        "ATTACH '{outside}/x.duckdb'",
        "EXPORT DATABASE '{outside}/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "LOAD '{outside}/x.duckdb_extension'",
    ],
)
def test_duckdb_itself_is_closed(statement: str, inside: Path, outside: Path) -> None:
    before = sorted(outside.iterdir())
    tables = Tables(None, [inside / "good.csv"])
    cursor = tables.cursor()
    assert cursor.run(f"SELECT count(*) FROM read_csv('{inside}/good.csv')") == (1,)
    with pytest.raises(duckdb.Error):
        cursor.run(statement.format(inside=inside, outside=outside))
    cursor.close()
    tables.close()
    assert sorted(outside.iterdir()) == before


def test_a_link_that_comes_later_leads_nowhere(inside: Path, outside: Path, site: Open) -> None:
    other = exported("y.csv") | {"id": 4, "path": "/y.exp"}
    server = site(imported("good.csv"), exported("later/x.csv"), other, folder=inside)
    (inside / "good.csv").unlink()
    (inside / "good.csv").symlink_to(outside / "secret.csv")
    (inside / "later").symlink_to(outside)
    (inside / ".y.csv.part").symlink_to(outside / "secret.csv")
    assert server.until(server.trigger(3)).status == "ERROR"
    assert server.until(server.trigger(2)).status == "ERROR"
    assert server.until(server.trigger(4)).status == "COMPLETED"
    assert (inside / "y.csv").read_text() == "a\n1\n"
    assert [(one.name, one.read_text()) for one in outside.iterdir()] == [("secret.csv", "a\nhush\n")]


def foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE VIEW t AS SELECT 'stranger' AS a")
        database.execute("CREATE MACRO count(x) AS 42")


def copied(path: Path) -> None:
    """A database that a server made, for somebody else: its mark comes along."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(path.parent.parent / "home of somebody else"))
        Tables(path.parent, []).close()


@pytest.mark.parametrize("make", [foreign, copied])
def test_tables_that_were_not_made_here_are_not_opened(make: Callable[[Path], None], tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    make(state / "tables.duckdb")
    before = (state / "tables.duckdb").read_bytes()
    with pytest.raises(OSError, match="they were not made here"):
        Tables(state, [])
    assert (state / "tables.duckdb").read_bytes() == before


def test_tables_that_take_the_place_of_ours_are_not_opened(tmp_path: Path) -> None:
    Tables(tmp_path, []).close()
    Tables(tmp_path, []).close()  # ours
    (tmp_path / "tables.duckdb").unlink()
    foreign(tmp_path / "tables.duckdb")
    with pytest.raises(OSError, match="they were not made here"):
        Tables(tmp_path, [])


def killed(folder: Path) -> None:
    """Leave a database and its log as a kill does."""
    script = (
        "import duckdb, os; c = duckdb.connect('tables.duckdb'); c.execute('CREATE VIEW t AS SELECT 1'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, timeout=20)


def test_a_log_without_its_database_is_not_replayed(tmp_path: Path) -> None:
    killed(tmp_path)
    (tmp_path / "tables.duckdb").unlink()
    assert (tmp_path / "tables.duckdb.wal").exists()
    tables = Tables(tmp_path, [])
    assert tables.cursor().run("SELECT count(*) FROM duckdb_views() WHERE NOT internal") == (0,)
    tables.close()


def test_a_log_of_another_database_is_refused(tmp_path: Path) -> None:
    Tables(tmp_path, []).close()
    other = tmp_path / "other"
    other.mkdir()
    killed(other)
    shutil.copy(other / "tables.duckdb.wal", tmp_path)
    with pytest.raises(OSError, match="cannot open the server's tables"):
        Tables(tmp_path, [])


def test_what_does_not_fit_into_memory_goes_into_the_state_folder_alone(tmp_path: Path, site: Open) -> None:
    (tmp_path / "state/tables.duckdb.tmp").mkdir(parents=True)
    (tmp_path / "state/tables.duckdb.tmp/left by a kill").write_text("")
    server = site(
        book("SELECT current_setting('temp_directory') AS a"), exported("a.csv", "FROM t"), state=tmp_path / "state"
    )
    server.until(server.trigger(1), "COMPLETED")
    server.until(server.trigger(2), "COMPLETED")
    assert (tmp_path / "a.csv").read_text() == f"a\n{tmp_path}/state/tables.duckdb.tmp\n"
    assert not (tmp_path / "state/tables.duckdb.tmp/left by a kill").exists()


def test_a_query_that_wants_more_memory_than_a_workspace_has_fails_and_the_server_goes_on(site: Open) -> None:
    server = site(book("SELECT repeat(random()::VARCHAR, 500) AS a FROM range(1000000)"), exported("a.csv"))
    ended = server.until(server.trigger(1), "ERROR")
    assert "Out of Memory" in "".join(server.lines), ended
    server.until(server.trigger(2), "COMPLETED")


def test_a_workspace_has_a_part_of_the_machine() -> None:
    told = (
        Tables(None, [])
        .cursor()
        .run(
            "SELECT current_setting('memory_limit'), current_setting('max_temp_directory_size'), current_setting('threads')"
        )
    )
    assert told[:2] == ("1.0 GiB", "10.0 GiB")
    assert 1 <= int(told[2]) <= 4


def test_without_a_home_the_key_is_kept_with_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").write_text("no folder")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    state = tmp_path / "state"
    state.mkdir()
    Tables(state, []).close()
    Tables(state, []).close()
    (kept,) = (tmp_path / "tmp").iterdir()
    assert [(one.name, one.stat().st_size, one.stat().st_mode & 0o777) for one in kept.iterdir()] == [
        ("key", 32, 0o600)
    ]


@pytest.mark.parametrize("spoil", ["a link", "open to all", "a key that is a link", "a short key", "a pipe"])
def test_a_key_that_others_may_know_or_choose_is_not_used(
    spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, place = tmp_path / "theirs", tmp_path / "home/.local/state/spectrum-pipelines/local"
    theirs.mkdir(mode=0o700)
    (theirs / "key").write_bytes(b"k" * 32)
    place.parent.mkdir(parents=True)
    match spoil:
        case "a link":
            place.symlink_to(theirs)
        case "open to all":
            place.mkdir()
            place.chmod(0o777)
        case "a key that is a link":
            place.mkdir(mode=0o700)
            (place / "key").symlink_to(theirs / "key")
        case "a short key":
            place.mkdir(mode=0o700)
            (place / "key").write_bytes(b"k")
        case _:
            place.mkdir(mode=0o700)
            os.mkfifo(place / "key")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    state = tmp_path / "state"
    state.mkdir()
    Tables(state, []).close()
    assert [one.name for one in (tmp_path / "tmp").rglob("key")] == ["key"]  # its own, elsewhere
