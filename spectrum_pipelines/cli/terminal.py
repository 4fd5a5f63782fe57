"""What stands behind stdout and stderr, and the one way to say something to a person."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import IO

_COLORS = {"error": "31", "bug": "31", "warning": "33", "hint": "36", "note": "36"}
_USUAL_WIDTH = 80
_PROGRAMS = ("spectrum-pipelines ", "`mkdir ")  # whose commands are printed


def wants_color(stream: IO[str], environ: Mapping[str, str] = os.environ) -> bool:
    """NO_COLOR, FORCE_COLOR and TERM=dumb decide, in that order; then whether it is a terminal."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()


def width_of(stream: IO[str], environ: Mapping[str, str] = os.environ) -> int:
    """The cells of a line of the terminal behind a stream; elsewhere what COLUMNS says, else as good as unbounded."""
    from spectrum_pipelines.words.columns import UNBOUNDED  # noqa: PLC0415 - most commands end without a word

    try:
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):  # a terminal that is gone
        return _USUAL_WIDTH
    given = environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() and len(given) < 6 and int(given) else UNBOUNDED


def width_to_read(stream: IO[str]) -> int:
    """The width at which findings break: that of a terminal. Elsewhere a program may read them, for which each is one line."""
    return width_of(stream, {})


def say(kind: str, message: str, *, hint: str | None = None, details: Iterable[str] = ()) -> None:
    """Write `kind: message`, indented details and a hint to stderr. Foreign text in it can act on no terminal and no CI system."""
    from spectrum_pipelines.cli.given import pasted, with_given  # noqa: PLC0415 - most commands end without a word
    from spectrum_pipelines.words.clean import clean  # noqa: PLC0415

    told = pasted(message) if kind == "next" else with_given(message)
    said = [_wrapped(clean(told), lead=f"{kind}: ").replace(f"{kind}:", _painted(kind), 1)]
    said += [_wrapped(clean(with_given(line)), lead="  ") for line in details]
    if hint:
        said.append(_wrapped(clean(with_given(hint)), lead="hint: ").replace("hint:", _painted("hint"), 1))
    sys.stderr.write("".join(f"{one}\n" for one in said))
    sys.stderr.flush()


def _wrapped(text: str, *, lead: str) -> str:
    """A text that breaks between words on a terminal; one that holds a command does not, for it may be pasted."""
    if not sys.stderr.isatty() or any(name in text for name in _PROGRAMS):
        return lead + text
    from spectrum_pipelines.words.columns import wrapped  # noqa: PLC0415 - only a terminal needs it

    return "\n".join(wrapped(text, width_to_read(sys.stderr), lead=lead, indent=2 if lead.strip() else 4))


def _painted(word: str) -> str:
    return f"\x1b[{_COLORS[word]}m{word}:\x1b[0m" if word in _COLORS and wants_color(sys.stderr) else f"{word}:"
