"""Files with more faults, suggestions or text than anybody reads: what is told of them. How long that takes is a benchmark."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from spectrum_pipelines.document.diagnostic import MOST_FAULTS, Diagnostic, Severity
from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.schema.gated import errors
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.check import MOST_JOBS, check
from spectrum_pipelines.render.findings.text import render_text

HEAD = "version: 1\nname: many\n"


def found_in(text: str) -> tuple[Diagnostic, ...]:
    document, found = parse(Source(name="p.yaml", text=text))
    return (*found, *check(document)) if document is not None else found


MANY = [
    pytest.param("jobs:\n" + "".join(f"  j{n}: {{trigger: 1, needs: [x{n}]}}\n" for n in range(3_000)), id="needs"),
    pytest.param("jobs: {a: {trigger: '" + "".join(f"${{var.x{n}}}" for n in range(3_000)) + "'}}\n", id="references"),
    pytest.param("jobs:\n" + "".join(f"  j{n}: {{trigger: 1, timeout: 2}}\n" for n in range(3_000)), id="values"),
    pytest.param("jobs: {a: {trigger: 1}}\n" + "".join(f"k{n}: 1\n" for n in range(3_000)), id="unknown keys"),
    pytest.param("jobs: {a: {trigger: 1}}\nx: {\n" + "a: 1,\n" * 3_000 + "}\n", id="keys twice"),
    pytest.param(
        "jobs: {a: {trigger: 1}}\nvariables:\n" + "".join(f"  v{n}: 1\n" for n in range(3_000)), id="warnings"
    ),
]


@pytest.mark.parametrize("text", MANY)
def test_42_a_thousand_of_a_kind_are_told_and_that_there_are_more(text: str) -> None:
    found = found_in(HEAD + text)
    more = [it for it in found if it.code == "too-many-faults"]
    assert len(more) == 1
    assert f"more than {MOST_FAULTS:,} faults" in more[0].message
    assert MOST_FAULTS < len(found) <= 4 * MOST_FAULTS
    assert more[0].severity is max((it.severity for it in found), key=lambda it: it is Severity.ERROR)


def test_each_of_many_misspelt_needs_has_its_suggestion() -> None:
    names = [f"job{number:05}" for number in range(5_000)]
    text = "".join(f"  {name}: {{trigger: {number + 1}}}\n" for number, name in enumerate(names))
    slips = ", ".join(f"jbo{number:05}" for number in range(500))
    found = found_in(f"{HEAD}jobs:\n{text}  last: {{trigger: 1, needs: [{slips}]}}\n")
    hints = [it.hint for it in found if it.code == "unknown-job"]
    assert hints == [f"did you mean `job{number:05}`?" for number in range(500)]


def test_more_jobs_than_a_runner_can_carry_are_one_fault() -> None:
    jobs = "".join(f"  j{number}: {{trigger: 1, needs: [x]}}\n" for number in range(MOST_JOBS + 1))
    found = found_in(f"{HEAD}jobs:\n{jobs}")
    assert [(it.code, it.span.start.line) for it in found] == [("too-many-jobs", 3)]


def test_environments_times_jobs_are_bounded() -> None:
    variables = "".join(f"  v{number}: 1\n" for number in range(4_000))
    environments = "".join(f"  e{number}: {{fail_fast: false}}\n" for number in range(51))
    found = found_in(f"{HEAD}jobs: {{a: {{trigger: 1}}}}\nvariables:\n{variables}environments:\n{environments}")
    large = [it for it in found if it.severity is Severity.ERROR]
    assert [(it.code, it.span.start.line) for it in large] == [("too-large", 4_055)]
    assert "environments" in large[0].message


@pytest.mark.parametrize("at", [0, 1_000, 5_999], ids=["begin", "middle", "end"])
def test_a_long_line_is_cut_around_the_caret(at: int) -> None:
    jobs = ", ".join(
        f"j{n}: {{trigger: 1, timeout: {'2' if n == at else '2h'}, on_running: wait}}" for n in range(6_000)
    )
    text = f"{HEAD}jobs: {{{jobs}}}\n"
    found = [it for it in found_in(text) if it.severity is Severity.ERROR]
    shown = render_text(found, {"p.yaml": Source(name="p.yaml", text=text)}, color=False).splitlines()
    line, carets = next((it, shown[n + 1]) for n, it in enumerate(shown) if it.startswith("3 |"))
    assert len(line) < 200
    assert line[carets.index("^")] == "2"
    assert line[carets.index("^") - 9 : carets.index("^") + 1] == "timeout: 2"[-10:]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "definitions": {"n": {"type": "integer", "minimum": 1}},
    "properties": {"list": {"items": {"$ref": "#/definitions/n"}}, "other": {"items": False}},
    "additionalProperties": {"additionalProperties": {"$ref": "#/definitions/n"}, "properties": {"free": {}}},
}


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 250), st.sampled_from([0, "x", None, 2.0, {}])), max_size=6), st.integers(90, 260)
)
def test_long_lists_and_mappings_have_the_faults_that_jsonschema_finds(wrong: list[tuple[int, Any]], size: int) -> None:
    values: list[Any] = [1] * size
    for place, value in wrong:
        values[place % size] = value
    data = {"list": values, "map": {f"k{n}": it for n, it in enumerate(values)} | {"free": "x"}}
    plain = {(tuple(it.absolute_path), it.message) for it in Draft7Validator(SCHEMA).iter_errors(data)}
    assert {(tuple(it.absolute_path), it.message) for it in errors(data, SCHEMA)} == plain
