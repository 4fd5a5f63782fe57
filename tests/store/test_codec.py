import json
import time
from collections.abc import Iterator
from copy import deepcopy
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.outcome import AdoptedBy, Cause, JobStatus, RunStatus
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.spectrum import DataId, Deletion, ExecutionId
from spectrum_pipelines.store.codec import MAX_LINE, STAMP, Newer, NotJson, decode, encode
from tests.store.histories import EVENT_CLASSES, STAMPED, stamped, stamped_of, started

SCHEMA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / "event.schema.json").read_text())
INTENDED = stamped(
    ev.TriggerIntended(
        job=JobId("sales"),
        attempt=1,
        baselines=(ev.Baseline(target="/Data/sales.wbk", execution_id=ExecutionId(10)),),
    ),
    12.345,
)
DELETED = stamped(ev.DataDeleted(job=JobId("a"), data_id=DataId(272), deletion=Deletion.MARKED))


def word_of(event: type) -> str:
    return ev.word_of(event.__name__)


@cache
def validator(word: str | None = None) -> jsonschema.Draft7Validator:
    """Of any line, or, much faster, of one event: `oneOf` tries them all."""
    narrowed = SCHEMA if word is None else {**SCHEMA, "oneOf": [{"$ref": f"#/definitions/{word}"}]}
    return jsonschema.Draft7Validator(narrowed)


def is_valid(data: Any) -> bool:
    word = data.get("event") if isinstance(data, dict) else None
    known = isinstance(word, str) and word in {word_of(event) for event in EVENT_CLASSES}
    return bool(validator(word if known else None).is_valid(data))


def test_a_line_in_another_order_is_read_all_the_same() -> None:
    data = json.loads(encode(INTENDED, 7))
    assert decode(json.dumps(dict(sorted(data.items())))) == decode(encode(INTENDED, 7))
    assert decode(json.dumps(data, separators=(",", ":"))) == decode(encode(INTENDED, 7))


def line_of(**changes: Any) -> str:
    data = {**json.loads(encode(INTENDED, 7)), **changes}
    return json.dumps({key: value for key, value in data.items() if value is not ...})


def test_a_line_reads_like_the_documents_say() -> None:
    assert json.loads(encode(INTENDED, 7)) == {
        "seq": 7,
        "at": 12.345,
        "time": "2026-11-23T15:04:17.468Z",
        "event": "trigger_intended",
        "job": "sales",
        "attempt": 1,
        "baselines": [{"target": "/Data/sales.wbk", "execution_id": 10, "file_id": None, "is_known": True}],
    }
    assert encode(INTENDED, 7).startswith('{"seq": 7, "at": 12.345, "time": "2026-11-23T15:04:17.468Z", "event": ')


@pytest.mark.parametrize("event", EVENT_CLASSES, ids=word_of)
@settings(max_examples=15, deadline=None)
@given(data=st.data(), seq=st.integers(1, 10**9))
def test_every_event_survives_the_journal(event: type, data: st.DataObject, seq: int) -> None:
    fact = data.draw(stamped_of(event))
    line = encode(fact, seq)
    assert decode(line) == (seq, fact)
    validator(word_of(event)).validate(json.loads(line))


@settings(deadline=None, max_examples=60)
@given(fact=STAMPED)
def test_a_line_is_one_line_of_inert_ascii(fact: Stamped) -> None:
    line = encode(fact, 1)
    assert line.isascii()
    assert not any(ord(character) < 0x20 for character in line)


def test_microseconds_are_for_nobody() -> None:
    fact = Stamped(at=0.1 + 0.2, time=INTENDED.time.replace(microsecond=468_999), event=ev.Resumed())
    _, back = decode(encode(fact, 1))
    assert back.at == fact.at
    assert back.time == fact.time.replace(microsecond=468_000)


def test_whole_seconds_come_back_as_the_type_says() -> None:
    assert str(decode(line_of(at=12))[1].at) == "12.0"


# --- what is refused ---------------------------------------------------------------------------------------------------------

