import pytest

from spectrum_pipelines.document.position import Position, lines_of, position_at, starts_of_lines

ROWS = [
    pytest.param("ab\ncd", 3, (2, 1), id="LF: the first character of the second line"),
    pytest.param("ab\ncd", 2, (1, 3), id="the line end itself belongs to its line"),
    pytest.param("ab\r\ncd", 4, (2, 1), id="CRLF is one line end"),
    pytest.param("ab\rcd", 3, (2, 1), id="CR alone ends a line, as for YAML"),
    pytest.param("a\u2028b\x85c", 4, (1, 5), id="no editor counts U+2028 or U+0085"),
    pytest.param("日本語x", 3, (1, 4), id="characters, not bytes and not cells"),
    pytest.param("\U0001f600x", 1, (1, 2), id="one character outside the basic plane is one column"),
    pytest.param("", 0, (1, 1), id="even an empty text has a first line"),
    pytest.param("ab\n", 3, (2, 1), id="behind the last line end"),
]


@pytest.mark.parametrize(("text", "offset", "expected"), ROWS)
def test_position_at(text: str, offset: int, expected: tuple[int, int]) -> None:
    line, column = expected
    assert position_at(offset, starts_of_lines(text)) == Position(line=line, column=column)


@pytest.mark.parametrize("text", ["", "a", "a\n", "a\r\nb\rc\n\n", "\r\n\r\r\n"])
def test_lines_and_their_starts_are_counted_alike(text: str) -> None:
    starts, lines = starts_of_lines(text), lines_of(text)
    assert len(starts) == len(lines)
    assert all(text.startswith(line, start) for start, line in zip(starts, lines, strict=True))
