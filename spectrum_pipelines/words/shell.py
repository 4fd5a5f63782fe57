"""Words of a command that somebody pastes into a shell: whatever stands in them, the shell reads what was meant."""

import re
import shlex
from collections.abc import Callable, Iterable

from spectrum_pipelines.words.clean import clean, readable

#: A word as it stands in a command: plain characters, quotes of either kind, `$'...'`, and what a backslash saves.
_RAW = re.compile(r"""(?:\$'(?:[^'\\]|\\.)*+'|'[^']*'|"(?:[^"\\]|\\.)*+"|\\.|[^\s'"\\])++""")
#: Quotes may hold a backquote, which ends no command. Nothing is tried twice (`*+`): the text may be foreign.
_COMMAND = re.compile(
    r"""(?<=`)(?:spectrum-pipelines|mkdir) (?:\$'(?:[^'\\]|\\.)*+'|'[^']*'|"(?:[^"\\]|\\.)*+"|[^`'"])*+(?=`)"""
)
_PLAIN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=@,+-% ")


def shell_word(text: str, encoding: str = "utf-8") -> str:
    r"""One word for bash, which a stream of this encoding can show: plain, in quotes, or its bytes as `$'st\303\274'`.

    A name that came as bytes (`surrogateescape`) is text again where the bytes are UTF-8.
    """
    text = readable(text)
    if clean(text) == text and _can_show(text, encoding):
        return shlex.quote(text)
    data = text.encode("utf-8", "surrogateescape" if _is_of_bytes(text) else "surrogatepass")
    return "$'" + "".join(chr(it) if it in _PLAIN_BYTES else f"\\{it:03o}" for it in data) + "'"


def _is_of_bytes(text: str) -> bool:
    return all(not 0xD800 <= ord(it) <= 0xDFFF or 0xDC80 <= ord(it) <= 0xDCFF for it in text)


def _can_show(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeError, LookupError):
        return False
    return True


def shown_command(command: str, encoding: str, more: Iterable[tuple[str, str | None]] = ()) -> str:
    """A command of ours for a stream of this encoding, with options that it does not have yet; a flag has no value.

    What is no command of ours, in a report of somebody else, stays as it is.
    """
    raw = _RAW.findall(command)
    if " ".join(raw) != command or len(raw) < 2:
        return command
    words = [
        word if clean(word) == word and _can_show(word, encoding) else shell_word(shlex.split(word)[0], encoding)
        for word in raw
    ]
    added = [
        word
        for name, value in more
        if name not in words
        for word in ((name,) if value is None else (name, shell_word(value, encoding)))
    ]
    at = words.index("--") if "--" in words else len(words)
    return " ".join([*words[:at], *added, *words[at:]])


def with_commands(text: str, shown: Callable[[str], str]) -> str:
    """A message whose commands, in backquotes, are shown in another way."""
    return _COMMAND.sub(lambda found: shown(found[0]), text)
