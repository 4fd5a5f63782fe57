"""A stamped fact as one line of JSON, and back.

::

    {"seq": 1, "at": 12.345, "time": "2026-11-23T15:04:05.123Z", "event": "trigger_intended", "job": "sales", ...}

`seq` counts from 1 without a gap, `at` is the run clock in seconds, `time` the wall clock to the millisecond, `event` the tag of
the fact; the fields of the fact follow. `schemas/event.schema.json` describes the same for other readers. A line is
ASCII: what a server or a person put into a name stays inert in a terminal, and no cut falls into the middle of a character.

A line as this module writes it is read by msgspec's decoder of the tagged union. Any other line (keys in another order, half of a
surrogate pair in a text, a fault) is read by `json` and then converted, which is slower and tells what is wrong.

A field that is added to a fact later must have a default; then the journals of today can be read for ever.
"""

import math
import re
from collections.abc import Callable
from datetime import datetime
from json import JSONDecoder, JSONEncoder
from typing import Any, NoReturn, get_args

import msgspec

from spectrum_pipelines.clock import parse_rfc3339, rfc3339
from spectrum_pipelines.engine.facts import Event, Stamped, word_of
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import ODD_SHAPE

#: Of one line, in bytes: a pre-flight with a finding for each of ten thousand jobs is far below.
MAX_LINE = 32_000_000
#: 300 years. More cannot be added to a date.
_MAX_AT = 1e10
#: Seconds up to `_MAX_AT` can be added to a moment of these years, and taken from it.
_YEARS = range(1000, 9001)

#: The keys that stand beside the fields of a fact.
STAMP = frozenset({"seq", "at", "time", "event"})
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_TIME = re.compile(_MOMENT, re.ASCII)
_HEAD = re.compile(
    rf'\{{"seq": ([1-9]\d{{0,17}}), "at": (\d{{1,11}}(?:\.\d+)?(?:e-\d+)?), "time": "({_MOMENT})", (?="event": )',
    re.ASCII,
)
_WORDS = frozenset(word_of(event.__name__) for event in get_args(Event))
_NEWER = "it seems to be written by a newer version of spectrum-pipelines: use that version"
_FOREIGN = "this is not what spectrum-pipelines writes: put the file back from a backup, or start a new run"
_WHERE = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)
_NAMED_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(.*)`", re.DOTALL)


class NotJson(StateError):
    """Not a line of JSON at all: the end of a write that did not come to its end, perhaps."""


class Newer(StateError):
    """A key or a word that this version does not know: a newer version may have written it."""


def encode(fact: Stamped, seq: int) -> str:
    """One line, without the line break. Raises ValueError for a number that JSON does not have."""
    line = {"seq": seq, "at": fact.at, "time": rfc3339(fact.time), **msgspec.to_builtins(fact.event, enc_hook=dict)}
    return _ENCODER.encode(line)


def decode(line: str) -> tuple[int, Stamped]:
    """Read a line back as `(seq, fact)`. Raises StateError, whatever the line holds.

    NotJson: it is no JSON. Newer: a newer version may have written it.
    """
    if len(line) > MAX_LINE:
        raise StateError(f"a line of more than {MAX_LINE:,} characters", hint=_FOREIGN)
    if (head := _HEAD.match(line)) is None:
        return _decode_slowly(line)
    try:
        event = _EVENTS.decode("{" + line[head.end() :])
    except ODD_SHAPE:
        return _decode_slowly(line)
    return int(head[1]), _stamped(float(head[2]), head[3], event)


def _decode_slowly(line: str) -> tuple[int, Stamped]:
    try:
        data, end = _DECODER.raw_decode(line)
    except _TooLargeError as error:
        raise StateError("a finite number is wanted", hint=_FOREIGN) from error
    except (ValueError, RecursionError) as error:
        raise NotJson("not a line of JSON", hint=_FOREIGN) from error
    if line[end:].strip():
        raise NotJson("more than one value in a line", hint=_FOREIGN)
    seq, at, time = _stamp(data)
    fields = {key: value for key, value in data.items() if key == "event" or key not in STAMP}
    try:
        event = msgspec.convert(fields, _EVENT)
    except msgspec.ValidationError as error:
        raise _fault(str(error)) from error
    except ODD_SHAPE as error:
        # msgspec reads a text as UTF-8 where it wants none, and half of a surrogate pair has none.
        raise StateError("a text that stands for no value", hint=_FOREIGN) from error
    return seq, _stamped(at, time, event)


def _stamp(data: Any) -> tuple[int, float, str]:
    if type(data) is not dict:
        raise StateError("an object is wanted", hint=_FOREIGN)
    get: Callable[[str], Any] = data.get
    seq, at, time, word = get("seq"), get("at"), get("time"), get("event")
    if type(seq) is not int or seq < 1:
        raise StateError("`seq`: a number from 1 is wanted", hint=_FOREIGN)
    if type(at) not in {float, int} or not 0 <= at <= _MAX_AT:
        raise StateError("`at`: seconds since the run began are wanted", hint=_FOREIGN)
    if type(time) is not str or not _TIME.fullmatch(time):
        raise StateError("`time`: a moment like 2026-11-23T15:04:05.123Z is wanted", hint=_FOREIGN)
    if type(word) is not str:
        raise StateError("`event`: a text is wanted", hint=_FOREIGN)
    if word not in _WORDS:
        raise Newer("`event`: this word is not known", hint=_NEWER)
    return seq, float(at), time


def _stamped(at: float, time: str, event: Event) -> Stamped:
    if at > _MAX_AT:
        raise StateError("`at`: seconds since the run began are wanted", hint=_FOREIGN)
    try:
        moment: datetime | None = parse_rfc3339(time)
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise StateError("`time`: there is no such moment", hint=_FOREIGN)
    return Stamped(at=at, time=moment, event=event)


def _fault(told: str) -> StateError:
    """Msgspec's words in ours, without what stands in the line: that may be anything."""
    found = _WHERE.fullmatch(told)
    what, where = (found[1], found[2]) if found else (told, None)
    place = f"`{where}`: " if where else ""
    if (named := _NAMED_FIELD.fullmatch(what)) is not None:
        field = f"`{named[1][:60]}`"
        if what.startswith("Object missing"):
            return StateError(f"{place}{field} is missing", hint=_FOREIGN)
        return Newer(f"{place}{field} is not known", hint=_NEWER)
    if what.startswith("Invalid enum value"):
        return Newer(f"{place}this word is not known", hint=_NEWER)
    return StateError(f"{place}{what[:1].lower()}{what[1:]}", hint=_FOREIGN)


class _TooLargeError(ValueError):
    """A number that no float can hold: JSON can write `1e999`."""


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _TooLargeError(digits)
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_EVENT: Any = Event
_EVENTS: msgspec.json.Decoder[Event] = msgspec.json.Decoder(_EVENT)
# NaN and Infinity are not JSON, and a journal that holds one could be read by nobody else. msgspec's own encoder writes UTF-8 and
# refuses half of a surrogate pair, which a server may send.
_ENCODER = JSONEncoder(allow_nan=False)
_DECODER = JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
