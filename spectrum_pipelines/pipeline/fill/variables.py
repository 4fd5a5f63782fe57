"""The declarations under `variables`, and what counts as a value of each type.

A reason why a value does not fit never quotes the value: whether that may be shown is for the caller to decide.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

from msgspec import Struct

from spectrum_pipelines.document.parse import parse
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.reading.scalars import MAX_DIGITS, BadScalar, as_written
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.fill.dates import is_day, is_relative, resolved
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Held, Scalar


class VariableType(Enum):
    """The words of `type`."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    LIST = "list"


_WANTED = {
    VariableType.STRING: "must be a text",
    VariableType.INTEGER: "must be a whole number such as `7`",
    VariableType.NUMBER: "must be a number such as `0.5`",
    VariableType.BOOLEAN: "must be `true` or `false`",
    VariableType.DATE: "must be a day such as `2026-11-22`, `yesterday` or `today-7d`",
    VariableType.LIST: "must be a list such as `[emea, apac]`",
}
_READ = frozenset({VariableType.INTEGER, VariableType.NUMBER, VariableType.BOOLEAN})


#: Why a text is no number, by the code that a file would get for it.
_LIMITS = {
    "leading-zero": ", without leading zeros",
    "number-too-long": f", of at most {MAX_DIGITS} digits",
    "number-too-large": ", and not beyond what a computer can hold (1.8e308)",
}


class Unfit(ValueError):
    """The value is none of this variable; the text says what one would be, `hint` what else to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Declaration(Struct, frozen=True, kw_only=True):
    """A variable of either form. `default` is as written, references and all, or None; `path` leads to it in the view."""

    name: str
    path: Path
    type: VariableType
    default: Held | None
    default_path: Path
    secret: bool = False
    required: bool | None = None
    enum: tuple[Scalar, ...] = ()
    pattern: str | None = None


def declarations(view: View) -> dict[str, Declaration]:
    """What can be read of `variables`; what is ill-shaped is left out or taken for plain text."""
    return {name: _declaration(("variables", name), value) for name, value in view.section("variables").items()}


def _declaration(path: Path, value: Any) -> Declaration:
    body: Mapping[str, Any] = value if isinstance(value, Mapping) else {"default": value}
    default = _held(body.get("default"))
    words = {kind.value: kind for kind in VariableType}
    listed = body.get("enum")
    pattern = body.get("pattern")
    return Declaration(
        name=str(path[1]),
        path=path,
        type=words.get(str(body.get("type")), _type_of(default)),
        default=default,
        default_path=(*path, "default") if isinstance(value, Mapping) else path,
        secret=body.get("secret") is True,
        required=body.get("required") if isinstance(body.get("required"), bool) else None,
        enum=tuple(it for it in listed if isinstance(it, (str, int, float))) if isinstance(listed, list) else (),
        pattern=pattern if isinstance(pattern, str) else None,
    )


def _held(value: object) -> Held | None:
    match value:
        case str() | int() | float():
            return value
        case list() | tuple() if all(isinstance(it, (str, int, float)) for it in value):
            return tuple(value)
        case _:
            return None


def _type_of(default: Held | None) -> VariableType:
    match default:
        case tuple():
            return VariableType.LIST
        case bool():
            return VariableType.BOOLEAN
        case int():
            return VariableType.INTEGER
        case float():
            return VariableType.NUMBER
        case _:
            return VariableType.STRING


def check_value(declaration: Declaration, value: object, *, today: date | None = None) -> Held:
    """The value itself if it is one of this variable; a list becomes a tuple, and with `today` a day a date. Raises Unfit."""
    if declaration.type is VariableType.LIST:
        items = None if isinstance(value, str) else _held(value)
        if not isinstance(items, tuple):
            raise Unfit(_WANTED[declaration.type], "items are texts, numbers, `true` and `false`")
        return tuple(_check_scalar(declaration, it) for it in items)
    if not isinstance(value, (str, int, float)) or not _has_type(declaration.type, value):
        raise Unfit(_WANTED[declaration.type])
    if declaration.type is VariableType.DATE and is_relative(str(value)):
        if today is None:
            return value  # which day that is, a run will know
        try:
            value = resolved(str(value), today)
        except OverflowError:
            raise Unfit("must be a day between the years 1 and 9999") from None
    return _check_scalar(declaration, value)


def _check_scalar(declaration: Declaration, value: Scalar) -> Scalar:
    """`enum` and `pattern`, which hold for each item of a list."""
    if declaration.enum and not any(_is_same(value, it) for it in declaration.enum):
        listed = ", ".join(f"`{as_text(it)}`" for it in declaration.enum)
        raise Unfit(f"must be one of {'the values of `enum`' if declaration.secret else listed}")
    if declaration.pattern is not None and isinstance(value, str):
        try:
            fits = re.fullmatch(declaration.pattern, value) is not None
        except re.error:
            fits = True  # the declaration itself is reported
        if not fits:
            raise Unfit(f"must match the pattern `{declaration.pattern}`")
    return value


def _is_same(value: Scalar, allowed: Scalar) -> bool:
    """1 == True == 1.0, but a list of `[1]` does not mean `true`."""
    return isinstance(value, bool) == isinstance(allowed, bool) and value == allowed


def read_value(declaration: Declaration, text: str, *, today: date | None = None) -> Held:
    """A value that came as text: from an option or the environment. Raises Unfit.

    A number or a boolean is what a plain scalar of a YAML file would be, so that the same spelling means the same at every door. A
    list is `emea,apac`, or what a file would hold: `[emea, "a, b"]`.
    """
    if declaration.type is VariableType.LIST:
        return check_value(declaration, _read_list(text))
    if declaration.type not in _READ:
        return check_value(declaration, text, today=today)
    value = as_written(text)
    if isinstance(value, BadScalar):
        wanted = _WANTED[declaration.type]
        zero = "drop the zeros, or declare `type: string`, which keeps a text such as `007`"
        raise Unfit(wanted + _LIMITS.get(value.code, ""), zero if value.code == "leading-zero" else None)
    return check_value(declaration, text if value is None else value)


def _read_list(text: str) -> list[object]:
    if text.lstrip().startswith("["):
        document, found = parse(Source(name="value", text=text))
        if document is None or found or not isinstance(document.data, list):
            raise Unfit(_WANTED[VariableType.LIST], "write `emea,apac`, or a list as a YAML file would hold it")
        return document.data
    if not text.strip():
        return []
    items: list[object] = []
    for item in text.split(","):
        value = as_written(item.strip())
        if value is None or isinstance(value, BadScalar):
            what = "no empty item" if value is None else "items that are texts or numbers: " + value.message
            raise Unfit(f"{_WANTED[VariableType.LIST]}, with {what}", 'quotes make a text of an item: `["007", emea]`')
        items.append(value)
    return items


def _has_type(kind: VariableType, value: Scalar) -> bool:
    match kind:
        case VariableType.STRING:
            return isinstance(value, str)
        case VariableType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case VariableType.NUMBER:
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case VariableType.BOOLEAN:
            return isinstance(value, bool)
        case VariableType.DATE:
            return isinstance(value, str) and is_day(value)
        case VariableType.LIST:
            return False
