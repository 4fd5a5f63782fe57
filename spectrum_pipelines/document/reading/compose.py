"""Events to plain data, with an offset for every key and value, in one loop without recursion.

The caps stand here, since they must bite before anything is built: depth, number of values, and what aliases multiply. An alias
gets a copy of what it names, so that no two places of the data share a mutable object; a hundred bytes of nested aliases can ask
for 10^9 values, hence a budget of its own. An alias to a value that is still open would be a cycle.
Merge keys (`<<`) come from YAML 1.1; what they add is counted with the aliases that they name.

A fault that leaves the rest readable is noted and the reading goes on, so that one pass finds them all. Where it leaves no sensible
value, its path is listed in `unsound`: whoever checks the data should not complain about that place a second time.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from spectrum_pipelines.document.copies import copied, height
from spectrum_pipelines.document.diagnostic import MEND_FIRST, MOST_FAULTS
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.reading.fault import Fault, Unparsable
from spectrum_pipelines.document.reading.scalars import BadScalar
from spectrum_pipelines.document.reading.tagged import read_scalar, refuse_tag
from spectrum_pipelines.document.reading.tree import Branch, Node, Range, range_of
from spectrum_pipelines.document.source import MAX_VALUES

MAX_DEPTH = 64
MAX_ALIASED = 100_000

_NO_KEY = object()
_DROPPED = object()
_MERGE = object()


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet. `key` is the key that waits for its value, or a mark.

    `merged` is the value of its merge key (`<<`), which is added when all of its own keys are known: they win.
    """

    data: Any
    branch: Branch
    anchor: str | None = None
    count: int = 0
    key: object = _NO_KEY
    merged: tuple[Any, Node] | None = None


@dataclass(slots=True)
class Composition:
    """What could be read. `root` is None where that is nothing that could be checked further; `count` is held to MAX_VALUES."""

    data: Any = None
    root: Node | None = None
    faults: list[Fault] = field(default_factory=list)
    unsound: set[Path] = field(default_factory=set)
    count: int = 0


def compose(events: Iterable[Event]) -> Composition:
    """Read a stream that should hold exactly one document."""
    composer = _Composer()
    try:
        composer.read(events)
    except Unparsable as stop:
        composer.faults.append(stop.fault)
        return Composition(faults=composer.faults)
    return composer.result()


