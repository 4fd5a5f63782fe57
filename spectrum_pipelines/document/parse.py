"""A source to a located document: plain data, and the place of every key and value in it."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from spectrum_pipelines.document.characters import strange_characters
from spectrum_pipelines.document.collector import at_rest
from spectrum_pipelines.document.diagnostic import Diagnostic, Related, Severity, in_order
from spectrum_pipelines.document.position import Path, Span, span_between, starts_of_lines
from spectrum_pipelines.document.reading.fault import Fault
from spectrum_pipelines.document.reading.tree import Branch, Node, key_range, range_of, value_range
from spectrum_pipelines.document.source import Source

_NO_BREAK = re.compile(r"[^\r\n]")


class Document:
    """A file as data (`dict`, `list`, `str`, `int`, `float`, `bool`, None) that knows where it stands.

    `unsound` lists paths whose fault is reported already and whose value is a stand-in. `count` says how many values were read.
    """

    def __init__(
        self, *, source: Source, data: Any, root: Node, unsound: frozenset[Path] = frozenset(), count: int = 0
    ) -> None:
        self.source = source
        self.data = data
        self.unsound = unsound
        self.root = root
        self.count = count

    @property
    def parts(self) -> "tuple[Document, ...]":
        """The files of which it is made: itself alone, unless it is composed of several."""
        return (self,)

    @property
    def fragments(self) -> Mapping[str, str]:
        """The texts of other files that it is made of, by their keys."""
        return {}

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """What other files that it is made of give rise to by themselves."""
        return ()

    def part_at(self, path: Path) -> "Document":  # noqa: ARG002 - one of several where it is composed
        """The file in which the value at `path` was written."""
        return self

    def holds(self, text: str) -> bool:
        """Whether the text stands anywhere in it."""
        return text in self.source.text

    def value_span(self, path: Path) -> Span:
        """Where the value at `path` stands, or its nearest ancestor that exists; an empty value stands at its key."""
        return self._span(*value_range(self.root, path))

    def key_span(self, path: Path) -> Span:
        """Where the key at `path` stands, or that of its nearest ancestor; an item of a list is its own key."""
        return self._span(*key_range(self.root, path))

    def masked(self, is_secret: Callable[[Path], bool]) -> Source:
        """The source with each secret scalar overwritten by asterisks of the same length: for excerpts, and nothing else."""
        text, shown, at = self.source.text, [], 0
        for start, end in sorted({places for path, places in _scalars(self.root) if is_secret(path)}):
            shown += [text[at:start], _NO_BREAK.sub("*", text[max(at, start) : end])]
            at = max(at, end)
        return Source(name=self.source.name, text="".join([*shown, text[at:]]))

    def _span(self, start: int, end: int) -> Span:
        text = self.source.text
        # Block scalars end behind their last line break. A slice of a whole file would be too dear where faults are many.
        while end > start and text[end - 1].isspace():
            end -= 1
        return span_between(start, end, self._starts)

    @cached_property
    def _starts(self) -> list[int]:
        return starts_of_lines(self.source.text)


@at_rest()
def parse(source: Source) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """Read a source. Never raises.

    A document comes back whenever something could be read, so that a check can find the rest of the faults in the same pass: it is
    good for use only if no diagnostic is an error.
    """
    # PyYAML takes its share of the start-up, which `--help` need not pay.
    from spectrum_pipelines.document.reading.compose import compose  # noqa: PLC0415
    from spectrum_pipelines.document.reading.events import events, fast_parser  # noqa: PLC0415

    source = Source(name=source.name, text=source.text.removeprefix("\ufeff"))
    strange = tuple(strange_characters(source))
    if any(it.severity is Severity.ERROR for it in strange):
        return None, in_order(strange)
    composition = compose(events(source.text, fast_parser(source.text)))
    diagnostics = in_order((*strange, *_located(source, composition.faults)))
    if composition.root is None:
        return None, diagnostics
    unsound = frozenset(composition.unsound)
    return Document(
        source=source, data=composition.data, root=composition.root, unsound=unsound, count=composition.count
    ), diagnostics


def _located(source: Source, faults: Iterable[Fault]) -> Iterable[Diagnostic]:
    starts = starts_of_lines(source.text) if faults else []
    for fault in faults:
        span = span_between(fault.start, fault.end, starts)
        message, related = fault.message, tuple[Related, ...]()
        if fault.also:
            other = span_between(fault.also[0], fault.also[1], starts)
            message = f"{message}, first on line {other.start.line}"
            related = (Related(span=other, message=fault.also[2]),)
        yield Diagnostic(
            file=source.name, span=span, code=fault.code, message=message, hint=fault.hint, related=related
        )


def _scalars(root: Node) -> Iterable[tuple[Path, tuple[int, int]]]:
    waiting: list[tuple[Path, Node]] = [((), root)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, Branch):
            waiting.extend(((*path, step), child) for step, child in node.children.items())
        else:
            yield path, range_of(node)
