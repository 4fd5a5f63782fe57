import pytest

from spectrum_pipelines.document.reading.scalars import BadScalar, Scalar, resolve

MEANINGS = [
    pytest.param("", None, id="nothing"),
    pytest.param("~", None, id="tilde"),
    pytest.param("Null", None, id="null in any of three cases"),
    pytest.param("nULL", "nULL", id="not in a fourth"),
    pytest.param("TRUE", True, id="true"),
    pytest.param("false", False, id="false"),
    pytest.param("on", "on", id="38 on is text"),
    pytest.param("no", "no", id="38 no is text: Norway"),
    pytest.param("y", "y", id="38 y is text"),
    pytest.param("1:30", "1:30", id="38 no sexagesimal numbers"),
    pytest.param("08:15", "08:15", id="38 a time is text"),
    pytest.param("2026-11-22", "2026-11-22", id="38 a date is text"),
    pytest.param("2026-13-45", "2026-13-45", id="39 a bad date is text as well, not a traceback"),
    pytest.param("1_000", "1_000", id="no underscores in numbers"),
    pytest.param("0b101", "0b101", id="no binary numbers"),
    pytest.param("0o10", 8, id="octal as YAML 1.2 writes it"),
    pytest.param("0x1F", 31, id="hexadecimal"),
    pytest.param("-0x1F", "-0x1F", id="but only without a sign"),
    pytest.param("0", 0, id="zero"),
    pytest.param("-48", -48, id="negative"),
    pytest.param("+48", 48, id="with a plus"),
    pytest.param("0.5", 0.5, id="zero before the point is no leading zero"),
    pytest.param(".5", 0.5, id="no zero before the point"),
    pytest.param("5.", 5.0, id="nothing behind the point"),
    pytest.param("1e3", 1000.0, id="38 exponent without point or sign"),
    pytest.param("1.2.3", "1.2.3", id="a version is text"),
    pytest.param("-", "-", id="a dash alone"),
    pytest.param(".", ".", id="a dot alone"),
    pytest.param("<<", "<<", id="no merge"),
    pytest.param("=", "=", id="no default value"),
    pytest.param("٣", "٣", id="only ASCII digits are digits"),
    pytest.param("9" * 100, int("9" * 100), id="long enough for any id"),
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS)
def test_meaning(text: str, meaning: Scalar) -> None:
    value = resolve(text)
    assert (type(value), value) == (type(meaning), meaning)


FAULTS = [
    pytest.param("010", "leading-zero", id="38 eight or ten?"),
    pytest.param("-007", "leading-zero", id="with a sign"),
    pytest.param("00.5", "leading-zero", id="in a fraction"),
    pytest.param(".nan", "not-a-number", id="38 nan"),
    pytest.param("-.inf", "not-a-number", id="38 infinity"),
    pytest.param("1e999", "number-too-large", id="infinity by another name"),
    pytest.param("9" * 5000, "number-too-long", id="39 Python refuses to convert it"),
    pytest.param("0x" + "f" * 5000, "number-too-long", id="39 Python converts it and refuses to print it"),
]


@pytest.mark.parametrize(("text", "code"), FAULTS)
def test_fault(text: str, code: str) -> None:
    value = resolve(text)
    assert isinstance(value, BadScalar)
    assert value.code == code
    assert text not in value.message + value.hint