class _Composer:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._unsound: set[Path] = set()
        self._stack = [_Open(data=[], branch=Branch(start=0, end=0))]  # the outermost list takes the document itself
        self._anchors: dict[str, tuple[Any, Node, int] | None] = {}  # None: not closed yet
        self._count = 0
        self._aliased = 0

    def read(self, events: Iterable[Event]) -> None:
        """Take all events. Raises Unparsable where a cap is reached or a second document begins."""
        for event in events:
            self._count += 1
            kind = type(event)
            if self._count > MAX_VALUES:
                raise _stop(event, "too-large", f"more than {MAX_VALUES:,} values", "split the file")
            if kind is ScalarEvent:
                self._scalar(event)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close(event)
            elif kind is MappingStartEvent:
                self._start(event, {}, "map")
            elif kind is SequenceStartEvent:
                self._start(event, [], "seq")
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent and self._stack[0].data:
                raise _stop(event, "several-documents", "a second document begins here", "keep one document per file")

    def result(self) -> Composition:
        """The one document, or the fault that there is none."""
        outermost = self._stack[0]
        root = outermost.branch.children.get(0)
        if root is None or (not isinstance(root, Branch) and root[0] == root[1]):
            fault = Fault(
                start=0, end=0, code="empty-file", message="there is nothing in this file", hint="is it the right one?"
            )
            return Composition(faults=[*self.faults, fault])
        data = outermost.data[0]
        return Composition(data=data, root=root, faults=self.faults, unsound=self._unsound, count=self._count)

    def _scalar(self, event: Any) -> None:
        span = (event.start_mark.index, event.end_mark.index)
        value = read_scalar(event)
        if isinstance(value, BadScalar):
            self._note(span, value.code, value.message, value.hint)
            self._unsound.add(self._path())
            value = str(event.value)
        self._put(value, span)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, span, 1)

    def _start(self, event: Any, data: dict[str, Any] | list[Any], kind: str) -> None:
        start = event.start_mark.index
        if len(self._stack) > MAX_DEPTH:
            raise _stop(event, "too-deep", f"more than {MAX_DEPTH} levels, one inside the other", "flatten the file")
        if flaw := refuse_tag(event, kind):
            self._note((start, event.end_mark.index), flaw.code, flaw.message, flaw.hint)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        branch = Branch(start=start, end=event.end_mark.index)
        self._stack.append(_Open(data=data, branch=branch, anchor=event.anchor, count=self._count))

    def _close(self, event: Any) -> None:
        done = self._stack.pop()
        branch = done.branch
        # A block ends for the parser where the next token begins, which may be many comments later: its last child is the end.
        if event.start_mark.index < event.end_mark.index:
            branch.end = event.end_mark.index
        elif branch.children:
            branch.end = max(branch.end, range_of(next(reversed(branch.children.values())))[1])
        if done.merged is not None:
            self._merge(done, *done.merged)
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.data, branch, self._count - done.count)
        self._put(done.data, branch)

    def _alias(self, event: Any) -> None:
        span = (event.start_mark.index, event.end_mark.index)
        target = self._anchors.get(event.anchor)
        if target is None:
            self._bad_alias(span, event.anchor)
            return
        value, node, size = target
        self._aliased += size
        self._count += size
        if self._aliased > MAX_ALIASED:
            message = f"the aliases of this file stand for more than {MAX_ALIASED:,} values"
            raise _stop(event, "alias-bomb", message, "write the values out, or use fewer aliases")
        if isinstance(node, Branch):
            if len(self._stack) + height(value) > MAX_DEPTH:
                raise _stop(event, "too-deep", f"this alias makes more than {MAX_DEPTH} levels", "flatten the file")
            alias = Branch(start=span[0], end=span[1], keys=node.keys, children=node.children)
            self._put(copied(value), alias)
        else:
            self._put(value, span)

    def _bad_alias(self, span: Range, name: str) -> None:
        if name in self._anchors:
            message = f"`*{name}` stands inside the value that it names"
            self._note(span, "recursive-alias", message, "write the value out")
        else:
            hint = f"declare it earlier as `&{name}`, or put quotes around the value if it is text"
            self._note(span, "unknown-alias", f"no value before this is named `{name}`", hint)
        self._unsound.add(self._path())
        self._put(None, span)

    def _put(self, value: Any, node: Node) -> None:
        top = self._stack[-1]
        data, children = top.data, top.branch.children
        if type(data) is list:
            children[len(data)] = node
            data.append(value)
        elif top.key is _NO_KEY:
            top.key = self._key(top, value, node)
        elif top.key is _MERGE:
            top.key, top.merged = _NO_KEY, (value, node)
        else:
            if top.key is not _DROPPED:
                data[top.key] = value
                children[top.key] = node  # type: ignore[index]
            top.key = _NO_KEY

    def _key(self, top: _Open, value: Any, node: Node) -> object:
        """The key to use for the value that follows, or the mark that drops that value."""
        start, end = span = range_of(node)
        if type(value) is not str:
            if isinstance(value, dict | list):
                self._note(span, "key-type", "a key must be text, not a list or a mapping", "use `key: value`")
                return _DROPPED
            word = "null" if value is None else str(value).lower()
            message = "a key is missing before this colon" if start == end else "a key must be text, and this is not"
            self._note(span, "key-type", message, f'put quotes around it: `"{word}":`')
            value = word
            self._unsound.add((*self._path()[:-1], word))
        elif value == "<<" and end - start == len("<<") and value not in top.branch.keys:
            top.branch.keys[value] = span  # in quotes it is a key like any other
            return _MERGE
        if value in top.branch.keys:
            first = top.branch.keys[value]
            self._note(span, "duplicate-key", f"the key `{value}` stands here twice", "keep one of them", first)
            return _DROPPED
        top.branch.keys[value] = span
        return value

    def _merge(self, into: _Open, value: Any, node: Node) -> None:
        """Add the keys of a mapping, or of several, that `into` does not have itself; of several, the first wins (YAML 1.1)."""
        own, branch = dict(into.data), into.branch
        del branch.keys["<<"]
        children, keys = dict(branch.children), dict(branch.keys)
        into.data.clear()
        branch.children.clear()
        branch.keys.clear()
        parts = [(value, node)]
        if isinstance(value, list) and isinstance(node, Branch):
            parts = list(zip(value, node.children.values(), strict=True))
        for mapping, at in parts:
            if not isinstance(mapping, dict) or not isinstance(at, Branch):
                hint = "give it an alias such as `*common`, or a list of aliases"
                self._note(range_of(at), "merge-key", "`<<` takes a mapping, or a list of mappings", hint)
                self._unsound.add(self._path())
                continue
            for key, it in mapping.items():
                if key not in into.data:
                    into.data[key], branch.children[key], branch.keys[key] = it, at.children[key], at.keys[key]
        into.data.update(own)
        branch.children.update(children)
        branch.keys.update(keys)

    def _note(self, span: Range, code: str, message: str, hint: str | None, first: Range | None = None) -> None:
        start, end = span
        if len(self.faults) == MOST_FAULTS:
            message = f"more than {MOST_FAULTS:,} faults: the rest of the file is not read"
            raise Unparsable(Fault(start=start, end=end, code="too-many-faults", message=message, hint=MEND_FIRST))
        also = (*first, "it stands here first") if first else None
        self.faults.append(Fault(start=start, end=end, code=code, message=message, hint=hint, also=also))

    def _path(self) -> Path:
        """Where the value that comes next will stand."""
        steps = (it.key if isinstance(it.data, dict) else len(it.data) for it in self._stack[1:])
        return tuple(step if isinstance(step, str | int) else "" for step in steps)


def _stop(event: Any, code: str, message: str, hint: str) -> Unparsable:
    start, end = event.start_mark.index, event.end_mark.index
    return Unparsable(Fault(start=start, end=end, code=code, message=message, hint=hint))