REFUSED = [
    pytest.param({"seq": 0}, "`seq`", id="seq begins at 1"),
    pytest.param({"seq": True}, "`seq`", id="true is not a number"),
    pytest.param({"seq": 1.5}, "`seq`", id="half a line"),
    pytest.param({"seq": ...}, "`seq`", id="no seq"),
    pytest.param({"at": -0.001}, "`at`", id="before the run began"),
    pytest.param({"at": 1e11}, "`at`", id="in 3,000 years: no date can hold it"),
    pytest.param({"at": "12"}, "`at`", id="a text as a time"),
    pytest.param({"at": None}, "`at`", id="no time"),
    pytest.param({"time": "2026-11-23"}, "`time`", id="a date only"),
    pytest.param({"time": "2026-11-23T15:04:05.123+00:00"}, "`time`", id="another spelling of UTC"),
    pytest.param({"time": "2026-W48-1T15:04:05.123Z"}, "`time`", id="weeks, which Python's parser would take"),
    pytest.param({"time": 1763910245}, "`time`", id="seconds since 1970"),
    pytest.param({"event": "trigger_planned"}, "`event`", id="unknown event"),
    pytest.param({"event": "TriggerIntended"}, "`event`", id="the class instead of the word"),
    pytest.param({"event": ["trigger_intended"]}, "`event`", id="a list as a word"),
    pytest.param({"event": "fact"}, "`event`", id="the base class is no event"),
    pytest.param({"job": 7}, "`job`", id="a number as a job"),
    pytest.param({"job": ...}, "`job` is missing", id="no job"),
    pytest.param({"attempt": 1.0}, "`attempt`", id="a float as a count"),
    pytest.param({"attempt": True}, "`attempt`", id="true as a count"),
    pytest.param({"attempt": "1"}, "`attempt`", id="a text as a count"),
    pytest.param({"baselines": {}}, "`baselines`: expected `array`", id="an object as a list"),
    pytest.param({"baselines": [[]]}, "`baselines[0]`: expected `object`", id="a list as an object"),
    pytest.param({"baselines": [{"target": "x"}]}, "`execution_id` is missing", id="a part is missing"),
    pytest.param(
        {"baselines": [{"target": "x", "execution_id": "9"}]},
        "`baselines[0].execution_id`: expected `int | null`",
        id="id",
    ),
    pytest.param({"__class__": "os.system"}, "`__class__` is not known", id="a key that Python knows"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_a_line_that_we_do_not_write_is_refused(changes: dict[str, Any], message: str) -> None:
    line = line_of(**changes)
    with pytest.raises(StateError) as caught:
        decode(line)
    assert message in caught.value.message
    assert caught.value.hint
    if not isinstance(changes.get("attempt"), float):  # JSON Schema takes 1.0 for a whole number
        assert not is_valid(json.loads(line))


@pytest.mark.parametrize(
    "time",
    [
        "2026-02-30T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
        "2026-01-01T25:00:00.000Z",
        "0001-01-01T00:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
    ],  # a run that began before or ends after it has no date
)
def test_a_moment_that_never_was_is_refused(time: str) -> None:
    with pytest.raises(StateError, match="no such moment"):
        decode(line_of(time=time))


NEWER = [
    pytest.param(line_of(because="of this"), id="a field that came later"),
    pytest.param(line_of(event="job_paused"), id="an event that came later"),
    pytest.param(encode(DELETED, 1).replace("marked", "archived"), id="a word that came later"),
    pytest.param(
        line_of(baselines=[{"target": "x", "execution_id": None, "owner": "ci"}]), id="a part that came later"
    ),
]


@pytest.mark.parametrize("line", NEWER)
def test_what_a_newer_version_may_have_written_says_so(line: str) -> None:
    with pytest.raises(StateError) as caught:
        decode(line)
    assert "newer version" in (caught.value.hint or "")
    assert isinstance(caught.value, Newer)


NOT_JSON = [
    pytest.param("", id="nothing"),
    pytest.param('{"seq": 7, "at"', id="torn"),
    pytest.param("seq: 7", id="YAML"),
    pytest.param(encode(INTENDED, 1) + encode(INTENDED, 2), id="two lines in one"),
    pytest.param(line_of().replace("12.345", "NaN"), id="NaN"),
    pytest.param(line_of().replace("12.345", "Infinity"), id="Infinity"),
    pytest.param(line_of().replace("7", "7" * 5000, 1), id="more digits than Python converts"),
    pytest.param("[" * 100_000, id="100,000 brackets"),
    pytest.param('{"a":' * 100_000, id="100,000 braces"),
]


@pytest.mark.parametrize("line", NOT_JSON)
def test_what_is_not_json_is_told_apart(line: str) -> None:
    with pytest.raises(NotJson):
        decode(line)


@pytest.mark.parametrize("line", ["null", "[]", '"text"', "7", "[[[]]]", "{}"])
def test_other_json_is_refused(line: str) -> None:
    with pytest.raises(StateError):
        decode(line)
    assert not is_valid(json.loads(line))


def test_a_number_that_no_float_can_hold_is_refused() -> None:
    wait = encode(stamped(ev.RetryScheduled(job=JobId("a"), attempt=2, wait=30.5)), 1)
    for number in ("1e999", "-1e999", "9" * 400):
        with pytest.raises(StateError, match=r"a finite number|out of range"):
            decode(wait.replace("30.5", number))


def test_an_endless_line_is_refused_before_it_is_read() -> None:
    with pytest.raises(StateError, match="32,000,000"):
        decode(" " * (MAX_LINE + 1))


def test_nan_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(stamped(ev.RetryScheduled(job=JobId("a"), attempt=2, wait=float("nan"))), 1)


def test_a_field_with_a_default_may_be_missing_so_that_old_journals_stay_readable() -> None:
    data = json.loads(encode(stamped(started(run_key="k")), 1))
    del data["run_key"], data["trace_id"], data["variables"]
    _, fact = decode(json.dumps(data))
    assert fact.event == started()


def mutations(data: Any) -> Iterator[Any]:
    """Every way to put something else in one place, and to leave one place out."""
    if isinstance(data, dict | list):
        for key in data if isinstance(data, dict) else range(len(data)):
            for changed in mutations(data[key]):
                copy = deepcopy(data)
                copy[key] = changed
                yield copy
            copy = deepcopy(data)
            del copy[key]
            yield copy
    yield from (None, True, 0, -1, 1.5, "", "succeeded", [], {}, [0], {"x": 1})
    yield from ("\ud800", ["\ud800"], {"\ud800": "\ud800"})


@pytest.mark.parametrize("event", EVENT_CLASSES, ids=word_of)
def test_what_the_reader_takes_the_schema_takes(event: type) -> None:
    example = SCHEMA["definitions"][word_of(event)]["examples"][0]
    for data in mutations(example):
        try:
            decode(json.dumps(data))
        except StateError:
            accepted = False
        else:
            accepted = True
        assert accepted == is_valid(data), data


# --- the schema --------------------------------------------------------------------------------------------------------------


def test_the_schema_is_a_draft_07_schema_of_its_own() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == "https://spectrum-pipelines.dev/schemas/event-1.json"
    refs = set(_values("$ref", SCHEMA))
    assert refs == {f"#/definitions/{name}" for name in SCHEMA["definitions"]}


def test_the_schema_knows_every_event() -> None:
    words = [reference["$ref"].removeprefix("#/definitions/") for reference in SCHEMA["oneOf"]]
    assert words == [word_of(event) for event in EVENT_CLASSES]
    assert [SCHEMA["definitions"][word]["properties"]["event"]["const"] for word in words] == words


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cause", Cause),
        ("job_status", JobStatus),
        ("run_status", RunStatus),
        ("adopted_by", AdoptedBy),
        ("deletion", Deletion),
    ],
)
def test_the_schema_knows_every_word(name: str, kind: type[Enum]) -> None:
    assert SCHEMA["definitions"][name]["enum"] == [member.value for member in kind]


