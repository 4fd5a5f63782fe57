"""Records are dataclasses in everything but price."""

import dataclasses
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any, ClassVar

import pytest

from spectrum_pipelines.record import evolver, record


@record
class Base:
    """A base without fields, as facts have one."""

    is_promise: ClassVar[bool] = False


@record
class Point(Base):
    """Two fields that must be given, and three that need not."""

    x: int
    y: int
    name: str = "origin"
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="s", repr=False, compare=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


_any: Any = Point


@record
class Deep(Point):
    """Inherits fields."""

    z: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    x: int
    y: int
    name: str = "origin"
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="s", repr=False, compare=False)


def test_a_record_is_built_shown_and_compared_like_a_dataclass() -> None:
    ours, theirs = Point(x=1, y=2), Twin(x=1, y=2)
    assert repr(ours).partition("(")[2] == repr(theirs).partition("(")[2]
    assert ours == Point(x=1, y=2, secret="another")
    assert ours != Point(x=1, y=3)
    assert ours != theirs  # type: ignore[comparison-overlap]
    assert ours.sum == 3
    assert [one.name for one in dataclasses.fields(ours)] == [one.name for one in dataclasses.fields(theirs)]
    assert dataclasses.is_dataclass(ours)
    assert dataclasses.replace(ours, x=5) == Point(x=5, y=2)
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)


def test_defaults_are_made_anew() -> None:
    assert Point(x=1, y=2).tags is not Point(x=1, y=2).tags


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda: _any(x=1), id="a field is missing"),
        pytest.param(lambda: _any(x=1, y=2, w=3), id="a field is unknown"),
        pytest.param(lambda: _any(1, 2), id="by position"),
    ],
)
def test_a_record_that_cannot_be_built(wrong: Any) -> None:
    with pytest.raises(TypeError):
        wrong()


def test_a_record_does_not_change() -> None:
    point: Any = Point(x=1, y=2)
    with pytest.raises(FrozenInstanceError):
        point.x = 2
    with pytest.raises(FrozenInstanceError):
        del point.x
    with pytest.raises(FrozenInstanceError):
        point.new = 1
    assert not hasattr(point, "__dict__")


def test_equal_records_are_one_key() -> None:
    @record
    class Key:
        """Hashable."""

        a: int
        b: str

    assert len({Key(a=1, b="x"), Key(a=1, b="x"), Key(a=2, b="x")}) == 2
    assert Base() == Base()
    assert hash(Base()) == hash(Base())


def test_fields_are_inherited() -> None:
    deep = Deep(x=1, y=2, z=3)
    assert (deep.x, deep.z, deep.sum) == (1, 3, 3)
    assert deep != Point(x=1, y=2)
    assert Deep.is_promise is False


def test_evolving_is_replacing() -> None:
    evolve = evolver(Point)
    point = Point(x=1, y=2, tags=["a"])
    assert evolve(point, y=7, name="b") == dataclasses.replace(point, y=7, name="b")
    assert point == Point(x=1, y=2, tags=["a"])
    with pytest.raises(KeyError):
        evolve(point, w=1)
