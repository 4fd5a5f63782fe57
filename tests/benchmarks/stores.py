"""What a shared store costs: the same workload with its state in a folder and in PostgreSQL on loopback, one after the other."""

from collections.abc import Iterator
from contextlib import closing
from statistics import median

from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.store.postgres.database import Database
from spectrum_pipelines.store.postgres.schema import init
from spectrum_pipelines.store.postgres.url import parse_url
from tests.benchmarks.measured import run
from tests.benchmarks.row import Row
from tests.benchmarks.workloads import W2, W3, Workload
from tests.databases import OWNER, PASSWORDS, database_server, why_not

#: Seconds that the database may add, or the part of the makespan in the folder.
_GOALS = {"W2": ("s more than the folder", 0.3), "W3": ("x the folder", 1.05)}


def rows(*, times: int, shrink: bool) -> Iterator[Row]:
    """Both workloads that goals speak of; nothing where no database can be started."""
    if why_not() is not None:
        return
    with database_server() as server:
        target = parse_url(server.url())
        with closing(Database(target, password=PASSWORDS[OWNER], clock=SystemClock())) as database:
            init(database)
        for workload in (W2, W3):
            yield _compared(workload.in_small() if shrink else workload, server.url(), times=times, goal=not shrink)


def _compared(workload: Workload, url: str, *, times: int, goal: bool) -> Row:
    """In turn, so that a machine that is busy for a while is so for both."""
    shared = {"SPECTRUM_STATE": url, "SPECTRUM_STATE_PASSWORD": PASSWORDS[OWNER]}
    pairs = [(run(workload)["seconds"], run(workload, more=shared)["seconds"]) for _ in range(times)]
    figure, most = _GOALS[workload.name]
    folder, postgres = (median(one) for one in zip(*pairs, strict=True))
    value = max(0.0, postgres - folder) if figure.startswith("s ") else postgres / folder
    return Row(
        section="State in PostgreSQL",
        what=f"{workload.name}: {folder:.2f} s with a folder, {postgres:.2f} s with PostgreSQL",
        figure=figure,
        value=value,
        goal=most if goal else None,
    )
