"""Real jobs on real files: imports, workbooks, exports, and what a stop leaves behind."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from spectrum_pipelines.local.execution import Execution, Status, Trigger
from spectrum_pipelines.local.model import ExecutionId, FileId
from tests.local.conftest import Open

HEAVY = "SELECT count(*) AS n FROM range(100000000000000) AS t(n) WHERE n % 7 = 3"


def imported(source: str, **more: Any) -> dict[str, Any]:
    return {"id": 1, "path": "/data.imp", "import": {"source": source, "table": "data"} | more}


def exported(sql: str = "SELECT * FROM data", to: str = "out/data.csv") -> dict[str, Any]:
    return {"id": 3, "path": "/data.exp", "export": {"sql": sql, "to": to}}


def write_parquet(path: Path) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY (SELECT 1 AS a, 'x' AS b UNION ALL SELECT 2, 'y') TO '{path}' (FORMAT parquet)")


@pytest.mark.parametrize("name", ["data.csv", "data.json", "data.jsonl", "data.parquet", "it's [1] *?.csv"])
def test_an_import_reads_each_format(name: str, tmp_path: Path, site: Open) -> None:
    texts = {
        ".csv": "a,b\n1,x\n2,y\n",
        ".json": '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
        ".jsonl": '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n',
    }
    path = tmp_path / name
    if path.suffix == ".parquet":
        write_parquet(path)
    else:
        path.write_text(texts[path.suffix])
    server = site(imported(name), exported())
    details = server.details(server.until(server.trigger(1), "COMPLETED").id)
    assert (details["successCount"], details["failureCount"]) == (2, 0)
    assert details["counters"] | {"IMPORT_OUTPUT_BYTES": 0} == {
        "IMPORT_RECORDS": 2,
        "IMPORT_PREVIEW_RECORDS": 2,
        "IMPORT_OUTPUT_BYTES": 0,
        "IMPORT_DROPPED_SPLITS": 0,
        "IMPORT_DROPPED_RECORDS": 0,
        "IMPORT_BYTES": path.stat().st_size,
        "IMPORT_OUTPUT_PARTITIONS": 1,
    }
    server.until(server.trigger(3), "COMPLETED")
    assert (tmp_path / "out/data.csv").read_text() == "a,b\n1,x\n2,y\n"


@pytest.mark.parametrize(
    ("name", "text", "dropped"),
    [
        pytest.param("torn.csv", "a,b\n1,x\n2\n3,y,z\n4,w\n", 2, id="csv-too-few-and-too-many-cells"),
        pytest.param("typed.csv", "a,b\n1,x\nno,y\n,z\n", 1, id="csv-cell-that-does-not-fit-its-type"),
        pytest.param("typed.json", '[{"a": "1", "b": 1}, {"a": "no", "b": 2}, {"a": null, "b": 3}]', 1, id="json"),
    ],
)
def test_rows_that_do_not_fit_are_dropped_and_counted(
    name: str, text: str, dropped: int, tmp_path: Path, site: Open
) -> None:
    (tmp_path / name).write_text(text)
    server = site(imported(name, columns={"a": "BIGINT"}))
    details = server.details(server.until(server.trigger(1), "COMPLETED_WITH_WARNINGS").id)
    assert (details["successCount"], details["failureCount"]) == (2, dropped)
    assert details["counters"]["IMPORT_DROPPED_RECORDS"] == dropped


def test_a_failed_import_leaves_the_table_as_it_was(tmp_path: Path, site: Open) -> None:
    source = tmp_path / "data.json"
    source.write_text('[{"a": 1}]')
    server = site(imported("data.json"), exported())
    server.until(server.trigger(1), "COMPLETED")
    source.write_text('[{"a": 2}, {"a":')
    failed = server.until(server.trigger(1), "ERROR")
    assert (failed.failure_count, bool(failed.reason)) == (1, True)
    server.until(server.trigger(3), "COMPLETED")
    assert (tmp_path / "out/data.csv").read_text() == "a\n1\n"


def book(sql: str, table: str = "book", **more: Any) -> dict[str, Any]:
    return {"id": 2, "path": "/book.wbk", "workbook": {"table": table, "sql": sql}} | more


def test_variables_are_bound_and_never_spliced(tmp_path: Path, site: Open) -> None:
    (tmp_path / "data.csv").write_text("a\nx' OR 'x'='x\nsafe\n")
    upstream = imported("data.csv")
    select = book("SELECT * FROM data WHERE a = $wanted", variables={"wanted": "safe"}, data_driven=[1])
    server = site(upstream, select, exported("SELECT * FROM book"))
    plan = server.sequence(1, wanted="x' OR 'x'='x", nobodys="1").data["execution-plan"]
    assert server.until(plan[1]["job-execution-id"], "COMPLETED").counters["WORKBOOK_RECORDS"] == 1
    server.until(server.trigger(3), "COMPLETED")
    assert (tmp_path / "out/data.csv").read_text() == "a\nx' OR 'x'='x\n"
    assert server.until(server.trigger(2), "COMPLETED").success_count == 1  # the values were for that run only
    server.until(server.trigger(3), "COMPLETED")
    assert (tmp_path / "out/data.csv").read_text() == "a\nsafe\n"


def test_an_sql_error_is_an_error_with_a_count(site: Open) -> None:
    server = site(book("SELECT * FROM nowhere"))
    details = server.details(server.until(server.trigger(2), "ERROR").id)
    assert (details["successCount"], details["failureCount"], details["counters"]) == (0, 1, {})
    assert "nowhere" in server.lines[-1]


@pytest.mark.parametrize("value", [10**400, float("inf"), "\ud800", "", True], ids=str)
def test_a_variable_that_no_database_likes_still_ends_the_run(value: object, site: Open) -> None:
    server = site(book("SELECT $a AS a", variables={"a": 1}, data_driven=[1]), {"id": 1, "path": "/a", "simulate": {}})
    body = json.dumps({"fileIds": [1], "variables": {"a": value}}).replace("Infinity", "1e999")
    plan = server.call("POST", "/api/job-execution/trigger", body).data["execution-plan"]
    assert server.until(plan[1]["job-execution-id"]).status in {"COMPLETED", "ERROR"}


@pytest.mark.parametrize("to", ["out/deep/data.csv", "data.json", "data.parquet", "it's.csv"])
def test_an_export_writes_each_format(to: str, tmp_path: Path, site: Open) -> None:
    server = site(exported("SELECT n, n > 1 AS big FROM range(3) AS t(n) -- end", to))
    run = server.until(server.trigger(3), "COMPLETED")
    path = tmp_path / to
    assert run.counters == {"EXPORT_RECORDS": 3, "EXPORT_DROPPED_RECORDS": 0, "EXPORT_BYTES": path.stat().st_size}
    assert list(path.parent.glob(".*")) == []
    if path.suffix == ".json":
        assert json.loads(path.read_text())[2] == {"n": 2, "big": True}


def test_a_stop_interrupts_a_real_query(tmp_path: Path, site: Open) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/data.csv").write_text("old")
    server = site(book(HEAVY), exported(HEAVY))
    for file in (2, 3):
        number = server.trigger(file)
        assert server.status(file)["job-status"] == "RUNNING"
        assert server.stop(file).text == ""
        assert server.stop(file).code in {200, 409}  # a second stop, before or after the end
        run = server.until(number)
        assert (run.status, run.start is not None, run.stop is not None) == ("CANCELED", True, True)
    assert [(one.name, one.read_text()) for one in (tmp_path / "out").iterdir()] == [("data.csv", "old")]


def test_a_real_query_is_estimated_by_its_past(site: Open) -> None:
    hours = Execution(
        id=ExecutionId(1),
        file_id=FileId(2),
        user="analyst",
        trigger=Trigger.REST,
        status=Status.COMPLETED,
        created=0,
        start=0,
        stop=7_200_000,
    )
    server = site(book(HEAVY), exported(HEAVY), seed=[hours])
    server.trigger(2)
    server.trigger(3)
    shown, unknown = server.status(2), server.status(3)
    assert shown["job-progress"].isdigit()
    assert 7100 < int(shown["estimate-time"].removesuffix("s")) <= 7200
    assert unknown["estimate-time"] == "0s"


def test_deleted_data_is_gone(tmp_path: Path, site: Open) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    server = site(imported("data.csv"), exported())
    old, new = (server.until(server.trigger(1), "COMPLETED").id for _ in range(2))
    export = server.until(server.trigger(3), "COMPLETED").id
    assert server.call("DELETE", f"/rest/data/{old}").data == {"status": True}
    server.until(server.trigger(3), "COMPLETED")  # what is in the table came from the newer run
    assert server.call("DELETE", f"/rest/data/{new}").data == {"status": True}
    assert server.call("DELETE", f"/rest/data/{new}").data == {"status": False}
    assert server.until(server.trigger(3)).status == "ERROR"
    assert server.call("DELETE", f"/rest/data/{export}").code == 404  # an export keeps no data here
