"""Frozen, slotted, keyword-only dataclasses at a fifth of the price.

`dataclasses` compiles six methods for each class, and this package has some 160 records: that was a fifth of the start-up of `run`,
in every step of a CI job. A record compiles its `__init__` alone and shares the rest. For type checkers, `fields`, `replace` and
`is_dataclass` it is what `@dataclass(frozen=True, slots=True, kw_only=True)` makes; there is no `__post_init__` and no `InitVar`.
"""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, FrozenInstanceError, field
from operator import attrgetter
from typing import Any, ClassVar, NoReturn, TypeVar, dataclass_transform, get_origin

Record = TypeVar("Record")


@dataclasses.dataclass
class _Specimen:
    field: None = None


#: How `dataclasses` marks an ordinary field; `fields` looks for it.
_ORDINARY = vars(_Specimen)["__dataclass_fields__"]["field"]._field_type  # noqa: SLF001 - it has no public name


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(kind: type[Record]) -> type[Record]:
    """Make a record of a class with annotated fields."""
    own = dict(_own_fields(kind))
    inherited = getattr(kind, "__dataclass_fields__", {})
    body = {name: value for name, value in vars(kind).items() if name not in own and name not in _OF_EACH_CLASS}
    body["__slots__"] = tuple(name for name in own if name not in inherited)
    meta: Any = type(kind)
    made = meta(kind.__name__, kind.__bases__, body)
    made.__dataclass_fields__ = known = {**inherited, **own}
    for name, method in _SHARED.items():
        if name not in body:
            setattr(made, name, method)
    compared = [one.name for one in known.values() if one.compare]
    made.__values__ = attrgetter(*compared) if compared else _nothing
    made.__init__ = _init(made, known)
    return made  # type: ignore[no-any-return]


def evolver(kind: type[Record]) -> Callable[..., Record]:
    """A function `evolve(one, **changes)` that does what `dataclasses.replace` does, four times as fast."""
    names = tuple(one.name for one in dataclasses.fields(kind))  # type: ignore[arg-type]
    read = attrgetter(*names)
    write = {name: getattr(kind, name).__set__ for name in names}  # the slots themselves know nothing of frozen
    writers = tuple(write.values())
    make = object.__new__

    def evolve(one: Record, **changes: Any) -> Record:
        made = make(kind)
        for put, value in zip(writers, read(one), strict=True):
            put(made, value)
        for name, value in changes.items():
            write[name](made, value)
        return made

    return evolve


_OF_EACH_CLASS = frozenset({"__dict__", "__weakref__"})


def _own_fields(kind: type) -> Iterator[tuple[str, "Field[Any]"]]:
    for name, annotation in vars(kind).get("__annotations__", {}).items():
        if annotation is ClassVar or get_origin(annotation) is ClassVar:
            continue
        default = vars(kind).get(name, MISSING)
        one: Any = default if isinstance(default, Field) else field(default=default)
        one.name, one.type, one.kw_only, one._field_type = name, annotation, True, _ORDINARY  # noqa: SLF001
        yield name, one


def _init(made: type, known: "dict[str, Field[Any]]") -> Any:
    """Compile the one method that must be made for each class: its parameters are the fields."""
    space: dict[str, Any] = {"_missing": MISSING}
    parameters, lines = [], []
    for name, one in known.items():
        space[f"_set_{name}"] = getattr(made, name).__set__
        value = name
        if one.default is not MISSING:
            space[f"_default_{name}"] = one.default
            parameters.append(f"{name}=_default_{name}")
        elif one.default_factory is not MISSING:
            space[f"_make_{name}"] = one.default_factory
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            parameters.append(name)
        lines.append(f"    _set_{name}(self, {value})")
    head = f"def __init__(self{', *, ' if parameters else ''}{', '.join(parameters)}):"
    exec("\n".join([head, *lines, "    pass"]), space)  # noqa: S102 - names of fields, as in `dataclasses`
    made_init = space["__init__"]
    made_init.__qualname__ = f"{made.__qualname__}.__init__"
    return made_init


def _nothing(_: object) -> tuple[()]:
    return ()


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    values = self.__class__.__values__
    return values(self) == values(other)


def _hash(self: Any) -> int:
    return hash(self.__class__.__values__(self))


def _repr(self: Any) -> str:
    told = (f"{one.name}={getattr(self, one.name)!r}" for one in self.__dataclass_fields__.values() if one.repr)
    return f"{self.__class__.__qualname__}({', '.join(told)})"


def _frozen(self: Any, name: str, value: object = None) -> NoReturn:  # noqa: ARG001 - what is called
    raise FrozenInstanceError(f"cannot change field {name!r}")


_SHARED = {"__eq__": _eq, "__hash__": _hash, "__repr__": _repr, "__setattr__": _frozen, "__delattr__": _frozen}
