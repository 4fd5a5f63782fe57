"""From type hints to JSON and back: the one reader and the one writer of every event field.

A converter is built once for each hint. Reading is strict, because what is read may have been written by anybody: a `str` field
takes a string and nothing else, an `int` field no `true` and no `1.0`. Writing trusts the types.
"""

import math
from collections.abc import Callable, Mapping
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

Convert = Callable[[Any], Any]


class Misfit(ValueError):
    """A value that its field cannot hold. The text says where and what was wanted."""


class Unheard(Misfit):
    """A key or a word that this version does not know: perhaps a newer one does."""


def writer(hint: Any) -> Convert | None:
    """How a value of this type becomes JSON; None means that it already is."""
    hint = _plain(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return _optional_writer(next((it for it in map(writer, arguments) if it is not None), None))
    if origin is tuple:
        return _list_writer(writer(arguments[0]))
    if origin is Mapping:
        return dict
    if isinstance(hint, type) and issubclass(hint, Struct):
        return record_writer(hint)
    return attrgetter("value") if isinstance(hint, type) and issubclass(hint, Enum) else None


def _optional_writer(convert: Convert | None) -> Convert | None:
    return convert and (lambda value: None if value is None else convert(value))


def _list_writer(convert: Convert | None) -> Convert:
    return list if convert is None else lambda value: [convert(one) for one in value]


def record_writer(record: Any) -> Convert:
    """The fields of a record as a dict, in their order, every one of them."""
    hints = get_type_hints(record)
    names = [field.name for field in fields(record)]
    converts = [(name, convert) for name in names if (convert := writer(hints[name])) is not None]

    def write(value: Any) -> dict[str, Any]:
        written = {name: getattr(value, name) for name in names}
        for name, convert in converts:
            written[name] = convert(written[name])
        return written

    return write


def reader(hint: Any) -> Convert:
    """How JSON becomes a value of this type. What it returns raises Misfit. Raises TypeError for a hint that has no JSON form."""
    hint = _plain(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        return _union_reader(arguments)
    if origin is tuple:
        return _list_reader(reader(arguments[0]))
    if origin is Mapping:
        return _mapping_reader(reader(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, Struct):
        return record_reader(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_reader(hint)
    if hint in _EXACT:
        return _EXACT[hint]
    raise TypeError(hint)


def record_reader(record: Any, *, beside: frozenset[str] = frozenset()) -> Convert:
    """An object with just these keys, and those `beside` them, which are left alone. A field with a default may be missing."""
    hints = get_type_hints(record)
    plan = [(field.name, reader(hints[field.name]), _is_optional(field)) for field in fields(record)]
    known = beside | {name for name, _, _ in plan}

    def read(data: Any) -> Any:
        if type(data) is not dict:
            raise Misfit("an object is wanted")
        values = {}
        for name, convert, optional in plan:
            if name in data:
                try:
                    values[name] = convert(data[name])
                except Misfit as error:
                    raise type(error)(f"`{name}`: {error}") from None
            elif not optional:
                raise Misfit(f"`{name}` is missing")
        if not data.keys() <= known:
            raise Unheard(f"`{min(data.keys() - known)[:60]}` is not known")
        return record(**values)

    return read


def _is_optional(field: Any) -> bool:
    return field.default is not NODEFAULT or field.default_factory is not NODEFAULT


def _plain(hint: Any) -> Any:
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _exact(kind: type) -> Convert:
    noun = _NOUNS[kind]

    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise Misfit(f"{noun} is wanted")
        return value

    return read


def _number(value: Any) -> float:
    if type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is not float or not math.isfinite(value):  # `1e999` is infinite, and no JSON decoder minds
        raise Misfit("a finite number is wanted")
    return value


_NOUNS: dict[Any, str] = {str: "a text", int: "a whole number", bool: "true or false", NoneType: "null"}
_EXACT: dict[Any, Convert] = {**{kind: _exact(kind) for kind in _NOUNS}, float: _number}


def _union_reader(arguments: tuple[Any, ...]) -> Convert:
    """Only scalars and one optional thing stand in unions here, so the JSON type of the value tells the member."""
    members = {_plain(it) for it in arguments}
    simple = frozenset(members & {str, int, bool, NoneType})
    others = [reader(it) for it in arguments if _plain(it) not in simple]
    wanted = " or ".join(sorted(_NOUNS[it] for it in simple))

    def read(value: Any) -> Any:
        if type(value) in simple:
            return value
        if not others:
            raise Misfit(f"{wanted} is wanted")
        return others[0](value)

    if len(others) > 1:
        raise TypeError(arguments)
    return read


def _list_reader(convert: Convert) -> Convert:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise Misfit("a list is wanted")
        return tuple([convert(one) for one in value])

    return read


def _mapping_reader(convert: Convert) -> Convert:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise Misfit("an object is wanted")
        return {key: convert(one) for key, one in value.items()}

    return read


def _enum_reader(kind: type[Enum]) -> Convert:
    words = {member.value: member for member in kind}

    def read(value: Any) -> Enum:
        member = words.get(value) if type(value) is str else None
        if member is None:
            raise Unheard("this word is not known") if type(value) is str else Misfit("a text is wanted")
        return member

    return read
