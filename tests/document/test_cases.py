"""Whole files and what is said about them. `UPDATE_CASES=1` writes the expectations anew; numbers are those of the fault list."""

import json
import os
from pathlib import Path

import pytest

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.reading.compose import compose
from spectrum_pipelines.document.reading.events import events, fast_parser, pure_parser
from spectrum_pipelines.document.schema.validator import check_against
from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.render.findings.text import render_text

CASES = Path(__file__).parent / "cases"
SCHEMA = json.loads((CASES / "schema.json").read_text(encoding="utf-8"))


def said_about(path: Path) -> str:
    try:
        text = read_source(str(path)).text
    except UnreadableFile as error:
        return f"{error}\nhint: {error.hint}\n".replace(str(path), path.name)
    source = Source(name=path.name, text=text)
    document, diagnostics = parse(source)
    if document is not None:
        diagnostics += check_against(document, SCHEMA)
    return render_text(diagnostics, {path.name: source}, color=False, limit=12)


CASE_FOLDERS = sorted(it for it in CASES.iterdir() if it.is_dir())
UNALIKE = {
    "excerpt-tabs-and-wide-characters": "the pure parser takes no tab between values",
    "35-nested-brackets": "the pure parser takes half a second",
    "39-control-characters": "no parser ever sees them",
}


@pytest.mark.parametrize("case", CASE_FOLDERS, ids=lambda it: it.name)
def test_case(case: Path) -> None:
    said = said_about(case / "input.yaml")
    expected = case / "expected.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(said, encoding="utf-8", newline="")
    assert said == expected.read_bytes().decode()


@pytest.mark.parametrize("case", [it for it in CASE_FOLDERS if it.name not in UNALIKE], ids=lambda it: it.name)
def test_both_parsers_of_pyyaml_are_understood_alike(case: Path) -> None:
    try:
        text = read_source(str(case / "input.yaml")).text
    except UnreadableFile:
        return
    fast, pure = (compose(events(text, parser(text))).faults for parser in (fast_parser, pure_parser))
    assert [it.code for it in fast] == [it.code for it in pure]
