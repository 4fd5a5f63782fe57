"""Which alternative of an `anyOf` or `oneOf` was meant? Complaining about all of them helps nobody."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectrum_pipelines.document.schema.violation import Violation, unknown_keys


def best_branch(it: Violation) -> tuple[Violation, ...]:
    """The broken rules of the alternative that comes nearest; empty if all alternatives fit or there are none."""
    return min(it.branches, key=lambda branch: _distance(it, branch), default=())


def _distance(it: Violation, branch: Sequence[Violation]) -> tuple[int, int, int, int]:
    """A wrong type is farthest off; then wrong keys, since keys show what was meant; then other rules of the value itself."""
    own = [inner for inner in branch if inner.path == it.path]
    types = sum(inner.rule == "type" for inner in own)
    keys = sum(_keys_off(inner) for inner in own)
    return types, keys, len(own), len(branch)


def _keys_off(it: Violation) -> int:
    match it.rule:
        case "required":
            return 1
        case "additionalProperties":
            return len(unknown_keys(it))
        case "const" | "enum":
            return 1
        case _:
            return 0


def either_or(branches: Sequence[Any]) -> list[str]:
    """The keys, if each alternative asks for one key and for nothing else; else none."""
    keys = []
    for branch in branches:
        if not isinstance(branch, Mapping) or set(branch) - {"description", "$comment"} != {"required"}:
            return []
        if len(branch["required"]) != 1:
            return []
        keys.extend(branch["required"])
    return keys
