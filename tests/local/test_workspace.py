"""What a workspace may say: the schema, the faults beyond it, the model, and the workspace that ships."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spectrum_pipelines.local.duration import seconds_of
from spectrum_pipelines.local.model import Export, FileId, Format, Import, Kind, Repeat, Simulate
from spectrum_pipelines.local.plan import order
from spectrum_pipelines.local.workspace import Fault, build_workspace, check_workspace
from tests.local.conftest import ADMIN, ANALYST, Open

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas/workspace.schema.json").read_text(encoding="utf-8"))
SHIPPED = ROOT / "pipelines/workspace/workspace.yaml"


def space(*files: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"version": 1, "users": [ANALYST, ADMIN], "files": list(files)} | more


def file(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "path": f"/{number}.wbk", "simulate": {}} | more


def imported(number: int, source: str = "data.csv", table: str = "data", **more: Any) -> dict[str, Any]:
    return {"id": number, "path": f"/{number}.imp", "import": {"source": source, "table": table}} | more


def book(number: int, sql: str, table: str = "book", **more: Any) -> dict[str, Any]:
    return {"id": number, "path": f"/{number}.wbk", "workbook": {"sql": sql, "table": table}} | more


def exported(number: int, sql: str = "SELECT 1", to: str = "out.csv") -> dict[str, Any]:
    return {"id": number, "path": f"/{number}.exp", "export": {"sql": sql, "to": to}}


BAD: dict[str, tuple[dict[str, Any], tuple[str | int, ...], str, str | None]] = {
    "user-twice": (space(users=[ANALYST, ANALYST]), ("users", 1, "name"), "user name 'analyst' is already", "another"),
    "id-twice": (
        space(file(1), file(1, path="/b")),
        ("files", 1, "id"),
        "file id 1 is already taken by files[0]",
        None,
    ),
    "path-twice": (space(file(1), file(2, path="/1.wbk")), ("files", 1, "path"), "path '1.wbk' is already", None),
    "path-spelled-otherwise": (
        space(file(1, path="/K\u00f6ln"), file(2, path="/Ko\u0308ln")),
        ("files", 1, "path"),
        "path 'Köln' is already",
        None,
    ),
    "uuid-twice": (space(file(1, uuid="u"), file(2, uuid="u")), ("files", 1, "uuid"), "uuid 'u' is already", None),
    "configuration-twice": (
        space(file(1), file(2, configuration_id=1001)),
        ("files", 1, "configuration_id"),
        "configuration id 1001 is already taken by files[0]",
        None,
    ),
    "configuration-hit-by-default": (
        space(file(1, configuration_id=1002), file(2)),
        ("files", 1, "id"),
        "configuration id 1002 is already",
        None,
    ),
    "table-twice": (
        space(imported(1), book(2, "SELECT 1", "Data")),
        ("files", 1, "workbook", "table"),
        "table 'data' is already",
        None,
    ),
    "target-twice": (space(exported(1), exported(2)), ("files", 1, "export", "to"), "export target 'out.csv'", None),
    "no-data-file": (
        space(imported(1, "gone.csv")),
        ("files", 0, "import", "source"),
        "there is no data file 'gone.csv'",
        "paths start at",
    ),
    "format-unknown": (
        space(imported(1, "data.txt")),
        ("files", 0, "import", "source"),
        "the ending '.txt' does not tell the format",
        "add format",
    ),
    "export-format-unknown": (
        space(exported(1, to="out")),
        ("files", 0, "export", "to"),
        "the ending ''",
        "add format",
    ),
    "unknown-source": (
        space(file(12), file(2, data_driven=[11])),
        ("files", 1, "data_driven", 0),
        "no file has the id 11",
        "ids are 12, 2",
    ),
    "import-driven": (
        space(file(2), imported(1, sources=[2])),
        ("files", 1, "sources"),
        "an import reads a data file",
        "take sources out",
    ),
    "circle": (
        space(file(1, data_driven=[2]), file(2, data_driven=[1])),
        ("files", 0),
        "in a circle: 1 -> 2 -> 1",
        None,
    ),
    "self": (space(file(1, sources=[1])), ("files", 0), "in a circle: 1 -> 1", None),
    "unknown-user": (
        space(file(1, users=["analist"])),
        ("files", 0, "users", 0),
        "no user is called 'analist'",
        "did you mean 'analyst'?",
    ),
    "variables-of-an-import": (
        space(imported(1, variables={"a": 1})),
        ("files", 0, "variables"),
        "only a workbook takes variables",
        None,
    ),
    "sql-syntax": (space(book(1, "SELEC 1")), ("files", 0, "workbook", "sql"), "syntax error", None),
    "sql-two": (space(exported(1, "SELECT 1; SELECT 2")), ("files", 0, "export", "sql"), "not one SELECT", None),
    "sql-no-query": (space(book(1, "DROP TABLE x")), ("files", 0, "workbook", "sql"), "not one SELECT", None),
    "sql-empty": (space(book(1, "-- nothing")), ("files", 0, "workbook", "sql"), "not one SELECT", None),
    "sql-variable": (
        space(book(1, "SELECT $stat", variables={"state": "TX"})),
        ("files", 0, "workbook", "sql"),
        "asks for the variable $stat,",
        "did you mean 'state'?",
    ),
    "sql-table": (
        space(imported(1), book(2, "WITH own AS (SELECT 1) SELECT * FROM dat, own")),
        ("files", 1, "workbook", "sql"),
        "makes the table 'dat'",
        "did you mean 'data'?",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_fault_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    (tmp_path / "data.txt").write_text("a\n1\n")
    data, path, message, hint = BAD[name]
    faults = check_workspace(data, tmp_path)
    assert [one.path for one in faults] == [path]
    assert message in faults[0].message
    assert (hint or "") in (faults[0].hint or "")


def test_all_faults_are_found_in_one_pass(tmp_path: Path) -> None:
    data = space(imported(1, "gone.txt"), book(1, "SELECT * FROM x, y", sources=[7]))
    assert len(check_workspace(data, tmp_path)) == 6


def test_good_sql_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    good = [
        "SELECT * FROM DATA AS d JOIN data AS e USING (a);",
        "WITH own AS (SELECT 1 AS a) SELECT * FROM own WHERE a IN (SELECT a FROM data WHERE a > $least)",
        "FROM data SELECT count(*) -- a comment",
        "SELECT " + "+".join("1" * 900) + " AS n FROM data",
        "SELECT * FROM range(3), (VALUES (1)) AS v, information_schema.tables",
    ]
    files = [book(number, sql, f"t{number}", variables={"least": 0}) for number, sql in enumerate(good, start=2)]
    assert check_workspace(space(imported(1), *files), tmp_path) == []


def test_one_odd_query_hides_no_fault_of_the_others(tmp_path: Path) -> None:
    odd = [book(1, "SELECT '\ud800'", "a"), book(2, "SELECT * FROM nowhere", "b"), book(3, "SELECT * FROM a", "c")]
    faults = check_workspace(space(*odd), tmp_path)
    assert [one.path[1] for one in faults] == [0, 1]


def test_hundreds_of_faults_are_found_with_a_few_suggestions(tmp_path: Path) -> None:
    names = [f"table_{number}" for number in range(500)]
    files = [book(n, f"SELECT * FROM {name}_", name) for n, name in enumerate(names, start=1)]
    faults = check_workspace(space(*files), tmp_path)
    assert len(faults) == 500
    assert 0 < sum(one.hint is not None for one in faults) <= 20


def test_a_chain_of_thousands_is_put_in_order(tmp_path: Path) -> None:
    files = [file(n, data_driven=[n - 1] if n > 1 else []) for n in range(1, 20_001)]
    built = build_workspace(space(*reversed(files)), tmp_path)
    assert [one.id for one in order(built.files, [FileId(1)])] == list(range(1, 20_001))


def schema_faults(data: dict[str, Any]) -> list[str]:
    return [one.json_path for one in jsonschema.Draft7Validator(SCHEMA).iter_errors(data)]


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param(space(version=2), "$.version", id="version"),
        pytest.param(space(users=[]), "$.users", id="no-users"),
        pytest.param(space(users=[{"name": "a:b", "password": "c"}]), "$.users[0].name", id="colon-in-a-name"),
        pytest.param(space(slots=0), "$.slots", id="no-slots"),
        pytest.param(space(failure_code=500), "$.failure_code", id="failure-code"),
        pytest.param(space(colour="red"), "$", id="unknown-key"),
        pytest.param(space({"id": 1, "path": "/a"}), "$.files[0]", id="no-action"),
        pytest.param(space(file(1, export={"sql": "SELECT 1", "to": "a.csv"})), "$.files[0]", id="two-actions"),
        pytest.param(space(file(0)), "$.files[0].id", id="id-zero"),
        pytest.param(space(file(1, path="a")), "$.files[0].path", id="relative-path"),
        pytest.param(space(file(1, path="/a//b")), "$.files[0].path", id="empty-segment"),
        pytest.param(space(file(1, path="/a\n")), "$.files[0].path", id="newline"),
        pytest.param(space(file(1, simulate={"duration": 2})), "$.files[0].simulate.duration", id="bare-number"),
        pytest.param(space(file(1, simulate={"duration": "2 weeks"})), "$.files[0].simulate.duration", id="unit"),
        pytest.param(
            space(file(1, simulate={"outcomes": ["FAILED"]})), "$.files[0].simulate.outcomes[0]", id="outcome"
        ),
        pytest.param(space(file(1, variables={"a": None})), "$.files[0].variables.a", id="null-variable"),
        pytest.param(space(imported(1, table="a b")), "$.files[0].import.table", id="table-name"),
    ],
)
def test_the_schema_refuses_at_the_place(data: dict[str, Any], place: str) -> None:
    assert place in schema_faults(data)


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for one in schema.values():
            yield from properties(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from properties(one)


def test_the_schema_explains_every_property_and_its_examples_hold() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for name, one in properties(SCHEMA):
        told = SCHEMA["definitions"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        assert told["description"].endswith((".", ")")), name
        assert told["examples"], name
        resolved = {**told, "definitions": SCHEMA["definitions"]}
        for example in told["examples"]:
            jsonschema.Draft7Validator(resolved).validate(example)


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("2s", 2), ("1.5m", 90), ("1h30m", 5400), ("1d", 86400), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


def test_defaults_are_applied_once(tmp_path: Path) -> None:
    data = space(imported(1), exported(2, to="a/b.parquet"), file(3, path="/x.exp", simulate={"duration": "2s"}))
    built = build_workspace(data, tmp_path)
    assert (built.slots, built.failure_code, built.hosts) == (2, 404, frozenset())
    load, write, pretend = (one.action for one in built.files)
    assert load == Import(source=tmp_path / "data.csv", format=Format.CSV, table="data", columns={})
    assert write == Export(sql="SELECT 1", to=tmp_path / "a/b.parquet", format=Format.PARQUET)
    assert pretend == Simulate(
        kind=Kind.EXPORT,
        duration=2.0,
        queue=0.0,
        estimate=2.0,
        outcomes=("COMPLETED",),
        repeat=Repeat.LAST,
        records=0,
        dropped=1,
        counters=None,
    )
    assert [one.configuration_id for one in built.files] == [1001, 1002, 1003]
    assert built.files[0].uuid == build_workspace(data, Path("elsewhere")).files[0].uuid
    assert len({one.uuid for one in built.files}) == 3


@pytest.mark.parametrize(
    ("path", "name"), [("/a/b c.wbk", "b c"), ("/a/b", "b"), ("/.hidden", ".hidden"), ("/a.b.c", "a.b")]
)
def test_a_file_is_called_by_its_last_segment(path: str, name: str, tmp_path: Path) -> None:
    assert build_workspace(space(file(1, path=path)), tmp_path).files[0].name == name


def shipped() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    return data


def test_the_shipped_workspace_has_no_fault() -> None:
    assert schema_faults(shipped()) == []
    assert check_workspace(shipped(), SHIPPED.parent) == list[Fault]()


def test_the_shipped_workspace_loads_joins_and_exports(tmp_path: Path, site: Open) -> None:
    shutil.copytree(SHIPPED.parent / "data", tmp_path / "data")
    data = shipped()
    server = site(*data["files"], slots=data["slots"])
    plan = server.sequence(4, 5, state="CA", least_delay=30).data["execution-plan"]
    runs = [server.until(one["job-execution-id"], "COMPLETED") for one in plan]
    assert [one.success_count for one in runs] == [3376, 2000, 9, 9]
    lines = (tmp_path / "out/delays.csv").read_text().splitlines()
    assert lines[:2] == [
        "iata,airport,city,state,flights,late,average_delay",
        "OAK,Metropolitan Oakland International,Oakland,CA,90,12,9.4",
    ]
    export = server.trigger("Exports/Fl%C3%BCge+nach+Staat.exp")
    assert server.until(export, "COMPLETED").success_count == 29
