"""`include`: fragments of pipeline files, merged under the file that names them. Reading is handed in: nothing here is I/O.

A fragment is known by its *key*: its path from the folder of the outermost file, with `.` and `..` taken out as far as they go.
Keys name the fragments of a run in its store. Later fragments win over earlier ones, and the file itself over all of them; jobs are
never merged, so that a job stands in one place. A fragment that several files include is merged once, where it is named first.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from spectrum_pipelines.document.diagnostic import Diagnostic, Related, in_order
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.position import Path, Span
from spectrum_pipelines.document.schema import validator as schema
from spectrum_pipelines.document.source import MAX_BYTES, MAX_VALUES, Source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.pipeline.form.overlay import layered, mapping

#: Fragments of one pipeline, and how deep they may include each other.
MOST_FRAGMENTS = 100
DEEPEST = 20

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class Fragment(Struct, frozen=True, kw_only=True):
    """A fragment as it was read. `faults` make it unreadable in part; `findings` are what its own form gives rise to."""

    source: Source
    document: Document | None
    faults: tuple[Diagnostic, ...]
    findings: tuple[Diagnostic, ...]


#: Reads the fragment of a key. Raises UnreadableFile.
Read = Callable[[str], Fragment]


def fragment_of(source: Source) -> Fragment:
    """Read the text of a fragment: the same form as a pipeline, of which nothing is required."""
    document, faults = parse(source)
    findings = () if document is None else schema.check(document, "pipeline", redact=_may_be_secret, is_part=True)
    return Fragment(source=source, document=document, faults=faults, findings=findings)


def parse_with_fragments(source: Source, read: Read) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """A file and all that it includes, as one document, and what was found while reading. Never raises."""
    document, faults = parse(source)
    if document is None or not mapping(document.data).get("include"):
        return document, faults
    gathered = _Gathered(read, document)
    gathered.follow(document, (posixpath.basename(source.name),))
    gathered.add("", document)
    found = [*faults, *gathered.found]
    if not gathered.fragments:
        return document, in_order(found)
    return Composed(gathered.parts, gathered.fragments, tuple(gathered.findings)), in_order(found)


class Composed(Document):
    """A file with its fragments merged under it. Every place is traced back to the file in which it was written."""

    def __init__(
        self, parts: Sequence[Document], fragments: Mapping[str, str], findings: tuple[Diagnostic, ...]
    ) -> None:
        data: Any = {}
        for part in parts:
            data = layered(data, mapping(part.data))
        super().__init__(
            source=parts[-1].source,
            data=data,
            root=parts[-1].root,
            unsound=frozenset(path for part in parts for path in part.unsound),
        )
        self._parts = tuple(parts)
        self._fragments = fragments
        self._findings = findings

    @property
    def parts(self) -> tuple[Document, ...]:
        """The files, the outermost last."""
        return self._parts

    @property
    def fragments(self) -> Mapping[str, str]:
        """The texts of the fragments by their keys."""
        return self._fragments

    @property
    def findings(self) -> tuple[Diagnostic, ...]:
        """What the fragments by themselves give rise to."""
        return self._findings

    def part_at(self, path: Path) -> Document:
        """The file in which the value at `path` was written."""
        best, reached = self._parts[-1], 0
        for part in reversed(self._parts):
            depth = _depth(part.data, path)
            if depth == len(path) and _gives_a_value_only(part.data, path):
                depth = 2
            if depth == len(path):
                return part
            if depth > reached:
                best, reached = part, depth
        return best

    def value_span(self, path: Path) -> Span:
        """Where the value at `path` stands in its file."""
        return self.part_at(path).value_span(path)

    def key_span(self, path: Path) -> Span:
        """Where the key at `path` stands in its file."""
        return self.part_at(path).key_span(path)

    @cached_property
    def _texts(self) -> str:
        return "\n".join(part.source.text for part in self._parts)

    def holds(self, text: str) -> bool:
        """Whether the text stands anywhere in the files."""
        return text in self._texts


def _depth(data: Any, path: Path) -> int:
    """How many steps of the path the data has; all of them where it ends in a value that the path only asks for more of."""
    for depth, key in enumerate(path):
        if isinstance(data, Mapping):
            if key not in data:
                return depth
            data = data[key]
        elif isinstance(data, list) and isinstance(key, int) and key < len(data):
            data = data[key]
        else:
            return len(path)
    return len(path)


def _gives_a_value_only(data: Any, path: Path) -> bool:
    """Whether a file gives a value to a variable, and the path leads to another key of its declaration."""
    if path[:1] != ("variables",) or len(path) < 3 or path[2] in ("default", "required"):
        return False
    return not isinstance(mapping(data.get("variables")).get(str(path[1])), Mapping)


def _may_be_secret(path: Path) -> bool:
    """A fragment by itself does not say which variables are secret: another file may."""
    inner = path[2:] if path[:1] == ("environments",) else path
    return inner[:1] == ("variables",) or inner[:2] == ("server", "url")


class _Gathered:
    """The files that were read so far, in the order in which they are merged.

    A file and all that it includes may be as large as one file may be: more is not read.
    """

    def __init__(self, read: Read, outermost: Document) -> None:
        self._read = read
        self.parts: list[Document] = []
        self.fragments: dict[str, str] = {}
        self.found: list[Diagnostic] = []
        self.findings: list[Diagnostic] = []
        self._jobs: dict[tuple[str, str], Document] = {}
        self._included: dict[str, Related] = {}
        self._bytes = _bytes_of(outermost.source)
        self._values = outermost.count
        self._is_full = False

    def follow(self, document: Document, way: tuple[str, ...]) -> None:
        """Read what the document includes, and what that includes. `way` are the keys from the outermost file down to it."""
        listed = mapping(document.data).get("include")
        named: dict[str, int] = {}
        for place, item in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(item, str) or "${" in item or not item:
                continue  # the schema says so
            if refusal := _refusal(item):
                self._fault(document, place, *refusal)
                continue
            key = posixpath.normpath(posixpath.join(posixpath.dirname(way[-1]), item))
            if key in named:
                hint = f"remove one: item {named[key] + 1} names the same file"
                self._fault(document, place, f"`{item}` is included twice", hint)
            elif key in way:
                circle = (*way[way.index(key) :], key)
                message = f"files include each other in a circle: {' -> '.join(circle)}"
                # A file that includes itself has one place alone.
                related = (self._included[circle[1]],) if len(circle) > 2 else ()
                self._fault(document, place, message, "remove one of the two", related)
            elif key not in self.fragments:
                span = document.value_span(("include", place))
                self._included[key] = Related(span=span, message=f"{key} is included here", file=document.source.name)
                self._take(document, place, key, (*way, key))
            named.setdefault(key, place)

    def _take(self, document: Document, place: int, key: str, way: tuple[str, ...]) -> None:
        if self._is_full:
            return
        if len(self.fragments) >= MOST_FRAGMENTS or len(way) > DEEPEST + 1:
            what = f"more than {MOST_FRAGMENTS} files" if len(way) <= DEEPEST + 1 else f"files more than {DEEPEST} deep"
            self._fault(document, place, f"a pipeline cannot include {what}", "put some of them together")
            return
        try:
            fragment = self._read(key)
        except UnreadableFile as error:
            self._fault(
                document, place, error.message, error.hint or "check the path: it begins at the folder of this file"
            )
            return
        if (too_much := self._count(fragment)) is not None:
            self._is_full = True
            self._fault(
                document, place, f"with {key} the pipeline has {too_much}", "include less: the rest is not read"
            )
            return
        self.fragments[key] = fragment.source.text
        self.found += fragment.faults
        if fragment.document is None:
            return
        self.findings += fragment.findings
        self.follow(fragment.document, way)
        self.add(key, fragment.document)

    def _count(self, fragment: Fragment) -> str | None:
        """What is too much with this one, if anything is."""
        self._bytes += _bytes_of(fragment.source)
        # One that is too large by itself was read as far as that goes, and says so.
        is_larger = any(fault.code == "too-large" for fault in fragment.faults)
        self._values += MAX_VALUES if is_larger else fragment.document.count if fragment.document is not None else 0
        if self._bytes > MAX_BYTES:
            return f"more than {MAX_BYTES:,} bytes"
        return f"more than {MAX_VALUES:,} values" if self._values > MAX_VALUES else None

    def add(self, key: str, document: Document) -> None:
        """Merge a file over those before it; a job that one of them has already is a fault."""
        for section in ("jobs", "finally"):
            for name in mapping(mapping(document.data).get(section)):
                first = self._jobs.setdefault((section, name), document)
                if first is not document:
                    path = (section, name)
                    at = Related(span=first.key_span(path), message="the other one", file=first.source.name)
                    self.found.append(
                        Diagnostic(
                            file=document.source.name,
                            span=document.key_span(path),
                            code="duplicate-id",
                            message=f"the id `{name}` is taken: {first.source.name} has a job of this name",
                            hint="a job stands in one file: rename one, or override it in an environment",
                            related=(at,),
                        )
                    )
        if isinstance(document.data, Mapping) or not key:
            self.parts.append(document)

    def _fault(
        self, document: Document, place: int, message: str, hint: str | None, related: tuple[Related, ...] = ()
    ) -> None:
        span, file = document.value_span(("include", place)), document.source.name
        self.found.append(Diagnostic(file=file, span=span, code="include", message=message, hint=hint, related=related))


def _bytes_of(source: Source) -> int:
    return len(source.text.encode("utf-8", "surrogatepass"))


def _refusal(item: str) -> tuple[str, str] | None:
    if _URL.match(item):
        return f"`{item}` is an address, and fragments are files", "copy it into the repository, or use a submodule"
    if item.startswith("/"):
        return (
            f"`{item}` is an absolute path",
            "write the path from the folder of this file, such as `../common/base.yaml`",
        )
    if "\x00" in item or "\n" in item:
        return "this is no possible path", "write a path such as `../common/base.yaml`"
    return None


def files_of(document: Document) -> Iterator[Source]:
    """The sources of a document, the outermost last."""
    yield from (part.source for part in document.parts)
