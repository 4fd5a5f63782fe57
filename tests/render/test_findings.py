"""Findings as CI systems read them: GitHub's commands, GitLab's Code Quality report, SARIF."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, Severity
from spectrum_pipelines.document.position import Position, Span
from spectrum_pipelines.render.findings.github import render_github
from spectrum_pipelines.render.findings.gitlab import render_gitlab
from spectrum_pipelines.render.findings.sarif import render_sarif
from tests.render.foreign import HOSTILE, is_harmless

SARIF = json.loads((Path(__file__).parent / "sarif.schema.json").read_text(encoding="utf-8"))
COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:]*)::(?P<message>.*)")


def span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(start=Position(line=line, column=column), end=Position(line=end_line, column=end_column))


def fault(**more: Any) -> Diagnostic:
    told: dict[str, Any] = {
        "file": "pipelines/nightly.yaml",
        "span": span(3, 5, 3, 9),
        "code": "unknown-key",
        "message": "unknown key `need`",
        "hint": "did you mean `needs`?",
    }
    return Diagnostic(**told | more)


DOUBLE = fault(
    span=span(9, 3, 9, 7),
    code="duplicate-key",
    message="`jobs` stands twice",
    hint=None,
    severity=Severity.WARNING,
    related=(Related(span=span(4, 1, 4, 5), message="the first one"),),
)
EVIL = fault(
    file=f"a b/{HOSTILE}%,:.yaml",
    message=HOSTILE,
    hint=HOSTILE,
    related=(Related(span=span(1, 1, 1, 1), message=f"[x](1) {HOSTILE}"),),
)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message, as GitHub takes them from a log."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (one.split("=", 1) for one in match["properties"].split(","))
        found.append((match["level"], {key: unescaped(value) for key, value in pairs}, unescaped(match["message"])))
    return found


def unescaped(text: str) -> str:
    for escape, character in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def sarif(*diagnostics: Diagnostic, complete: bool = True) -> dict[str, Any]:
    log = json.loads(render_sarif(diagnostics, version="1.2.3", complete=complete))
    jsonschema.validate(log, SARIF, format_checker=jsonschema.FormatChecker())
    run: dict[str, Any] = log["runs"][0]
    return run


def test_github_places_a_finding_and_says_what_to_do() -> None:
    assert render_github([fault()]) == (
        "::error file=pipelines/nightly.yaml,line=3,col=5,endLine=3,endColumn=8,title=unknown-key"
        "::unknown key `need`%0Ahint: did you mean `needs`?\n"
    )


ROWS = [
    pytest.param(span(3, 5, 3, 6), (3, 5, 3, 5), id="one character"),
    pytest.param(span(3, 5, 3, 5), (3, 5, 3, 5), id="nothing is there: it is missing"),
    pytest.param(span(3, 5, 7, 2), (3, None, 7, None), id="several lines: GitHub takes no columns then"),
    pytest.param(span(3, 5, 4, 1), (3, None, 3, None), id="the end of a line belongs to that line"),
]


@pytest.mark.parametrize(("where", "expected"), ROWS)
def test_github_counts_the_last_of_a_region_in(where: Span, expected: tuple[int | None, ...]) -> None:
    ((_, properties, _),) = commands(render_github([fault(span=where)]))
    names = ("line", "col", "endLine", "endColumn")
    assert tuple(int(properties[name]) if name in properties else None for name in names) == expected


def test_github_shows_ten_of_a_kind_so_errors_come_first_and_the_rest_is_told_of() -> None:
    faults = [fault(span=span(line, 1, line, 2)) for line in range(1, 13)]
    every = commands(render_github([DOUBLE, *faults]))
    assert [level for level, _, _ in every] == ["error"] * 12 + ["notice", "warning"]
    assert every[12][1] == {"title": "and 2 more errors"}
    assert len(commands(render_github([DOUBLE, *faults], limit=10))) == 12


def test_gitlab_gets_what_it_asks_for() -> None:
    first, second = json.loads(render_gitlab([DOUBLE, fault()]))
    assert first == {
        "description": "unknown key `need` (did you mean `needs`?)",
        "check_name": "unknown-key",
        "fingerprint": first["fingerprint"],
        "severity": "major",
        "location": {"path": "pipelines/nightly.yaml", "lines": {"begin": 3, "end": 3}},
    }
    assert re.fullmatch("[0-9a-f]{32}", first["fingerprint"])
    assert second["severity"] == "minor"
    assert json.loads(render_gitlab([])) == []


def test_a_fault_that_only_moved_keeps_its_fingerprint_and_no_two_are_equal() -> None:
    def prints(*faults: Diagnostic) -> list[str]:
        return [one["fingerprint"] for one in json.loads(render_gitlab(faults))]

    below = fault(span=span(30, 5, 30, 9))
    assert prints(fault()) == prints(below)
    assert len({*prints(fault(), below, fault(code="other"), fault(file="b.yaml"), fault(message="x"))}) == 5
    (mark,) = sarif(fault())["results"][0]["partialFingerprints"].values()
    assert [mark] == prints(below)


def test_sarif_names_rules_regions_and_related_places() -> None:
    run = sarif(DOUBLE, fault())
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["duplicate-key", "unknown-key"]
    assert run["columnKind"] == "unicodeCodePoints"
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("unknown-key", 1, "error")
    assert first["message"]["text"] == "unknown key `need`\nhint: did you mean `needs`?"
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "pipelines/nightly.yaml"},
        "region": {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9},
    }
    assert second["level"] == "warning"
    assert second["relatedLocations"][0]["message"]["text"] == "the first one"


def test_sarif_without_findings_and_of_an_incomplete_check() -> None:
    assert sarif()["results"] == []
    assert sarif(complete=False)["invocations"] == [{"executionSuccessful": False}]


def test_a_file_name_is_a_uri_in_sarif() -> None:
    def uri(name: str) -> str:
        location = sarif(fault(file=name))["results"][0]["locations"][0]
        return str(location["physicalLocation"]["artifactLocation"]["uri"])

    assert uri("my files/ä#1.yaml") == "my%20files/%C3%A4%231.yaml"
    assert uri("/tmp/a b.yaml") == "file:///tmp/a%20b.yaml"
    assert uri("\udcff.yaml") == "%FF.yaml"


FORMATS: list[Callable[[list[Diagnostic]], str]] = [
    render_github,
    render_gitlab,
    lambda found: render_sarif(found, version="1"),
]


@pytest.mark.parametrize("render", FORMATS, ids=["github", "gitlab", "sarif"])
def test_49_foreign_text_is_neutral(render: Callable[[list[Diagnostic]], str]) -> None:
    for line in render([EVIL]).splitlines():
        assert is_harmless(line.replace("::error file=", "", 1)), line


def test_49_foreign_text_ends_no_property_and_begins_no_link() -> None:
    ((level, properties, message),) = commands(render_github([EVIL]))
    assert level == "error"
    assert list(properties) == ["file", "line", "col", "endLine", "endColumn", "title"]
    assert properties["file"].endswith("%,:.yaml")
    assert len(message.splitlines()) == 3
    found = sarif(EVIL)["results"][0]
    assert "](" not in found["relatedLocations"][0]["message"]["text"]
    assert unquote(found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) == EVIL.file.replace("//", "/")
