"""The one vocabulary of progress and reports: a glyph, a word and a colour for each status, and numbers as people read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from spectrum_pipelines.engine.outcome import AdoptedBy, JobStatus, RunStatus

_PLAIN = "\x1b[0m"
_STYLES = {
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "red": "\x1b[31m",
    "magenta": "\x1b[35m",
    "cyan": "\x1b[36m",
    "dim": "\x1b[2m",
    "bold": "\x1b[1m",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a status looks. `style` is a name that both `paint` and rich know; `plain` replaces a glyph that cannot be shown."""

    glyph: str
    plain: str
    word: str
    style: str

    def mark(self, *, glyphs: bool) -> str:
        """The sign in front of a name, one cell wide."""
        return self.glyph if glyphs else self.plain


JOB_LOOKS: Mapping[JobStatus, Look] = {
    JobStatus.PENDING: Look("·", ".", "pending", "dim"),
    JobStatus.RUNNING: Look("▸", ">", "running", "cyan"),
    JobStatus.SUCCEEDED: Look("✓", "+", "succeeded", "green"),
    JobStatus.WARNED: Look("!", "!", "warned", "yellow"),
    JobStatus.FAILED: Look("✗", "x", "failed", "red"),
    JobStatus.TIMED_OUT: Look("✗", "x", "timed out", "red"),
    JobStatus.CANCELED: Look("✗", "x", "canceled", "red"),
    JobStatus.SKIPPED: Look("-", "-", "skipped", "dim"),
    JobStatus.UNKNOWN: Look("?", "?", "unknown", "magenta"),
}

RUN_LOOKS: Mapping[RunStatus, Look] = {
    RunStatus.RUNNING: Look("▸", ">", "running", "cyan"),
    RunStatus.SUCCEEDED: Look("✓", "+", "succeeded", "green"),
    RunStatus.FAILED: Look("✗", "x", "failed", "red"),
    RunStatus.TIMED_OUT: Look("✗", "x", "timed out", "red"),
    RunStatus.UNKNOWN: Look("?", "?", "has an unknown outcome", "magenta"),
    RunStatus.CONFLICT: Look("✗", "x", "stopped by a conflict", "red"),
    RunStatus.INTERRUPTED: Look("✗", "x", "interrupted", "yellow"),
}

#: What a job does with an execution that no trigger answer named: the words before `execution 11`.
ADOPTED: Mapping[AdoptedBy, str] = {
    AdoptedBy.RECONCILED: "found again as",
    AdoptedBy.SETTLED: "settled by hand as",
    AdoptedBy.ATTACHED: "attached to",
    AdoptedBy.WAITED_FOR: "waiting for",
    AdoptedBy.CHECKED: "checking",
    AdoptedBy.STOPPED: "about to stop",
}

_SHOWN = "".join({look.glyph for look in (*JOB_LOOKS.values(), *RUN_LOOKS.values())}) + "…━"


def can_show_glyphs(encoding: str | None) -> bool:
    """Whether a stream of this encoding can carry the glyphs; if not, ASCII stands in for them."""
    try:
        _SHOWN.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def paint(text: str, style: str, *, color: bool) -> str:
    """The text in a colour, or as it is."""
    return f"{_STYLES[style]}{text}{_PLAIN}" if color and text else text


def span_in_words(seconds: float) -> str:
    """A length of time as people read it: `0.3s`, `41s`, `3m 05s`, `2h 07m`, `1d 4h`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if not minutes:
        return f"{whole}s"
    if not hours:
        return f"{minutes}m {whole % 60:02}s"
    if not days:
        return f"{hours}h {minutes % 60:02}m"
    return f"{days}d {hours % 24}h"


def many(number: int, noun: str) -> str:
    """`1 job`, `10,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def few(names: Iterable[str], most: int = 5, *, of: str = "") -> str:
    """`a, b and 3 more changes`: at most so many names, and how many more there are `of` their kind."""
    every = list(names)
    more = f" and {len(every) - most:,} more{f' {of}' if of else ''}" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def counts_in_words(counts: Mapping[JobStatus, int]) -> str:
    """`1 failed, 2 succeeded`: how many jobs stand where, what went wrong first."""
    ranked = sorted(counts, key=lambda status: (not status.is_failure, status is JobStatus.PENDING))
    return ", ".join(f"{counts[status]:,} {JOB_LOOKS[status].word}" for status in ranked if counts[status])
