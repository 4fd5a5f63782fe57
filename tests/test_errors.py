"""The tree at the top of the module is the tree of the classes, and each exit code is the documented one."""

import re
from collections.abc import Iterator

import pytest

from spectrum_pipelines import errors
from spectrum_pipelines.errors import ExitCode, SpectrumPipelinesError


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (ExitCode.SUCCEEDED, 0),
        (ExitCode.FAILED, 1),
        (ExitCode.USAGE, 2),
        (ExitCode.UNREACHABLE, 3),
        (ExitCode.TIMED_OUT, 4),
        (ExitCode.UNKNOWN, 5),
        (ExitCode.CONFLICT, 6),
        (ExitCode.LOGIN_REFUSED, 7),
        (ExitCode.BUG, 70),
        (ExitCode.INTERRUPTED, 130),
        (ExitCode.TERMINATED, 143),
    ],
    ids=lambda one: one.name.lower() if isinstance(one, ExitCode) else "",
)
def test_exit_codes_are_a_contract(code: ExitCode, number: int) -> None:
    assert code == number


def test_every_exit_code_has_its_row() -> None:
    assert len(ExitCode) == 11


def _classes(top: type[SpectrumPipelinesError]) -> Iterator[type[SpectrumPipelinesError]]:
    for below in top.__subclasses__():
        if below.__module__ == errors.__name__:
            yield below
            yield from _classes(below)


def _drawn() -> dict[str, tuple[str, str]]:
    """Class -> its parent and its exit code, as the docstring draws them."""
    drawn: dict[str, tuple[str, str]] = {}
    path: list[str] = []
    for line in str(errors.__doc__).splitlines():
        found = re.match(r"    ([│├└─ ]*)([A-Z]\w+)(.*)", line)
        if found:
            depth = len(found[1]) // 4
            code = re.search(r"exit ([\d, ]+)$", found[3])
            path = [*path[:depth], found[2]]
            drawn[found[2]] = (path[-2] if depth else "", code[1].strip() if code else "")
    return drawn


_CLASSES = list(_classes(SpectrumPipelinesError))


def test_the_drawing_has_every_class() -> None:
    assert set(_drawn()) == {"SpectrumPipelinesError", *(one.__name__ for one in _CLASSES)}


@pytest.mark.parametrize("one", _CLASSES, ids=lambda one: one.__name__)
def test_the_drawing_is_right(one: type[SpectrumPipelinesError]) -> None:
    parent, code = _drawn()[one.__name__]
    assert parent in {base.__name__ for base in one.__mro__[1:]}
    if code and "," not in code:  # an interruption has the code of its signal
        assert one.exit_code == int(code)


def test_an_error_is_its_message_and_keeps_its_hint_and_evidence() -> None:
    error = errors.UserError("2 faults", hint="see above", details=("line 1", "line 2"))
    assert str(error) == "2 faults"
    assert (error.hint, error.details, error.exit_code) == ("see above", ("line 1", "line 2"), ExitCode.USAGE)


def test_what_nobody_thought_of_is_our_bug() -> None:
    assert SpectrumPipelinesError("?").exit_code is ExitCode.BUG


def test_an_interruption_has_the_code_of_its_signal() -> None:
    assert errors.Interruption("stop", exit_code=ExitCode.TERMINATED).exit_code is ExitCode.TERMINATED


def test_answers_that_tell_more_keep_it() -> None:
    fault = errors.ServerFault("broken", http_status=503, reason="maintenance")
    assert (fault.http_status, fault.reason) == (503, "maintenance")
    throttled = errors.Throttled("slow down", retry_after=2.5)
    assert (throttled.http_status, throttled.retry_after) == (429, 2.5)
    assert errors.Unsent("refused").http_status is None
