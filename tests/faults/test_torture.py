"""Every write, sync, rename, connect, send and receive of a run fails once, the first, the second, and so on to the last.

Whatever the run makes of it: the promises hold, the exit code is one of those that are documented for it, it is never our bug,
and the same run key brings it to its end with one execution: that of an undisturbed run, unless its job had to be stopped.
"""

from collections.abc import Callable
from itertools import count

import pytest

from spectrum_pipelines.engine import facts as ev
from tests.faults.embedded import Embedded
from tests.faults.processes import Sabotage, Zygote
from tests.faults.project import Project

Build = Callable[[], Project]

#: With the call that an ordinary run begins at: it takes every third one in a way, and the others in other ways.
DISK = [
    ("write", "ENOSPC", 1),
    ("write", "ENOSPC_on", 2),
    ("write", "EIO_after", 3),
    ("fsync", "EIO", 1),
    ("fsync", "EIO_on", 3),
    ("replace", "ENOSPC", 1),
    ("replace", "EROFS_on", 2),
]
NETWORK = [
    ("connect", "ECONNREFUSED"),
    ("connect", "ETIMEDOUT"),
    ("connect", "ENETUNREACH"),
    ("connect", "EMFILE"),
    ("send", "EPIPE"),
    ("send", "ECONNRESET_after"),
    ("receive", "ECONNRESET"),
    ("receive", "ETIMEDOUT_after"),
]


@pytest.mark.parametrize(("operation", "how", "first"), DISK, ids=[f"fault_29_{a}_{b}" for a, b, _ in DISK])
def test_a_disk_that_fails_at_any_moment(
    *, beside: Build, zygote: Zygote, operation: str, how: str, first: int, stride: int
) -> None:
    first = min(first, stride)
    for nth in count(first, stride):
        project = beside()
        project.jobs(sales={"trigger": 24})
        tortured = zygote.run(project, "--report", "out.json", sabotage=Sabotage(operation=operation, nth=nth, how=how))
        if not tortured.sabotaged:
            assert nth > first
            return
        told = f"{nth}: {tortured.code} {tortured.outcome.stderr}"
        assert tortured.code in {0, 1, 2, 5}, told
        if tortured.code == 2:
            assert started(project) == {}, told
        elif tortured.code in {1, 5}:
            # The report goes to stderr when its file or the journal is lost.
            assert '"report_version": 1' in tortured.outcome.stderr, told
        again = zygote.run(project)
        # A journal that breaks ends the run as `on_abort` says, here: stop. What was stopped then is canceled, and said to be.
        was_stopped = tortured.code == 5 and "ended CANCELED" in again.outcome.stderr
        assert again.code == (1 if was_stopped else 0), f"{told}\nagain: {again.code} {again.outcome.stderr}"
        assert started(project) == {24: 1}, told


@pytest.mark.parametrize(("operation", "how"), NETWORK, ids=[f"fault_03_{a}_{b}" for a, b in NETWORK])
def test_a_network_that_fails_at_any_moment(beside: Build, zygote: Zygote, operation: str, how: str) -> None:
    for nth in count(1):
        project = beside()
        project.jobs(sales={"trigger": 24})
        tortured = zygote.run(project, sabotage=Sabotage(operation=operation, nth=nth, how=how))
        if not tortured.sabotaged:
            assert nth > 1
            return
        lost = bool(tortured.outcome.events(ev.TriggerAmbiguous)) and started(project) == {}
        assert tortured.code == (5 if lost else 0), f"{nth}: {tortured.outcome.stderr}"
        assert started(project) == ({} if lost else {24: 1}), nth


@pytest.mark.parametrize("operation", ["connect", "send", "receive"])
def test_fault_20_a_network_that_stays_broken(beside: Build, zygote: Zygote, operation: str, stride: int) -> None:
    """From the n-th call on nothing gets through: the run ends, says why, and a second one with a whole network goes on."""
    for nth in count(1, stride):
        project = beside()
        http = {"connect_timeout": "300ms", "read_timeout": "150ms", "retry": {"limit": 1, "interval": "10ms"}}
        project.pipeline(http=http, jobs={"sales": {"trigger": 24}})
        broken = zygote.run(project, sabotage=Sabotage(operation=operation, nth=nth, how="ECONNRESET_on"))
        if not broken.sabotaged:
            assert nth > 1
            return
        told = f"{nth}: {broken.code} {broken.outcome.stderr}"
        assert broken.code in {0, 3, 4, 5}, told
        if broken.code == 3:
            assert started(project) == {}, told
        again = zygote.run(project)
        if broken.code in {0, 3, 4}:
            assert again.code == 0, f"{told}\nagain: {again.code} {again.outcome.stderr}"
            assert started(project) == {24: 1}, told


def started(project: Project) -> dict[int, int]:
    assert isinstance(project.judge, Embedded)
    return project.judge.started()
