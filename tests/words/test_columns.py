from typing import Any

import pytest

from spectrum_pipelines.cli.printed import print_facts
from spectrum_pipelines.words.columns import Column, Row, padded, table, width_of, wrapped

WRAPS = [
    pytest.param("one two three", 7, {}, ["one two", "three"], id="between words"),
    pytest.param("one two", 7, {}, ["one two"], id="it fits to the cell"),
    pytest.param("a-very-long-word b", 6, {}, ["a-very-long-word", "b"], id="a long word is not broken"),
    pytest.param("one two", 8, {"lead": "- "}, ["- one", "  two"], id="below its lead"),
    pytest.param("one two", 8, {"lead": "- ", "indent": 4}, ["- one", "    two"], id="further in"),
    pytest.param("売上 売上", 8, {}, ["売上", "売上"], id="by cells, not by characters"),
    pytest.param("limit 0  (line 3)", 40, {}, ["limit 0  (line 3)"], id="two spaces stay"),
    pytest.param("limit 0  (line 3)", 8, {}, ["limit 0", "(line 3)"], id="none at the end of a line"),
    pytest.param("", 8, {"lead": "  a"}, ["  a"], id="no words"),
]


@pytest.mark.parametrize(("text", "width", "how", "lines"), WRAPS)
def test_words_are_wrapped(text: str, width: int, how: dict[str, Any], lines: list[str]) -> None:
    assert wrapped(text, width, **how) == lines


COLUMNS = (
    Column(title="NAME", limit=20, least=6),
    Column(title="STATUS", limit=None),
    Column(title="NUMBER", limit=8, is_number=True),
    Column(title="WHY", limit=None, least=4, stays=True),
)


def shown(width: int, *rows: tuple[str, ...]) -> list[str]:
    return table(COLUMNS, [Row(cells=cells, style="dim") for cells in rows], width=width, color=False, dots="…")


TABLES = [
    pytest.param(
        60, ["NAME           STATUS  NUMBER  WHY", "a-long-name-x  good         7  because it is so"], id="all of it"
    ),
    pytest.param(
        34,
        ["NAME        STATUS  NUMBER  WHY", "a-long-na…  good         7  becau…"],
        id="what can shrink shares the loss",
    ),
    pytest.param(26, ["NAME        STATUS  WHY", "a-long-na…  good    becau…"], id="a column goes, but one that stays"),
    pytest.param(16, ["NAME      STATUS", "a-long-…  good"], id="then that one, too"),
    pytest.param(5, ["NAME    STATUS", "a-lon…  good"], id="the first two never go"),
]


@pytest.mark.parametrize(("width", "lines"), TABLES)
def test_a_table_fits(width: int, lines: list[str]) -> None:
    assert shown(width, ("a-long-name-x", "good", "7", "because it is so")) == lines


@pytest.mark.parametrize("width", range(14, 70))
def test_no_table_is_wider_than_the_screen(width: int) -> None:
    lines = shown(width, ("a-long-name-x", "good", "7", "because it is so"), ("売上売上", "bad", "12345", ""))
    assert all(width_of(line) <= width for line in lines)


def test_facts_are_in_columns_of_cells(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts([("売上", 7), ("records", 12), ("nothing", None)])
    assert capsys.readouterr().out == "売上     7\nrecords  12\n"
    assert padded("売", 4) == "売  "
