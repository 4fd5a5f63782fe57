"""A stamped fact as one line of JSON, and back.

::

    {"seq": 1, "at": 12.345, "time": "2026-11-23T15:04:05.123Z", "event": "trigger_intended", "job": "sales", ...}

`seq` counts from 1 without a gap, `at` is the run clock in seconds, `time` the wall clock to the millisecond, `event` the name of
the class in snake_case; the fields of the event follow. `schemas/event.schema.json` describes the same for other readers. A line is
ASCII: what a server or a person put into a name stays inert in a terminal, and no cut falls into the middle of a character.

A field that is added to an event later must have a default; then the journals of today can be read for ever.
"""

import re
from collections.abc import Callable
from functools import cache
from json import JSONDecoder, JSONEncoder
from typing import Any, NamedTuple, NoReturn, get_args

from spectrum_pipelines.clock import parse_rfc3339, rfc3339
from spectrum_pipelines.engine.facts import Event, Stamped
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.store.shapes import Misfit, Unheard, record_reader, record_writer

#: Of one line, in bytes: a pre-flight with a finding for each of ten thousand jobs is far below.
MAX_LINE = 32_000_000
#: 300 years. More cannot be added to a date.
_MAX_AT = 1e10

STAMP = frozenset({"seq", "at", "time", "event"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_NEWER = "it seems to be written by a newer version of spectrum-pipelines: use that version"
_FOREIGN = "this is not what spectrum-pipelines writes: put the file back from a backup, or start a new run"


class NotJson(StateError):
    """Not a line of JSON at all: the end of a write that did not come to its end, perhaps."""


class _Codec(NamedTuple):
    word: str
    write: Callable[[Any], dict[str, Any]]
    read: Callable[[Any], Any]


def encode(fact: Stamped, seq: int) -> str:
    """One line, without the line break."""
    event: type = type(fact.event)
    codec = _codec_of(event)
    line = {"seq": seq, "at": fact.at, "time": rfc3339(fact.time), "event": codec.word}
    line.update(codec.write(fact.event))
    return _ENCODER.encode(line)


def decode(line: str) -> tuple[int, Stamped]:
    """Read a line back as `(seq, fact)`. Raises StateError, whatever the line holds; NotJson if it is no JSON."""
    if len(line) > MAX_LINE:
        raise StateError(f"a line of more than {MAX_LINE:,} characters", hint=_FOREIGN)
    try:
        data, end = _DECODER.raw_decode(line)
    except (ValueError, RecursionError) as error:
        raise NotJson("not a line of JSON", hint=_FOREIGN) from error
    if line[end:].strip():
        raise NotJson("more than one value in a line", hint=_FOREIGN)
    try:
        return _stamped(data)
    except Unheard as error:
        raise StateError(str(error), hint=_NEWER) from error
    except Misfit as error:
        raise StateError(str(error), hint=_FOREIGN) from error


def word_of(event: type) -> str:
    """The name of an event class as it stands in the journal: `TriggerIntended` is `trigger_intended`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event.__name__).lower()


def _stamped(data: Any) -> tuple[int, Stamped]:
    if type(data) is not dict:
        raise Misfit("an object is wanted")
    get: Callable[[str], Any] = data.get
    seq, at, time, word = get("seq"), get("at"), get("time"), get("event")
    if type(seq) is not int or seq < 1:
        raise Misfit("`seq`: a number from 1 is wanted")
    if type(at) not in {float, int} or not 0 <= at <= _MAX_AT:
        raise Misfit("`at`: seconds since the run began are wanted")
    if type(time) is not str or not _TIME.fullmatch(time):
        raise Misfit("`time`: a moment like 2026-11-23T15:04:05.123Z is wanted")
    if type(word) is not str:
        raise Misfit("`event`: a text is wanted")
    event = _classes().get(word)
    if event is None:
        raise Unheard("`event`: this word is not known")
    try:
        moment = parse_rfc3339(time)
    except ValueError:
        raise Misfit("`time`: there is no such moment") from None
    return seq, Stamped(at=float(at), time=moment, event=_codec_of(event).read(data))


@cache
def _classes() -> dict[str, type]:
    return {word_of(event): event for event in get_args(Event)}


@cache
def _codec_of(event: type) -> _Codec:
    return _Codec(word=word_of(event), write=record_writer(event), read=record_reader(event, beside=STAMP))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# NaN and Infinity are not JSON, and a journal that holds one could be read by nobody else.
_ENCODER = JSONEncoder(allow_nan=False)
_DECODER = JSONDecoder(parse_constant=_refuse_constant)
