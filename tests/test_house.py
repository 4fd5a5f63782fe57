"""The rules that keep the package readable: who may import whom, what is pure, and how long things may get."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "spectrum_pipelines"
MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))
GROUND = {"errors", "clock", "spectrum", "redaction", "address"}
DATA = {"document", "pipeline", "engine"}
BELOW_APP = {"client", "runner", "store", "report", "plan", "progress", "render", "words", "files"}
#: Which rooms of the package a room may import, beside itself. `schemas` and `__version__` are for all.
MAY_SEE = {
    "__init__": {"api"},
    "api": GROUND | DATA | {"app", "runner", "store"},
    "errors": set(),
    "clock": set(),
    "spectrum": set(),
    "redaction": {"spectrum"},
    "address": {"errors"},
    "files": GROUND,
    "words": GROUND | DATA,
    "document": GROUND,
    "pipeline": GROUND | {"document"},
    "engine": GROUND | {"pipeline"},
    "client": GROUND,
    "runner": GROUND | {"pipeline", "engine", "client"},
    "store": GROUND | DATA | {"files", "report", "runner", "words"},
    "report": GROUND | DATA | {"files", "words"},
    "plan": GROUND | DATA | {"files", "words"},
    "progress": GROUND | DATA | {"report", "store", "words"},
    "render": GROUND | DATA | {"files", "report", "plan", "words"},
    "telemetry": GROUND | DATA | {"runner"},
    "app": GROUND | DATA | BELOW_APP | {"local"},
    "cli": GROUND | DATA | BELOW_APP | {"app", "telemetry"},
    "airflow": GROUND | DATA | BELOW_APP | {"app", "api"},
    "__main__": {"cli"},
    "local": set(),
}
#: What only these modules may import: a prefix of the module's path for each.
ONLY_IN = {
    "click": ("cli/",),
    "requests": ("client/",),
    "urllib3": ("client/",),
    "tenacity": ("client/retry.py", "engine/timing/waits.py"),
    "time": ("clock.py", "local/"),
    "rich": ("progress/",),
    "jinja2": ("render/page/",),
    "junitparser": ("render/report/",),
    "yaml": ("document/",),
    "jsonschema": ("document/", "pipeline/fill/conform.py", "report/read.py"),
    "jsonschema_rs": ("document/schema/gate.py",),
    "starlette": ("local/",),
    "uvicorn": ("local/",),
    "duckdb": ("local/",),
    "psycopg": ("store/postgres/",),
    "airflow": ("airflow/",),
    "opentelemetry": ("telemetry/export.py",),
}
IMPURE = {"time", "threading", "socket", "os", "io", "subprocess", "asyncio", "pathlib", "tempfile", "signal"}


def named(path: Path) -> str:
    return path.relative_to(ROOT / PACKAGE).as_posix()


def part(path: Path) -> str:
    return named(path).partition("/")[0].removesuffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every imported module by its full name, wherever in the file; relative ones too."""
    found = set()
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def own_imports(path: Path) -> Iterator[Path]:
    for name in imports(path):
        if name.startswith(PACKAGE + "."):
            target = ROOT.joinpath(*name.split("."))
            yield from (it for it in (target.with_suffix(".py"), target / "__init__.py") if it.is_file())


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_run_one_way(path: Path) -> None:
    for target in own_imports(path):
        assert part(target) == part(path) or part(target) in MAY_SEE[part(path)], f"{named(path)} -> {named(target)}"


