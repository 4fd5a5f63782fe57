import subprocess

import pytest

from spectrum_pipelines.words.clean import clean
from spectrum_pipelines.words.shell import shell_word, shown_command, with_commands

WORDS = [
    pytest.param("report.json", "utf-8", b"report.json", id="a plain word"),
    pytest.param("a b", "ascii", b"a b", id="a blank"),
    pytest.param("it's $HOME `x`", "ascii", b"it's $HOME `x`", id="what a shell would take for its own"),
    pytest.param("stü", "utf-8", "stü".encode(), id="an umlaut that the stream can show"),
    pytest.param("stü", "ascii", "stü".encode(), id="an umlaut that it cannot"),
    pytest.param("stü's \\", "latin-1", "stü's \\".encode(), id="an umlaut of the stream's own"),
    pytest.param("日本's\\", "latin-1", "日本's\\".encode(), id="letters that it cannot show"),
    pytest.param("st\udcfc", "utf-8", b"st\xfc", id="a byte that is no text"),
    pytest.param("st\udcc3\udcbc", "utf-8", "stü".encode(), id="bytes that are text"),
    pytest.param("a\nb\x1b[31m", "utf-8", b"a\nb\x1b[31m", id="control characters"),
    pytest.param("x##[group]9", "utf-8", b"x##[group]9", id="a marker of a CI system"),
    pytest.param("\u202e1", "utf-8", "\u202e1".encode(), id="right to left, and a digit"),
    pytest.param("", "utf-8", b"", id="nothing"),
]


@pytest.mark.parametrize(("word", "encoding", "read"), WORDS)
def test_a_shell_reads_the_word_that_was_meant(word: str, encoding: str, read: bytes) -> None:
    told = shell_word(word, encoding)
    assert clean(told) == told
    told.encode(encoding)
    script = f"printf %s {told}".encode(encoding).decode("latin-1").encode("latin-1")
    shell = subprocess.run(
        ["bash", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"}
    )
    if encoding == "latin-1" and told.startswith("'"):  # the terminal sends the byte of its own encoding
        read = read.decode().encode("latin-1")
    assert shell.stdout == read


SHOWN = [
    pytest.param("p retry R", "p retry R -u bob --insecure", id="options are added"),
    pytest.param("p retry R -u eve", "p retry R -u eve --insecure", id="one that it has stays"),
    pytest.param("p retry R -- -x", "p retry R -u bob --insecure -- -x", id="before names that begin with a dash"),
    pytest.param("p retry 'a -- b'", "p retry 'a -- b' -u bob --insecure", id="quotes stay"),
    pytest.param("p 'stü' \"it's\"", "p $'st\\303\\274' \"it's\" -u bob --insecure", id="what cannot be shown"),
    pytest.param("", "", id="nothing"),
    pytest.param("p", "p", id="a word alone"),
    pytest.param("p retry 'stü", "p retry 'stü", id="no command: a quote is open"),
    pytest.param("p  retry", "p  retry", id="no command of ours: we write one blank"),
    pytest.param("p $'st\\374'", "p $'st\\374' -u bob --insecure", id="bytes stay"),
]


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_command_as_it_is_shown_here(command: str, shown: str) -> None:
    assert shown_command(command, "ascii", [("-u", "bob"), ("--insecure", None)]) == shown


TEXTS = [
    pytest.param("`spectrum-pipelines runs` lists them", "`X` lists them", id="a command"),
    pytest.param("see `a`: `spectrum-pipelines retry 'a`b'`", "see `a`: `X`", id="a backquote in quotes"),
    pytest.param("`spectrum-pipelines " + "$'a'" * 5000, "`spectrum-pipelines " + "$'a'" * 5000, id="no end"),
    pytest.param("write `retry` for `mkdir -p x`", "write `retry` for `X`", id="a word is no command"),
]


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_commands_in_a_message(text: str, shown: str) -> None:
    assert with_commands(text, lambda _: "X") == shown
    assert with_commands(text, str) == text