def test_every_property_of_the_schema_is_described() -> None:
    for properties in _values("properties", SCHEMA):
        for name, described in properties.items():
            target = described.get("$ref", "").removeprefix("#/definitions/")
            assert (SCHEMA["definitions"][target] if target else described)["description"], name


@pytest.mark.parametrize("event", EVENT_CLASSES, ids=word_of)
def test_the_examples_of_the_schema_are_lines_as_we_write_them(event: type) -> None:
    for example in SCHEMA["definitions"][word_of(event)]["examples"]:
        seq, fact = decode(json.dumps(example))
        assert type(fact.event) is event
        assert json.loads(encode(fact, seq)) == example
    validator().validate(example)


def _values(key: str, data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        if key in data:
            yield data[key]
        for value in data.values():
            yield from _values(key, value)
    elif isinstance(data, list):
        for value in data:
            yield from _values(key, value)


def test_no_event_has_a_field_that_the_stamp_has() -> None:
    for event in EVENT_CLASSES:
        assert STAMP.isdisjoint(get_type_hints(event)), event


def test_a_class_of_facts_that_the_union_lacks_is_our_bug() -> None:
    assert set(ev.Fact.__subclasses__()) == set(EVENT_CLASSES)


@pytest.mark.parametrize("event", EVENT_CLASSES, ids=word_of)
def test_the_schema_has_the_fields_of_the_types(event: type) -> None:
    _, components = msgspec.json.schema_components([event])
    made = {name: one for name, one in components.items() if "properties" in one}
    for name, one in made.items():
        written = SCHEMA["definitions"][word_of(event) if name == event.__name__ else ev.word_of(name)]
        stamp = [] if name != event.__name__ else ["seq", "at", "time"]
        assert set(written["properties"]) == {*stamp, *one["properties"]}, name
        assert set(written["required"]) == {*stamp, *one.get("required", ())}, name


def test_ten_thousand_lines_take_a_moment() -> None:
    ended = ev.ExecutionEnded(
        job=JobId("a"), execution_id=ExecutionId(1), job_status="COMPLETED", counters={"IMPORT_RECORDS": 7}
    )
    fact = stamped(ended)
    began = time.process_time()
    lines = [encode(fact, seq) for seq in range(1, 10_001)]
    for line in lines:
        decode(line)
    assert time.process_time() - began < 2  # a tenth of it on an idle machine
