import pytest

from spectrum_pipelines.document.position import Position, Span
from spectrum_pipelines.render.findings.excerpt import excerpt
from spectrum_pipelines.words.columns import width_of


def span(start: int, end: int, *, last_line: int = 1) -> Span:
    return Span(start=Position(line=1, column=start), end=Position(line=last_line, column=end))


ROWS = [
    pytest.param("need: x", span(1, 5), "need: x", "^^^^", id="plain"),
    pytest.param("a: b", span(4, 4), "a: b", "   ^", id="something is missing: one caret"),
    pytest.param("a:", span(3, 3), "a:", "  ^", id="behind the end of the line"),
    pytest.param("", span(1, 1), "", "^", id="an empty line"),
    pytest.param("a: [b,", span(4, 2, last_line=3), "a: [b,", "   ^^^", id="several lines: up to the end of the first"),
    pytest.param("\ta:\tb", span(5, 6), "    a:  b", "        ^", id="tabs go to the next stop"),
    pytest.param("日本: x", span(1, 3), "日本: x", "^^^^", id="wide characters take two cells"),
    pytest.param("日本: x", span(5, 6), "日本: x", "      ^", id="also before the caret"),
    pytest.param("e\u0301: x", span(4, 5), "e\u0301: x", "  ^", id="combining characters take none"),
    pytest.param(
        "\x1b[1m: x", span(1, 5), r"\x1b[1m: x", "^^^^^^^", id="49 escapes are shown, the carets grow with them"
    ),
    pytest.param(
        "##vso[x]: y", span(11, 12), "# #vso[x]: y", "           ^", id="49 markers are split, the caret moves along"
    ),
    pytest.param("x   ", span(1, 2), "x", "^", id="blanks at the end are dropped"),
]


@pytest.mark.parametrize(("line", "where", "shown", "carets"), ROWS)
def test_excerpt(line: str, where: Span, shown: str, carets: str) -> None:
    assert excerpt(line, where) == (shown, carets)


@pytest.mark.parametrize("column", [1, 20, 31, 500, 980, 1000])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    line = "".join(chr(ord("a") + number % 26) for number in range(1000))
    shown, carets = excerpt(line, span(column, column + 1))
    assert len(shown) <= 106
    assert shown[carets.index("^")] == line[column - 1]


@pytest.mark.parametrize("column", [1, 20, 31, 200, 400])
@pytest.mark.parametrize("width", [20, 40, 60, 93])
@pytest.mark.parametrize("text", ["abcdefgh", "日本の売上", "a\t日"], ids=["ascii", "wide", "tabs"])
def test_on_a_narrow_screen_no_excerpt_is_wider(text: str, width: int, column: int) -> None:
    shown, carets = excerpt((text * 100)[:400], span(column, column + 1), width=width)
    assert width_of(shown) <= width
    assert width_of(carets) <= width


def test_what_fits_a_narrow_screen_is_shown_whole() -> None:
    assert excerpt("a" * 40, span(40, 41), width=40) == ("a" * 40, " " * 39 + "^")


def test_carets_end_with_the_excerpt() -> None:
    shown, carets = excerpt("x" * 1000, span(1, 1001))
    assert len(carets) <= len(shown)
