"""Nothing that changes Spectrum leaves a process whose lease is over."""

from pathlib import Path

import pytest

from spectrum_pipelines.engine.requests import (
    AskAllRunning,
    Outcome,
    PostSequence,
    PostStop,
    PostTrigger,
    Request,
    SendDelete,
)
from spectrum_pipelines.errors import ExitCode, Fenced, StoreUnreachable, Unsent
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.runner.guard import guarded, left
from spectrum_pipelines.spectrum import DataId, ExecutionId, FileId, FileReference
from spectrum_pipelines.store.folder.store import FolderStore
from spectrum_pipelines.store.guarding import connect_timeout_under, may_change
from spectrum_pipelines.store.memory import Memory, MemoryLease, MemoryStore
from tests.store.histories import ME, Clock

JOB = JobId("a")
CHANGING: list[Request] = [
    PostTrigger(job=JOB, turn=1, target=FileReference("/a"), attempt=1),
    PostSequence(job=JOB, turn=1, file_ids=(FileId(1),), variables={}, attempt=1),
    PostStop(job=JOB, turn=1, target=FileReference("/a"), execution_id=ExecutionId(7)),
    SendDelete(job=JOB, turn=1, data_id=DataId(1)),
]


@pytest.mark.parametrize("request_", CHANGING, ids=lambda one: type(one).__name__)
def test_a_request_under_a_lease_that_is_over_counts_as_unsent(request_: Request) -> None:
    sent: list[Request] = []

    def perform(one: Request) -> Outcome:
        sent.append(one)
        return None

    clock = Clock()
    with MemoryStore(Memory(clock, lease=30.0), clock) as store:
        lease = store.lease("run-1", ME, run_id="1")
        assert lease is not None
        ask = guarded(perform, may_change(10.0, lease, clock=clock))
        assert ask(request_) is None
        clock.seconds += 19.9
        assert ask(request_) is None
        clock.seconds += 0.2  # what is sent now could leave when the lease is over
        assert isinstance(ask(request_), Unsent)
        expected = [request_] * 2
        assert sent == expected
        assert ask(AskAllRunning()) is None
        assert lease.renew()
        assert ask(request_) is None


def test_a_lease_that_is_renewed_in_time_is_waited_for_and_one_that_is_lost_is_not() -> None:
    renewed: list[MemoryLease] = []
    clock = Clock(then=lambda _: [lease.renew() for lease in renewed].clear())
    lease = MemoryStore(Memory(clock, lease=30.0), clock).lease("group-g", ME, run_id="1")
    assert lease is not None
    renewed.append(lease)
    may = may_change(10.0, lease, clock=clock)
    clock.seconds += 100.0
    assert may()
    assert len(clock.slept) == 1
    clock.seconds += 100.0
    lease.renewed(clock.seconds, is_ours=False)
    assert not may()
    assert len(clock.slept) == 1


def test_the_connect_timeout_is_a_part_of_the_lease() -> None:
    clock = Clock()
    lease = MemoryStore(Memory(clock, lease=6.0), clock).lease("run-1", ME, run_id="1")
    assert lease is not None
    assert connect_timeout_under(lease, 10.0) == 2.0
    assert connect_timeout_under(lease, 1.0) == 1.0


def test_a_lock_of_a_folder_lasts(tmp_path: Path) -> None:
    lease = FolderStore(tmp_path / "state").lease("run-20261123T150405Z-7f3a", ME, run_id="20261123T150405Z-7f3a")
    assert lease is not None
    assert may_change(1e9, lease, clock=Clock())()
    assert connect_timeout_under(lease, 10.0) == 10.0
    lease.release()


def test_how_a_run_is_left() -> None:
    fenced = left(Fenced("run 1 was taken over by process 7 on ci-8"))
    assert (fenced.exit_code, fenced.detach) == (ExitCode.TERMINATED, True)
    assert "ci-8" in fenced.told
    away = left(StoreUnreachable("postgresql://db/x does not answer"))
    assert (away.exit_code, away.detach) == (ExitCode.UNKNOWN, True)
    full = left(OSError(28, "No space left on device"))
    assert (full.exit_code, full.detach) == (ExitCode.UNKNOWN, False)
    assert "No space left" in full.told
