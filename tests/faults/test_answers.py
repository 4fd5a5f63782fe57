"""Nothing that a server says ends the command: wrong fields through the real command line, over real sockets.

`tests/simulation/test_answers.py` tries each field in each way, without sockets. `pytest tests/faults --spoilt 914` tries them
all here.
"""

import random
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tests.faults.misbehaviour import edited
from tests.faults.project import Project
from tests.faults.spectrum_server import FAILS, QUICK, Fault, File, SpectrumServer, Timeline
from tests.simulation.nonsense import DATES
from tests.simulation.spoilt import Spoiler, spoilers

Serve = Callable[..., SpectrumServer]
Begin = Callable[[SpectrumServer], Project]

#: The ends of a run; 70 would be a bug of ours, and 2 the fault of a file that is in order.
_CODES = {0, 1, 3, 4, 5, 6, 7}

_DATES = tuple(
    Spoiler(operation=operation, field=field, value=date)
    for operation, fields in (("details", ("startTime", "stopTime")), ("status", ("start-time", "stop-time")))
    for field in fields
    for date in DATES
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "spoiler" in metafunc.fixturenames:
        number = metafunc.config.getoption("spoilt", 20)
        every = [*spoilers(), *_DATES]
        random.Random("spoilt").shuffle(every)
        metafunc.parametrize("spoiler", every[:number], ids=repr)


def wrong(spoiler: Spoiler, server: SpectrumServer) -> Fault:
    """True answers with the wrong value in them; what is another file's is that of file 77."""
    other = server.files[77]
    another = SimpleNamespace(id=server.executions[0].id, file=other)
    rng = random.Random(0)
    return edited(lambda answer: spoiler.spoil(answer, another, rng))


@pytest.mark.parametrize("timeline", [QUICK, FAILS], ids=["it succeeds", "it fails"])
def test_a_wrong_field_costs_at_most_the_verdict(
    spoiler: Spoiler, timeline: Timeline, serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    server = serve(File(id=48, path="/Data/orders.imp", timelines=(timeline,)), File(id=77, path="/Data/other.imp"))
    server.had(77)
    project = begin(server)
    project.jobs(
        load={"trigger": 48, "timeout": "1s", "on_timeout": "leave", "expect": {"duration": {"max": "1h"}}},
        look={"check": 77, "expect": {"age": {"max": "400000d"}}, "allow_failure": True},
    )
    server.always(spoiler.operation, wrong(spoiler, server))
    outcome = project.run()
    assert outcome.code in _CODES, outcome.said
    assert timeline is QUICK or outcome.code != 0, outcome.said


@pytest.mark.parametrize("field", ["startTime", "stopTime"])
@pytest.mark.parametrize("date", DATES, ids=repr)
def test_no_date_ends_the_command(
    date: object, field: str, serve: Serve, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` holds an age and a duration against the server's dates."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    server = serve(File(id=77, path="/Data/other.imp"))
    server.had(77)
    project = begin(server)
    project.jobs(look={"check": 77, "expect": {"age": {"max": "400000d"}, "duration": {"max": "400000d"}}})
    server.always("details", wrong(Spoiler(operation="details", field=field, value=date), server))
    assert project.run().code in {0, 1}
