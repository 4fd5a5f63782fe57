"""The scanner's complaints in plain words, at the place where the mistake was made rather than where it was noticed.

libyaml and PyYAML word the same complaint differently; the patterns cover both. Every text here was tried on real slips: see the
cases in the tests.
"""

import re
from collections.abc import Callable

import yaml
from msgspec import Struct

from spectrum_pipelines.document.reading.fault import Fault

_LONGEST_KEY = 1024  # YAML's own limit
_QUOTE_IT = "put quotes around the value"
_NO_SPACE = re.compile(r"[ ]*(?:- +)*[\w.-]+(?P<colon>:)[^\s:/]")


class _Complaint(Struct, frozen=True, kw_only=True):
    """`at` is where the parser stumbled, `since` where the construct began that it was in."""

    text: str
    problem: str
    context: str
    at: int
    since: int

    @property
    def character(self) -> str:
        return self.text[self.at : self.at + 1]

    @property
    def line_start(self) -> int:
        return max(self.text.rfind("\n", 0, self.at), self.text.rfind("\r", 0, self.at)) + 1

    @property
    def before(self) -> str:
        """The line up to the place."""
        return self.text[self.line_start : self.at]

    @property
    def is_at_end(self) -> bool:
        return not self.text[self.at :].strip()

    def fault(
        self, code: str, message: str, hint: str | None = None, *, start: int | None = None, length: int = 1
    ) -> Fault:
        start = self.at if start is None else start
        end = min(start + length, len(self.text))
        return Fault(start=start, end=max(end, start), code=code, message=message, hint=hint)


def explain(error: yaml.MarkedYAMLError, text: str) -> Fault:
    """A fault with a stable code for whatever the parser stumbled over."""
    at = error.problem_mark.index if error.problem_mark else 0
    since = error.context_mark.index if error.context_mark else at
    complaint = _Complaint(
        text=text,
        problem=error.problem or "",
        context=error.context or "",
        at=min(at, len(text)),
        since=min(since, len(text)),
    )
    for pattern, describe in _RULES:
        if pattern.search(complaint.problem) and (fault := describe(complaint)):
            return fault
    return complaint.fault("syntax", f"this is not YAML: {complaint.problem or 'it cannot be read'}")


def _tab(it: _Complaint) -> Fault | None:
    if it.character != "\t" and "tab" not in it.problem:
        return None
    return it.fault("tab", "a tab is used for indentation", "YAML takes only spaces here: use two for each level")


def _unclosed_quote(it: _Complaint) -> Fault | None:
    if "quoted scalar" not in it.context:
        return None
    return it.fault("unclosed-quote", "this quote is never closed", "add the closing quote", start=it.since)


def _escape(it: _Complaint) -> Fault | None:
    start = it.text.rfind("\\", it.since, it.at + 1)
    message = f"`{it.text[start : start + 2]}` does not begin an escape that YAML knows"
    hint = "use single quotes, in which a backslash is a backslash, or write `\\\\`"
    if re.compile(r"\\u[dD][89a-fA-F]").match(it.text, start):
        message, hint = "this escape is half of a character", "write the character itself"
    elif it.text[start + 1 : start + 2] in set("xuU"):
        message = "this escape does not stand for a character"
    return it.fault("bad-escape", message, hint, start=start, length=2)


def _reserved(it: _Complaint) -> Fault | None:
    mark = "a backquote" if it.character == "`" else f"`{it.character}`"
    return it.fault("reserved-character", f"a value cannot begin with {mark}", _QUOTE_IT)


def _unclosed_bracket(it: _Complaint) -> Fault | None:
    bracket = it.text[it.since : it.since + 1]
    close = {"[": "]", "{": "}"}.get(bracket, bracket)
    if it.text[it.at - 1 : it.at + 1] == "${":
        hint = 'write "${...}" in double quotes'
        return it.fault("unquoted-reference", "`${...}` needs quotes inside brackets", hint, start=it.at - 1, length=2)
    if it.is_at_end or (it.since < it.line_start and _indent(it.text, it.at) <= _indent(it.text, it.since)):
        message = f"this `{bracket}` is never closed"
        hint = f"add the closing `{close}`"
        return it.fault("unclosed-bracket", message, hint, start=it.since)
    hint = "put quotes around a value that holds a bracket, a comma or a colon with a space"
    return it.fault("syntax", f"a `,` or `{close}` is missing before this", hint)


def _indent(text: str, at: int) -> int:
    """How far the line of an offset is indented."""
    blanks = re.compile(" *").match(text, text.rfind("\n", 0, at) + 1)
    return len(blanks[0]) if blanks else 0


