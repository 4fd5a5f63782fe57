"""What a schema found, in the words of the person who wrote the file.

A rule's `x-message` goes first, then a text for the keyword, then a plain one for keywords nobody has thought of. The hint is what
is most likely meant, if that can be told from the value; else the schema's `x-hint`; else its examples.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.schema.alternatives import best_branch, either_or
from spectrum_pipelines.document.schema.hints import hint_for, how_to_add
from spectrum_pipelines.document.schema.violation import Violation, unknown_keys
from spectrum_pipelines.document.schema.wording import flow, listed, quoted, types_in_words
from spectrum_pipelines.document.suggest import closest


class Complaint(Struct, frozen=True, kw_only=True):
    """A fault by its path in the data. `at_key`: it is shown at the key, otherwise at the value."""

    path: Path
    code: str
    message: str
    hint: str | None = None
    at_key: bool = False
    related: tuple[tuple[Path, str], ...] = ()


def complaints(violation: Violation) -> Iterator[Complaint]:
    """All that is to be said about one broken rule; most often one thing."""
    if violation.is_name:
        yield _bad_name(violation)
        return
    match violation.rule:
        case "anyOf" | "oneOf":
            yield from _no_alternative(violation)
        case "required":
            yield from _missing_keys(violation)
        case "additionalProperties":
            yield from _unknown_keys(violation)
        case "dependencies":
            yield from _lonely_keys(violation)
        case "uniqueItems":
            yield from _repetitions(violation)
        case _:
            yield _bad_value(violation)


def _bad_value(it: Violation) -> Complaint:
    code, must = _RULES.get(it.rule, _OTHER)
    return _about(it, code, it.note("x-message") or must(it))


def _about(it: Violation, code: str, must: str, hint: str | None = None) -> Complaint:
    if must.startswith("must "):
        message = f"{it.name} {must}{'' if it.rule in _COUNTED else it.not_this}"
    elif must.startswith("not "):
        message = f"{it.name}: {it.this} is {must}"
    else:
        message = f"{it.name}: {must}"
    at_key = isinstance(it.value, dict | list)
    return Complaint(path=it.path, code=code, message=message, hint=hint or hint_for(it), at_key=at_key)


def _bad_name(it: Violation) -> Complaint:
    name = str(it.value)
    what = it.note("x-message") or (
        "not allowed as a name here" if it.rule != "minLength" else "empty: a name is missing"
    )
    hint = it.note("x-hint")
    return Complaint(path=(*it.path, name), code="bad-name", message=f"`{name}` is {what}", hint=hint, at_key=True)


def _missing_keys(it: Violation) -> Iterator[Complaint]:
    # jsonschema reports one by one with nothing but a sentence to tell them apart; equal complaints are dropped later.
    for key in it.wanted:
        if key not in it.value:
            message = f"{it.name} lacks the key `{key}`"
            hint = how_to_add(it, key)
            yield Complaint(path=it.path, code="missing-key", message=message, hint=hint, at_key=True)


def _unknown_keys(it: Violation) -> Iterator[Complaint]:
    known = [key for key in it.schema.get("properties", {}) if not key.startswith("$")]
    free = [key for key in known if key not in it.value]
    for key in unknown_keys(it):
        guess = closest(key, free) or closest(key, known)
        hint = f"did you mean `{guess}`?" if guess else f"{it.name} takes {listed(quoted(sorted(known)), 'and')}"
        path = (*it.path, key)
        yield Complaint(path=path, code="unknown-key", message=f"unknown key `{key}`", hint=hint, at_key=True)


def _lonely_keys(it: Violation) -> Iterator[Complaint]:
    for key, others in it.wanted.items():
        missing = [other for other in others if other not in it.value] if isinstance(others, list) else []
        if key in it.value and missing:
            message = f"`{key}` also needs {listed(quoted(missing), 'and')}"
            hint = it.note("x-hint")
            yield Complaint(path=(*it.path, key), code="missing-key", message=message, hint=hint, at_key=True)


def _repetitions(it: Violation) -> Iterator[Complaint]:
    seen: dict[str, int] = {}
    for index, item in enumerate(it.value):
        first = seen.setdefault(flow(item), index)
        if first != index:
            path, message = (*it.path, index), f"{it.name} has this twice"
            related = (((*it.path, first), "it stands here first"),)
            yield Complaint(path=path, code="duplicate-item", message=message, hint="keep one of them", related=related)


def _no_alternative(it: Violation) -> Iterator[Complaint]:
    keys = either_or(it.wanted)
    if keys:
        if isinstance(it.value, dict):  # otherwise the type is wrong, and another rule says so
            yield _which_key(it, keys)
        return
    if (limit := _exceeded(it)) is not None:
        yield _about(it, "out-of-range", f"must be at most {limit}")
        return
    best = best_branch(it)
    deeper = any(len(inner.path) > len(it.path) or inner.rule == "additionalProperties" for inner in best)
    if best and (deeper or (not it.note("x-message") and len(it.branches) == 1)):
        for inner in best:
            yield from complaints(inner)
    else:
        yield _about(it, *_summary(it, best))


def _exceeded(it: Violation) -> int | None:
    """The limit of the alternative that takes whole numbers, where the value is one beyond it, also in quotes."""
    bounded = [one for one in it.wanted if isinstance(one, dict) and one.get("type") == "integer" and "maximum" in one]
    value = it.value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER:
        value = int(value)
    if not bounded or not isinstance(value, int) or isinstance(value, bool):
        return None
    limit = max(int(one["maximum"]) for one in bounded)
    return limit if value > limit and str(limit) not in (it.note("x-message") or "") else None


def _summary(it: Violation, best: Iterable[Violation]) -> tuple[str, str]:
    """Code and text where every alternative fails at the value itself."""
    rules = [inner for branch in it.branches for inner in branch if inner.path == it.path]
    choices = [choice for inner in rules if inner.rule in {"enum", "const"} for choice in _choices(inner)]
    codes = [_RULES.get(inner.rule, _OTHER)[0] for inner in rules]
    code = "not-allowed" if choices else max(codes, key=codes.count, default="wrong-value")
    if message := it.note("x-message"):
        return code, message
    if choices:
        return code, f"must be {listed(quoted(choices))}"
    if rules and all(inner.rule == "type" for inner in rules):
        return code, f"must be {types_in_words([name for inner in rules for name in _types(inner)])}"
    for inner in best:
        code, must = _RULES.get(inner.rule, _OTHER)
        return code, must(inner)
    return code, "several alternatives fit at once"


def _which_key(it: Violation, keys: list[str]) -> Complaint:
    present = [key for key in it.value if key in keys]
    if not present:
        message = (
            it.note("x-message") or f"{it.name} needs {'either ' if it.rule == 'oneOf' else ''}{listed(quoted(keys))}"
        )
        return Complaint(path=it.path, code="missing-key", message=message, hint=it.note("x-hint"), at_key=True)
    first, second = present[0], present[-1]
    message = it.note("x-message") or f"{it.name} takes only one of {listed(quoted(present), 'and')}"
    related = (((*it.path, first), "the other one"),)
    hint = it.note("x-hint") or "keep one of them"
    path = (*it.path, second)
    return Complaint(path=path, code="conflicting-keys", message=message, hint=hint, at_key=True, related=related)


def _types(it: Violation) -> list[str]:
    return [it.wanted] if isinstance(it.wanted, str) else list(it.wanted)


def _choices(it: Violation) -> list[object]:
    return list(it.wanted) if it.rule == "enum" else [it.wanted]


def _count(it: Violation, noun: str, bound: str) -> str:
    return f"must have at {bound} {it.wanted:,} {noun}{'' if it.wanted == 1 else 's'}"


_LONGEST_NUMBER = 100  # digits

#: Rules on how much there is: what stands there need not be shown.
_COUNTED = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})

#: Keyword -> code and what must be.
_RULES: dict[str, tuple[str, Callable[[Violation], str]]] = {
    "type": ("wrong-type", lambda it: f"must be {types_in_words(it.wanted)}"),
    "enum": ("not-allowed", lambda it: f"must be {listed(quoted(it.wanted))}"),
    "const": ("not-allowed", lambda it: f"must be {listed(quoted([it.wanted]))}"),
    "pattern": ("bad-format", lambda _: "not written as it must be"),
    "format": ("bad-format", lambda it: f"not a valid {it.wanted}"),
    "minimum": ("out-of-range", lambda it: f"must be at least {flow(it.wanted)}"),
    "maximum": ("out-of-range", lambda it: f"must be at most {flow(it.wanted)}"),
    "exclusiveMinimum": ("out-of-range", lambda it: f"must be greater than {flow(it.wanted)}"),
    "exclusiveMaximum": ("out-of-range", lambda it: f"must be less than {flow(it.wanted)}"),
    "multipleOf": ("out-of-range", lambda it: f"must be a multiple of {flow(it.wanted)}"),
    "minLength": ("too-short", lambda it: "must not be empty" if it.wanted == 1 else _count(it, "character", "least")),
    "maxLength": ("too-long", lambda it: _count(it, "character", "most")),
    "minItems": ("too-few", lambda it: _count(it, "item", "least")),
    "maxItems": ("too-many", lambda it: _count(it, "item", "most")),
    "minProperties": ("too-few", lambda it: _count(it, "key", "least")),
    "maxProperties": ("too-many", lambda it: _count(it, "key", "most")),
    "contains": ("missing-item", lambda _: "an item that must be in this list is missing"),
    "not": ("not-allowed", lambda _: "this is not allowed here"),
    "None": ("not-allowed", lambda _: "this is not allowed here"),
}
_OTHER: tuple[str, Callable[[Violation], str]] = ("wrong-value", lambda it: f"this breaks the rule `{it.rule}`")
