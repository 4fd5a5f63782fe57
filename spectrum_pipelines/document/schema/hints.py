"""What to write instead: from the value if that tells what was meant, else from the schema."""

import re
from typing import Any

from spectrum_pipelines.document.schema.violation import Violation, resolved
from spectrum_pipelines.document.schema.wording import flow, listed, quoted, shortened
from spectrum_pipelines.document.suggest import closest

_YES = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FEW = 3


def hint_for(it: Violation) -> str | None:
    """What was most likely meant; else the schema's own hint; else its examples."""
    meant = None if it.hidden else _meant(it)
    return meant or it.note("x-hint") or _examples(it)


def how_to_add(it: Violation, key: str) -> str | None:
    """A line that a mapping lacks, if the schema shows one."""
    schema = resolved(resolved(it.schema, it.root).get("properties", {}).get(key), it.root)
    if "const" in schema:
        return f"add `{key}: {flow(schema['const'])}`"
    examples = schema.get("examples")
    return (
        f"add `{key}: {shortened(flow(examples[0]))}`" if isinstance(examples, list) and examples else f"add `{key}:`"
    )


def _meant(it: Violation) -> str | None:
    if isinstance(it.value, str):
        return _misspelt(it, it.value) or _misread(it, it.value)
    if it.note("x-hint") or isinstance(it.value, bool) or not isinstance(it.value, int | float):
        return None
    match it.wanted if it.rule == "type" else None:
        case "string":
            return "put quotes around it"
        case "array":
            return f"write a list: `[{flow(it.value)}]`"
        case _:
            return None


def _misspelt(it: Violation, word: str) -> str | None:
    guess = closest(word, [choice for choice in _choices(it) if isinstance(choice, str)])
    return f"did you mean `{guess}`?" if guess else None


def _misread(it: Violation, word: str) -> str | None:
    """YAML 1.1 habits and quotes too many."""
    types = _wanted_types(it)
    if "boolean" in types and word.lower() in _YES:
        return f"write `{_YES[word.lower()]}`: only `true` and `false` are not text"
    if "boolean" in types and word.lower() in {"true", "false"}:
        return f"write `{word.lower()}` without quotes"
    if _WHOLE.fullmatch(word) and (types & {"integer", "number"} or int(word) in _choices(it)):
        return f"write `{word}` without quotes"
    if types == {"array"} and not it.note("x-hint"):
        return f"write a list: `[{shortened(flow(word))}]`"
    return None


def _wanted_types(it: Violation) -> set[str]:
    if it.rule == "type":
        return {it.wanted} if isinstance(it.wanted, str) else set(it.wanted)
    own = (inner for branch in it.branches for inner in branch if inner.path == it.path)
    return {name for inner in own for name in _wanted_types(inner)}


def _choices(it: Violation) -> list[Any]:
    match it.rule:
        case "enum":
            return list(it.wanted)
        case "const":
            return [it.wanted]
        case _:
            return [
                choice
                for branch in it.branches
                for inner in branch
                if inner.path == it.path
                for choice in _choices(inner)
            ]


def _examples(it: Violation) -> str | None:
    examples = it.schema.get("examples")
    if it.rule in {"enum", "const"} or not isinstance(examples, list) or not examples:
        return None
    return f"for example {listed(quoted(examples[:_FEW]))}"
