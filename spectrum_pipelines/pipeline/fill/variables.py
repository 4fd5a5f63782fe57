"""The declarations under `variables`, and what counts as a value of each type.

A reason why a value does not fit never quotes the value: whether that may be shown is for the caller to decide.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import Any

from msgspec import Struct

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.reading.scalars import MAX_DIGITS, BadScalar, as_written
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Scalar


class VariableType(Enum):
    """The words of `type`."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"


_WANTED = {
    VariableType.STRING: "must be a text",
    VariableType.INTEGER: "must be a whole number such as `7`",
    VariableType.NUMBER: "must be a number such as `0.5`",
    VariableType.BOOLEAN: "must be `true` or `false`",
    VariableType.DATE: "must be a day such as `2026-11-22`",
}
_READ = frozenset({VariableType.INTEGER, VariableType.NUMBER, VariableType.BOOLEAN})
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


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
    default: Scalar | None
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
    default = body.get("default")
    default = default if isinstance(default, (str, int, float)) else None
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


def _type_of(default: Scalar | None) -> VariableType:
    match default:
        case bool():
            return VariableType.BOOLEAN
        case int():
            return VariableType.INTEGER
        case float():
            return VariableType.NUMBER
        case _:
            return VariableType.STRING


def check_value(declaration: Declaration, value: object) -> Scalar:
    """The value itself if it is one of this variable. Raises Unfit."""
    if not isinstance(value, (str, int, float)) or not _has_type(declaration.type, value):
        raise Unfit(_WANTED[declaration.type])
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


def read_value(declaration: Declaration, text: str) -> Scalar:
    """A value that came as text: from an option or the environment. Raises Unfit.

    A number or a boolean is what a plain scalar of a YAML file would be, so that the same spelling means the same at every door.
    """
    if declaration.type not in _READ:
        return check_value(declaration, text)
    value = as_written(text)
    if isinstance(value, BadScalar):
        wanted = _WANTED[declaration.type]
        zero = "drop the zeros, or declare `type: string`, which keeps a text such as `007`"
        raise Unfit(wanted + _LIMITS.get(value.code, ""), zero if value.code == "leading-zero" else None)
    return check_value(declaration, text if value is None else value)


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
            return isinstance(value, str) and _is_date(value)


def _is_date(text: str) -> bool:
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
