import io
import re
from contextlib import redirect_stderr
from typing import Any

import pytest

from spectrum_pipelines.cli.terminal import say, width_of, width_to_read


class Terminal(io.StringIO):
    """A terminal of an unknown size, which counts as 80 cells wide."""

    def isatty(self) -> bool:
        return True


LONG = "the run 20261123T150405Z-7f3a is already being worked on by a process on another machine since this morning"
COMMAND = "wait for its end; `spectrum-pipelines report 20261123T150405Z-7f3a --state elsewhere` shows how far it is"


def said_on_a_terminal(kind: str, message: str, **more: Any) -> str:
    with redirect_stderr(Terminal()) as stream:
        say(kind, message, **more)
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def test_a_message_breaks_between_words_on_a_terminal() -> None:
    said = said_on_a_terminal("error", LONG, details=[LONG])
    lines = said.splitlines()
    assert [line[:4] for line in lines] == ["erro", "  an", "  th", "    "]
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(said.split()) == f"error: {LONG} {LONG}"


@pytest.mark.parametrize("hint", [COMMAND, f"create it first: `mkdir -p '/{'a folder/' * 10}'`"])
def test_a_line_with_a_command_is_left_whole(hint: str) -> None:
    assert said_on_a_terminal("error", "x", hint=hint) == f"error: x\nhint: {hint}\n"


def test_where_there_is_no_terminal_a_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("error", LONG)
    assert capsys.readouterr().err == f"error: {LONG}\n"


WIDTHS = [
    pytest.param({}, 10_000, id="a pipe"),
    pytest.param({"COLUMNS": "72"}, 72, id="a pipe, and somebody says how wide"),
    pytest.param({"COLUMNS": "wide"}, 10_000, id="no number"),
    pytest.param({"COLUMNS": "9" * 5000}, 10_000, id="an absurd number"),
    pytest.param({"COLUMNS": "0"}, 10_000, id="none"),
]


@pytest.mark.parametrize(("environ", "width"), WIDTHS)
def test_the_width_of_what_is_no_terminal(environ: dict[str, str], width: int) -> None:
    assert width_of(io.StringIO(), environ) == width
    assert width_to_read(io.StringIO()) == 10_000
