"""Whole pipeline files and what is said about them. `UPDATE_CASES=1` writes the expectations anew.

A case with a `given.yaml` is built with what that file gives from outside; the others are only checked. Numbers are those of the
fault list. No case but the first and those about warnings may come out clean: a rule that has gone silent shows.
"""

import os
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from spectrum_pipelines.document.source import Source, read_source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.pipeline.build import Given, build, check
from spectrum_pipelines.pipeline.include import Fragment, Read, fragment_of, parse_with_fragments
from spectrum_pipelines.pipeline.secrets import shown_sources
from spectrum_pipelines.render.findings.text import render_text

CASES = Path(__file__).parent / "cases"


def read_beside(case: Path) -> Read:
    def read(key: str) -> Fragment:
        try:
            return fragment_of(replace(read_source(str(case / key)), name=key))
        except UnreadableFile as error:
            raise UnreadableFile(error.message.replace(f"{case}/", ""), hint=error.hint) from error

    return read


def said_about(case: Path) -> str:
    source = Source(name="pipeline.yaml", text=(case / "pipeline.yaml").read_text(encoding="utf-8"))
    document, diagnostics = parse_with_fragments(source, read_beside(case))
    assert document is not None
    given = case / "given.yaml"
    if given.exists():
        pipeline, found = build(
            document, given=Given(**yaml.safe_load(given.read_text(encoding="utf-8"))), run_id="run-1"
        )
        assert (pipeline is None) == any(it.severity.value == "error" for it in found)
    else:
        found = check(document)
    shown = {it.name: it for it in shown_sources(document)}
    return render_text((*diagnostics, *found), shown, color=False) or "no faults\n"


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda it: it.name)
def test_case(case: Path) -> None:
    said = said_about(case)
    expected = case / "expected.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(said, encoding="utf-8")
    assert said == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda it: it.name)
def test_no_secret_is_shown(case: Path) -> None:
    said = said_about(case)
    assert "hunter2" not in said, "no secret: the cases write every secret so that it can be found"
