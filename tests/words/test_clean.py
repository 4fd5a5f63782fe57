import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.words.clean import clean

ROWS = [
    pytest.param("Load orders (2 of 3): größer 日本語", None, id="ordinary text stays"),
    pytest.param("std::vector and 12:30 and a # b ## c", None, id="what only looks like a marker stays"),
    pytest.param("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m", id="colours"),
    pytest.param("\x1b]8;;http://x\x07link", r"\x1b]8;;http://x\x07link", id="a terminal's links and titles (OSC)"),
    pytest.param("\x9b31m", r"\x9b31m", id="the one-character form of ESC ["),
    pytest.param("ok\rfailed", r"ok\rfailed", id="a carriage return overwrites the line"),
    pytest.param(
        "done\n::error::x", r"done\n::error::x", id="a line break: what follows is not at the start of a line any more"
    ),
    pytest.param("a\tb", "a b", id="a tab"),
    pytest.param("\0\b\x7f", r"\x00\x08\x7f", id="other control characters"),
    pytest.param("a\u202egnp.exe", r"a\u202egnp.exe", id="right to left"),
    pytest.param("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f", id="isolates and marks"),
    pytest.param("a\u2028b\x85c", r"a\u2028b\x85c", id="line ends that not everybody sees"),
    pytest.param("a\u200bb\ufeff", r"a\u200bb\ufeff", id="invisible characters"),
    pytest.param("a\U000e0041", r"a\U000e0041", id="invisible tag letters"),
    pytest.param("a\ud800", r"a\ud800", id="half a character, which cannot be encoded"),
    pytest.param("::error file=a::x", ": :error file=a::x", id="GitHub: a command at the start"),
    pytest.param("  ::stop-commands::x", "  : :stop-commands::x", id="GitHub: or behind blanks"),
    pytest.param("x ##[group]y", "x # #[group]y", id="GitHub and Azure: anywhere"),
    pytest.param("##vso[task.setvariable variable=a]b", "# #vso[task.setvariable variable=a]b", id="Azure: anywhere"),
    pytest.param("##teamcity[x]", "# #teamcity[x]", id="TeamCity"),
    pytest.param("section_start:1:x\r\x1b[0K", r"section_start:1:x\r\x1b[0K", id="GitLab: a section"),
]


@pytest.mark.parametrize(("text", "expected"), ROWS)
def test_49_clean(text: str, expected: str | None) -> None:
    assert clean(text) == (text if expected is None else expected)


@given(st.text() | st.text(":#[]vso error\n\r\x1b"))
def test_49_nothing_is_left_that_acts(text: str) -> None:
    cleaned = clean(text)
    assert not re.search(r"^\s*::|##\w*\[|[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", cleaned)
    assert len(cleaned.splitlines()) <= 1
    cleaned.encode()