def test_the_embedded_server_is_wired_in_one_place() -> None:
    users = {named(path) for path in MODULES if any(part(it) == "local" for it in own_imports(path))}
    assert {it for it in users if not it.startswith("local/")} == {"app/embedded.py"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    # What stands in a function is imported later, and what stands under TYPE_CHECKING never.
    graph = {path: set(_at_once(path)) - {path} for path in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def _at_once(path: Path) -> Iterator[Path]:
    top = ast.Module(
        body=[it for it in tree(path).body if isinstance(it, ast.Import | ast.ImportFrom)], type_ignores=[]
    )
    wanted = {ast.dump(it) for it in top.body}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and ast.dump(node) in wanted and node.module and not node.level:
            target = ROOT.joinpath(*node.module.split("."))
            names = [target.with_suffix(".py"), *(target / f"{alias.name}.py" for alias in node.names)]
            yield from (it for it in names if it.is_file())


@pytest.mark.parametrize("path", [it for it in MODULES if part(it) in {"pipeline", "engine"}], ids=named)
def test_the_pure_parts_touch_nothing_outside(path: Path) -> None:
    roots = {name.partition(".")[0] for name in imports(path)}
    assert not roots & IMPURE
    calls = {ast.unparse(it.func) for it in ast.walk(tree(path)) if isinstance(it, ast.Call)}
    assert not calls & {"open", "print", "input", "exit"}
    # Jitter is drawn from what a replay knows, never from the process's own randomness.
    assert all(it.startswith("random.Random") for it in calls if it.startswith("random."))


@pytest.mark.parametrize(("package", "places"), ONLY_IN.items(), ids=list(ONLY_IN))
def test_a_foreign_package_stands_behind_one_door(package: str, places: tuple[str, ...]) -> None:
    users = [named(path) for path in MODULES if any(it.partition(".")[0] == package for it in imports(path))]
    assert not [it for it in users if not it.startswith(places)]


def test_every_folder_of_the_package_is_shipped() -> None:
    shipped = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES}
    assert sorted(shipped) == sorted({*folders, f"{PACKAGE}.schemas"})


#: What only some rooms may touch, as it is written: a terminal, the arguments, the environment, signals, the end of the process.
TOUCHES = {
    "print": ("cli/",),
    "sys.exit": ("cli/",),
    "os._exit": ("cli/",),
    "sys.argv": ("cli/",),
    "sys.stdin": ("cli/",),
    "sys.stdout": ("cli/",),
    "sys.stderr": ("cli/",),
    "os.environ": ("cli/", "client/transport/http.py"),
    "os.getenv": (),
    "signal.signal": ("cli/",),
    "signal.pthread_sigmask": ("cli/",),
    "os.chdir": (),
}


@cache
def touched(path: Path) -> frozenset[str]:
    """Every name of TOUCHES in a file, as it is written there."""
    found = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Name | ast.Attribute))
    ends = {touch.rpartition(".")[2] for touch in TOUCHES}
    likely = (node for node in found if (node.id if isinstance(node, ast.Name) else node.attr) in ends)
    return frozenset(map(ast.unparse, likely)) & TOUCHES.keys()


@pytest.mark.parametrize(("touch", "places"), TOUCHES.items(), ids=list(TOUCHES))
def test_the_process_belongs_to_the_command_line(touch: str, places: tuple[str, ...]) -> None:
    users = [named(path) for path in MODULES if touch in touched(path)]
    assert not [it for it in users if not it.startswith(places)]


def test_the_map_of_the_package_names_its_rooms_in_the_order_of_their_imports() -> None:
    told = ast.get_docstring(tree(ROOT / PACKAGE / "__init__.py"), clean=False) or ""
    drawn = re.findall(r"^    ([a-z]+)/? {2,}", told, re.MULTILINE)
    assert set(drawn) == MAY_SEE.keys() - {"__init__", "__main__"}
    for place, room in enumerate(drawn):
        assert MAY_SEE[room] <= set(drawn[:place]), room


def test_functions_can_be_read_at_a_glance() -> None:
    lengths = {}
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                lengths[f"{named(path)}:{node.name}"] = _own_lines(node)
    assert {name: length for name, length in lengths.items() if length > 50} == {}
    assert median(lengths.values()) <= 8


def _own_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without its docstring: the help of a command is one."""
    first = node.body[0]
    told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if told else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - docstring


def test_nothing_is_called_after_its_vagueness() -> None:
    vague = {"utils", "util", "helpers", "helper", "misc", "common", "manager"}
    assert not {it.stem for it in MODULES} & vague
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                assert not node.name.endswith(("Manager", "Helper", "Utils")), f"{named(path)}:{node.name}"
