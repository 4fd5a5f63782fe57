"""`schemas/README.md`, the reference of the language, is made from the schema. `UPDATE_CASES=1` writes it anew."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spectrum_pipelines.document.schema.validator import load_schema
from tests.cli.command_line import call

PAGE = Path(__file__).parents[2] / "schemas" / "README.md"
SCHEMA = load_schema("pipeline")

HEAD = """# The language of pipeline files

Every key, as `pipeline.schema.json` has it: this page is made from the schema, and `spectrum-pipelines schema pipeline --markdown`
prints it. Editors show the same texts in a file whose first line names the schema (`spectrum-pipelines schema pipeline` writes it):

```yaml
# yaml-language-server: $schema=pipeline.schema.json
```

`pipelines/README.md` of the repository shows the language by task. The other schemas of this folder: `run-report.schema.json`
(what a run did), `event.schema.json` (a line of its journal), `plan.schema.json` (what a run would do) and `workspace.schema.json`
(the files of the embedded server).
"""


_ELSEWHERE = {
    "environments": "The keys are those of the top level, without `version`, `name` and `include`.",
    "finally": "The keys are those of `jobs`.",
}


def resolved(schema: Any) -> dict[str, Any]:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    return schema if isinstance(schema, dict) else {}


def page() -> str:
    parts = [HEAD, f"## The file\n\n{SCHEMA['description']}\n", table(SCHEMA)]
    for name, schema in SCHEMA["properties"].items():
        parts += section(name, resolved(schema), 2)
    return "\n".join(parts)


def section(name: str, schema: dict[str, Any], level: int) -> Iterator[str]:
    """A heading for each mapping with keys of its own, and for the values of a mapping whose keys a file chooses."""
    inner = mapping_in(schema)
    values = resolved(schema.get("additionalProperties"))
    told = inner or mapping_in(values)
    if not told or (
        told["properties"].keys() == {"min", "max"} and not name.endswith((".expect.success_count", ".duration"))
    ):
        return
    title = f"`{name}`" if inner else f"`{name}.*`"
    yield f"{'#' * level} {title}\n"
    if inner is not schema and inner:
        yield f"{schema['description']}\n"
    else:
        yield f"{(schema if inner else values)['description']}\n"
    if name in _ELSEWHERE:
        yield f"{_ELSEWHERE[name]}\n"
        return
    yield table(told)
    for key, it in told.get("properties", {}).items():
        yield from section(f"{name}.{key}" if inner else f"{name}.*.{key}", resolved(it), level)


def mapping_in(schema: dict[str, Any]) -> dict[str, Any]:
    """The form of a mapping, wherever among alternatives it stands."""
    if "properties" in schema:
        return schema
    return next((found for it in schema.get("anyOf", []) if (found := mapping_in(resolved(it)))), {})


def table(schema: dict[str, Any]) -> str:
    required = set(schema.get("required", []))
    lines = ["| key | what it is | for example |", "|---|---|---|"]
    for name, it in ((name, resolved(it)) for name, it in schema.get("properties", {}).items()):
        must = " **Required.**" if name in required else ""
        examples = ", ".join(f"`{cell(shown(example))}`" for example in it["examples"][:3])
        lines.append(f"| `{name}` | {cell(it['description'])}{must} | {examples} |")
    return "\n".join(lines) + "\n"


def shown(value: Any) -> str:
    match value:
        case str():
            return value
        case dict():
            return "{" + ", ".join(f"{key}: {shown(it)}" for key, it in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(shown, value)) + "]"
        case _:
            return json.dumps(value)


def cell(text: str) -> str:
    """Markdown that shows the text: outside of code, `<name>` would be markup."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if place % 2 else part.replace("<", "\\<") for place, part in enumerate(parts))


def test_the_page_is_the_schema() -> None:
    if os.environ.get("UPDATE_CASES"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_command_prints_the_page(tmp_path: Path) -> None:
    printed = call("schema", "pipeline", "--markdown", cwd=tmp_path)
    assert (printed.code, printed.stdout) == (0, PAGE.read_text(encoding="utf-8"))
    for other in ("report", "workspace"):
        assert call("schema", other, "--markdown", cwd=tmp_path).code == 2


def test_every_key_stands_on_the_page() -> None:
    text = page()
    for name in SCHEMA["properties"]:
        assert f"| `{name}` |" in text
    for name in ("job", "variable", "defaults", "server", "poll", "http", "expect", "concurrency", "timeouts", "retry"):
        for key in mapping_in(SCHEMA["definitions"][name])["properties"]:
            assert f"| `{key}` |" in text, f"{name}.{key}"


def test_a_default_is_named_where_editors_show_it() -> None:
    for name, it in every(SCHEMA, "schema"):
        if "default" in it and isinstance(it.get("description"), str):
            default = it["default"]
            assert f"Default: `{shown(default)}`." in it["description"], name


def every(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield path, schema
        for key, it in schema.items():
            yield from every(it, f"{path}.{key}")
    elif isinstance(schema, list):
        for place, it in enumerate(schema):
            yield from every(it, f"{path}.{place}")
