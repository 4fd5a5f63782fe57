"""Where each value of a document stands: a tree of offsets in the shape of the data."""

from dataclasses import dataclass, field

from spectrum_pipelines.document.position import Path

Range = tuple[int, int]


@dataclass(slots=True)
class Branch:
    """A mapping or a list. `keys` is empty for a list, whose `children` are numbered from 0."""

    start: int
    end: int
    keys: dict[str, Range] = field(default_factory=dict)
    children: "dict[str | int, Node]" = field(default_factory=dict)


#: Scalars are plain pairs: there are very many of them.
Node = Range | Branch


def range_of(node: Node) -> Range:
    """From the first character of a value to behind its last one."""
    return (node.start, node.end) if isinstance(node, Branch) else node


def value_range(root: Node, path: Path) -> Range:
    """The value at `path` or its nearest ancestor that exists; for an empty value (`key:`) the key."""
    node, key = _find(root, path)
    start, end = range_of(node)
    return key if start == end and key is not None else (start, end)


def key_range(root: Node, path: Path) -> Range:
    """The key at `path` or of its nearest ancestor that exists; an item of a list, like the root, is its own key."""
    node, key = _find(root, path)
    return key if key is not None else range_of(node)


def _find(root: Node, path: Path) -> tuple[Node, Range | None]:
    node, key = root, None
    for step in path:
        if not isinstance(node, Branch) or step not in node.children:
            break
        key = node.keys.get(step) if isinstance(step, str) else None
        node = node.children[step]
    return node, key
