r"""Make foreign text harmless for the place where it is printed: a terminal or the log of a CI system.

Job names, server messages and lines of the user's file are data. Three things could make them more than that:

- escape sequences and control characters, with which text recolours the screen, overwrites lines or fakes new ones;
- bidirectional and invisible characters, which make it look like other text;
- markers by which a CI system takes commands out of a log: `::error::` at the start of a line (GitHub), `##vso[` and `##[`
  anywhere (Azure, GitHub), `##teamcity[`, GitLab's sections (which need CR and ESC).

Nothing is dropped: what is not safe shows as an escape (`\x1b`, `\u202e`), a marker is split by a space.
"""

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
# A space goes in after each match. Behind a word, `::` is never at the start of a line and stays (`std::vector`).
_MARKER = re.compile(r"(?<!\w):(?=:)|#(?=#\w*\[)")
_BYTES = re.compile("[\udc80-\udcff]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": " "}


def clean(text: str) -> str:
    r"""Foreign text as one line without any effect on terminals and CI systems. Line breaks become `\n`, tabs a space."""
    return _MARKER.sub(lambda match: f"{match[0]} ", _UNSAFE.sub(lambda match: visible(match[0]), readable(text)))


def readable(name: str) -> str:
    """The name of a file as text: in the C locale Python takes an umlaut in UTF-8 for two bytes that are no text."""
    if name.isascii() or _BYTES.search(name) is None:
        return name
    try:
        return name.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return name


def visible(character: str) -> str:
    """One character as it may be printed: itself, or its escape."""
    if _UNSAFE.fullmatch(character) is None:
        return character
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def markers(text: str) -> frozenset[int]:
    """Offsets of the characters behind which a space must go so that no CI system takes the text for a command."""
    return frozenset(match.start() for match in _MARKER.finditer(text))