def _second_colon(it: _Complaint) -> Fault | None:
    if ": " in it.before:
        hint = "put quotes around the value if the colon belongs to it"
        return it.fault("second-colon", "a second `: ` in one value", hint)
    previous = it.text.rfind("\n", 0, max(it.line_start - 1, 0)) + 1
    if glued := _missing_space(it, previous):
        return glued
    if it.before.startswith("---"):
        return it.fault(
            "syntax", "nothing may stand beside `---`", "begin on the next line", start=it.line_start, length=3
        )
    indent = len(it.before) - len(it.before.lstrip(" "))
    if len(it.before) > _LONGEST_KEY:
        message = f"a key of more than {_LONGEST_KEY:,} characters"
        return it.fault("syntax", message, "shorten it", start=it.line_start + indent)
    return it.fault(
        "indentation",
        "this line is indented deeper than the line above allows",
        "align it with its neighbours; a key that has a value cannot have lines below it too",
        start=it.line_start + indent,
        length=len(it.before) - indent,
    )


def _missing_space(it: _Complaint, line_start: int) -> Fault | None:
    match = _NO_SPACE.match(it.text, line_start)
    if match is None:
        return None
    return it.fault(
        "missing-space", "a space is missing after this colon", "write `key: value`", start=match.start("colon")
    )


def _no_colon(it: _Complaint) -> Fault | None:
    line_start = it.text.rfind("\n", 0, it.since) + 1
    if glued := _missing_space(it, line_start):
        return glued
    end = re.compile(r"[\r\n]|\Z").search(it.text, it.since)
    length = (end.start() if end else len(it.text)) - it.since
    message = "this line is neither `key: value` nor a list item"
    return it.fault("syntax", message, "add the colon and a space, or remove the line", start=it.since, length=length)


def _dash(it: _Complaint) -> Fault | None:
    hint = "begin the list on the next line, or write `[a, b]`"
    return it.fault("syntax", "a list cannot begin with `-` on the line of its key", hint)


def _misfit(it: _Complaint) -> Fault | None:
    if it.before.rstrip()[-1:] in {'"', "'"}:
        hint = "is an earlier quote never closed? Inside single quotes write '' for ', inside double quotes \\\" for \""
        return it.fault("text-after-quote", "text after a closing quote", hint)
    if it.character and it.character in "]}":
        return it.fault("unopened-bracket", f"this `{it.character}` closes nothing", "remove it, or quote the value")
    if it.character == ":":
        return it.fault(
            "syntax", "a key is missing before this colon", "write `key: value`, or put quotes around the text"
        )
    if it.before.strip():
        return it.fault("syntax", "this does not belong to the value before it", _QUOTE_IT)
    same_column = len(it.before) == it.since - (it.text.rfind("\n", 0, it.since) + 1)
    if same_column:
        kinds = ("a list item", "keys") if it.character == "-" else ("a key", "list items")
        hint = "indent it to where it belongs, or make the lines of one kind"
        return it.fault("syntax", f"{kinds[0]} stands among {kinds[1]}", hint)
    message = "the indentation of this line fits none of the lines above"
    return it.fault("indentation", message, "align it with the lines that it belongs to")


def _name(it: _Complaint) -> Fault | None:
    mark = it.text[it.since : it.since + 1]
    hint = "put quotes around the value if it is text, such as a pattern"
    return it.fault(
        "reserved-character", f"`{mark}` has a meaning of its own at the start of a value", hint, start=it.since
    )


def _tag(it: _Complaint) -> Fault | None:
    return it.fault("tag", "a tag (`!...`) that nobody has declared", "remove it, or put quotes around the value")


def _no_value(it: _Complaint) -> Fault | None:
    if it.is_at_end:
        return _unclosed_bracket(it)
    return it.fault("syntax", f"a value is missing before this `{it.character}`", "add the value, or quote the text")


def _second_document(it: _Complaint) -> Fault | None:
    return it.fault("several-documents", "text after the end of the document", "keep one document per file")


def _directive(it: _Complaint) -> Fault | None:
    return it.fault("directive", "a `%` directive that this reader does not know", "remove the line")


def _header(it: _Complaint) -> Fault | None:
    if "block scalar" not in it.context:
        return None
    hint = "begin the text on the next line, or put quotes around the value"
    return it.fault("syntax", "nothing but `+`, `-` or a digit may follow `|` or `>`", hint)


_RULES: tuple[tuple[re.Pattern[str], Callable[[_Complaint], Fault | None]], ...] = tuple(
    (re.compile(pattern), describe)
    for pattern, describe in (
        ("tab character|cannot start any token", _tab),
        ("unexpected end of stream|unexpected document separator", _unclosed_quote),
        ("escape|hexd?e?c?i?m?al", _escape),
        ("cannot start any token", _reserved),
        ("expected ',' or", _unclosed_bracket),
        ("mapping values are not allowed", _second_colon),
        ("could not find expected ':'", _no_colon),
        ("sequence entries are not allowed", _dash),
        ("expected key|expected '-' indicator|expected <block end>", _misfit),
        ("alphabetic or numeric", _name),
        ("tag", _tag),
        ("node content", _no_value),
        ("document start", _second_document),
        ("directive|incompatible YAML|version|%YAML", _directive),
        ("comment or line break|comment or a line break|chomping", _header),
    )
)
