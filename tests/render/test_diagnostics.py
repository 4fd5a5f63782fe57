import json
import re

import pytest

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, Severity
from spectrum_pipelines.document.position import Position, Span
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.render.findings.text import render_json, render_text
from spectrum_pipelines.words.columns import width_of

TEXT = "jobs:\n  sales:\n    need: [orders, customers]\n"
SOURCES = {"pipelines/nightly.yaml": Source(name="pipelines/nightly.yaml", text=TEXT)}


def at(line: int, column: int, length: int = 0) -> Span:
    return Span(start=Position(line=line, column=column), end=Position(line=line, column=column + length))


UNKNOWN = Diagnostic(
    file="pipelines/nightly.yaml",
    span=at(3, 5, 4),
    code="unknown-key",
    message="unknown key `need`",
    hint="did you mean `needs`?",
)
LATE = Diagnostic(
    file="other.yaml",
    span=at(120, 1, 3),
    code="late",
    message="too late",
    severity=Severity.WARNING,
    related=(Related(span=at(7, 2), message="the earlier one"),),
)


def test_one_fault() -> None:
    assert render_text([UNKNOWN], SOURCES, color=False) == (
        "pipelines/nightly.yaml:3:5: error: unknown key `need` [unknown-key]\n"
        "  |\n"
        "3 |     need: [orders, customers]\n"
        "  |     ^^^^\n"
        "  = hint: did you mean `needs`?\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_several_files_sorted_and_counted() -> None:
    assert render_text([UNKNOWN, LATE, UNKNOWN], {}, color=False) == (
        "other.yaml:120:1: warning: too late [late]\n"
        "    = other.yaml:7:2: the earlier one\n"
        "\n"
        "pipelines/nightly.yaml:3:5: error: unknown key `need` [unknown-key]\n"
        "  = hint: did you mean `needs`?\n"
        "\n"
        "1 error, 1 warning in 2 files\n"
    )


def test_nothing_to_say() -> None:
    assert render_text([], {}, color=False) == ""
    assert json.loads(render_json([])) == []


def test_colour_is_the_only_difference() -> None:
    plain, colored = (render_text([UNKNOWN, LATE], SOURCES, color=color) for color in (False, True))
    assert "\x1b[1;31m" in colored
    for code in ("\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == plain


def test_42_three_hundred_faults_are_no_wall() -> None:
    many = [Diagnostic(file="a.yaml", span=at(line, 1), code="x", message="m") for line in range(1, 301)]
    text = render_text(many, {}, color=False)
    assert text.count("error: m") == 50
    assert text.endswith("... and 250 more\n\n300 errors in 1 file\n")
    assert render_text(many, {}, color=False, limit=None).count("error: m") == 300
    assert len(json.loads(render_json(many))) == 300


def test_a_source_that_has_changed_is_no_reason_to_fail() -> None:
    fault = Diagnostic(file="a.yaml", span=at(9, 9), code="x", message="m")
    shown = render_text([fault], {"a.yaml": Source(name="a.yaml", text="")}, color=False)
    assert shown.startswith("a.yaml:9:9: error: m [x]\n\n")


def test_json() -> None:
    assert json.loads(render_json([UNKNOWN, LATE])) == [
        {
            "file": "other.yaml", "line": 120, "column": 1, "end_line": 120, "end_column": 4, "severity": "warning",
            "code": "late", "message": "too late", "hint": None,
            "related": [{"line": 7, "column": 2, "end_line": 7, "end_column": 2, "message": "the earlier one"}],
        },
        {
            "file": "pipelines/nightly.yaml", "line": 3, "column": 5, "end_line": 3, "end_column": 9, "severity": "error",
            "code": "unknown-key", "message": "unknown key `need`", "hint": "did you mean `needs`?", "related": [],
        },
    ]  # fmt: skip


def test_49_foreign_text_is_neutral_in_text_and_in_json() -> None:
    evil = "##vso[x]\n::error::\x1b[31m\u202e"
    fault = Diagnostic(
        file=evil, span=at(1, 1), code="x", message=evil, hint=evil, related=(Related(span=at(1, 1), message=evil),)
    )
    text = render_text([fault], {evil: Source(name=evil, text=evil)}, color=False)
    written = render_json([fault])
    for output in (text, written):
        assert "##vso[" not in output
        assert "\x1b" not in output
        assert "\u202e" not in output
        assert not any(line.lstrip().startswith("::") for line in output.splitlines())
    assert json.loads(written)[0]["message"] == evil


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("width", [40, 60, 80])
def test_on_a_narrow_screen_words_stay_whole(width: int, color: bool) -> None:
    told = "`timeout`: the text `5 minutes` is not a duration: a number needs its unit (`ms`, `s`, `m`, `h` or `d`)"
    fault = Diagnostic(
        file="a.yaml",
        span=Span(start=Position(line=1, column=1), end=Position(line=1, column=2)),
        code="bad-format",
        message=told,
        hint="write `250ms`, `30s` or `1h30m`, the larger unit first; it must be longer than zero",
    )
    sources = {"a.yaml": Source(name="a.yaml", text="x")}
    shown = re.sub(r"\x1b\[[0-9;]*m", "", render_text([fault], sources, color=color, width=width))
    assert all(width_of(line) <= width for line in shown.splitlines())
    assert " ".join(shown.split()).startswith(
        f"a.yaml:1:1: error: {told} [bad-format] | 1 | x | ^ = hint: write `250ms`,"
    )
