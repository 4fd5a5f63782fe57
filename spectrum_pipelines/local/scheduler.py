"""The scheduler: it decides which execution runs when, on the thread of the event loop.

An execution is QUEUED until a slot is free and no earlier execution of its file is active, WAITING_FOR_OTHER_JOB until
the executions before it in a sequence have ended, then RUNNING, then it ends. Executions wait for older ids only, and
the oldest starts first, so no two wait for each other.
"""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from .execution import PENDING, SUCCESS, Execution, Outcome, Status, Trigger
from .job import Done, Job
from .ledger import Ledger
from .model import ExecutionId, File, FileId, Simulate, Variables, Workspace
from .plan import upstream

StartJob = Callable[[File, Execution, int, Done], Job]
Log = Callable[[str], None]


class Scheduler:
    """Queues, starts and ends executions. `start_job(file, execution, nth, done)` starts the nth job of a file."""

    def __init__(self, workspace: Workspace, ledger: Ledger, start_job: StartJob, log: Log) -> None:
        self._files: Mapping[FileId, File] = {one.id: one for one in workspace.files}
        self._slots = workspace.slots
        self._ledger = ledger
        self._start_job = start_job
        self._log = log
        self._jobs: dict[ExecutionId, Job] = {}
        self._stopping: set[ExecutionId] = set()
        self._held: set[ExecutionId] = set()
        self._waiting: dict[ExecutionId, None] = {}  # WAITING_FOR_OTHER_JOB, oldest first
        self._runs = Counter(one.file_id for one in ledger.everything() if one.start is not None)
        self._closing = False

    def recover(self) -> None:
        """Go on after a restart: executions that ran end as ERROR, queued executions stay queued."""
        for execution in self._ledger.active():
            if execution.status is Status.RUNNING:
                self._end(execution, Outcome(status=Status.ERROR, failure_count=1, reason="the server was killed"))
            elif execution.file_id not in self._files:
                self._end(execution, Outcome(status=Status.CANCELED, reason="the file left the workspace"))
            elif execution.status is Status.WAITING:
                self._waiting[execution.id] = None
        self._start_ready()

    def trigger(self, file: File, user: str, trigger: Trigger = Trigger.REST) -> Execution:
        """Queue one execution behind the active executions of the file."""
        execution = self._new(self._ledger.next_id, file, user, trigger)
        self._admit([execution])
        return execution

    def trigger_sequence(self, plan: Sequence[File], user: str, variables: Variables) -> list[Execution]:
        """Queue the executions of a plan, each behind its sources. The variables are for these executions only."""
        first = self._ledger.next_id
        ids = {file.id: ExecutionId(first + place) for place, file in enumerate(plan)}
        executions = []
        for file in plan:
            after = tuple(ids[one] for one in upstream(file, ids))
            fresh = self._new(ids[file.id], file, user, Trigger.REST)
            status = Status.WAITING if after else Status.QUEUED
            executions.append(replace(fresh, status=status, after=after, sequence=first, variables=variables))
        self._admit(executions)
        return executions

    def stop(self, file: File) -> bool:
        """Stop the file's running execution, else its oldest pending one. Returns False if there is none."""
        active = self._ledger.active_of(file.id)
        if not active:
            return False
        self.kill(next((one for one in active if one.status is Status.RUNNING), active[0]))
        return True

    def kill(self, execution: Execution) -> None:
        """Stop one active execution. A pending execution is CANCELED at once, a running one when its job has ended."""
        job = self._jobs.get(execution.id)
        if job is None:
            self._end(execution, Outcome(status=Status.CANCELED))
            self._start_ready()
        elif execution.id not in self._stopping:
            self._stopping.add(execution.id)
            job.stop()

    def progress(self, execution: Execution) -> tuple[float, float]:
        """Return percent done and seconds left of an execution. The last duration is the estimate where the job has none."""
        job = self._jobs.get(execution.id)
        if job is None:
            return 0.0, 0.0
        left = job.remaining()
        return job.progress(), self._last_time(execution) if left is None else left

    async def close(self) -> None:
        """Stop the running executions and wait 0.7 seconds at most. Queued executions stay queued for the next start."""
        self._closing = True
        for execution in self._ledger.active():
            if execution.id in self._jobs:
                self.kill(execution)
        patience = time.monotonic() + 0.7
        while self._jobs and time.monotonic() < patience:
            await asyncio.sleep(0.005)

    def _new(self, number: ExecutionId, file: File, user: str, trigger: Trigger) -> Execution:
        return Execution(id=number, file_id=file.id, user=user, trigger=trigger, status=Status.QUEUED, created=_now())

    def _admit(self, executions: list[Execution]) -> None:
        self._ledger.put(*executions)
        self._waiting |= {one.id: None for one in executions if one.status is Status.WAITING}
        for execution in executions:
            action = self._files[execution.file_id].action
            if isinstance(action, Simulate) and action.queue:
                self._held.add(execution.id)
                asyncio.get_running_loop().call_later(action.queue, self._release, execution.id)
        self._start_ready()

    def _release(self, execution_id: ExecutionId) -> None:
        self._held.discard(execution_id)
        self._start_ready()

    def _start_ready(self) -> None:
        if self._closing:
            return
        for number in list(self._waiting):
            self._end_wait(number)
        if len(self._jobs) >= self._slots:  # before a look at thousands that wait for a slot
            return
        taken = {self._file_of(number) for number in self._jobs}
        for execution in self._ledger.active():
            if len(self._jobs) >= self._slots:
                return
            if execution.status in PENDING and execution.file_id not in taken:
                taken.add(execution.file_id)
                if execution.status is Status.QUEUED and execution.id not in self._held:
                    self._start(execution)

    def _end_wait(self, number: ExecutionId) -> None:
        execution = self._execution(number)
        before = [one for number in execution.after if (one := self._ledger.get(number))]
        if any(not one.is_active and one.status not in SUCCESS for one in before):
            self._end(execution, Outcome(status=Status.CANCELED, reason="a job that it builds on did not succeed"))
        elif not any(one.is_active for one in before):
            del self._waiting[number]
            self._ledger.put(replace(execution, status=Status.QUEUED))

    def _start(self, execution: Execution) -> None:
        file = self._files[execution.file_id]
        nth = self._runs[file.id]
        self._runs[file.id] += 1
        running = replace(execution, status=Status.RUNNING, start=_now())
        self._ledger.put(running)
        self._log(f"{running.id} {file.path}: {running.status}")
        try:
            self._jobs[running.id] = self._start_job(file, running, nth, lambda end: self._finish(running, end))
        except RuntimeError as error:  # the machine is out of threads
            self._end(running, Outcome(status=Status.ERROR, failure_count=1, reason=str(error)))

    def _finish(self, execution: Execution, outcome: Outcome) -> None:
        del self._jobs[execution.id]
        self._stopping.discard(execution.id)
        self._end(execution, outcome)
        if outcome.status in SUCCESS and execution.sequence is None and not self._closing:
            self._start_dependents(execution)
        self._start_ready()

    def _end(self, execution: Execution, outcome: Outcome) -> None:
        self._held.discard(execution.id)
        self._waiting.pop(execution.id, None)
        ended = replace(
            execution,
            status=outcome.status,
            stop=_now(),
            success_count=outcome.success_count,
            failure_count=outcome.failure_count,
            counters=outcome.counters,
            reason=outcome.reason,
        )
        try:
            self._ledger.put(ended)
        except sqlite3.Error as error:  # a full disk: without an end in memory the slot would never be free again
            self._ledger.remember(ended)
            self._log(f"{ended.id}: the server cannot keep its state: {error}")
        file = self._files.get(ended.file_id)
        name = file.path if file else f"file {ended.file_id}"
        self._log(f"{ended.id} {name}: {ended.status}{f' ({ended.reason})' if ended.reason else ''}")

    def _start_dependents(self, execution: Execution) -> None:
        for file in self._files.values():
            if execution.file_id in file.data_driven and not self._is_due(file):
                self.trigger(file, execution.user, Trigger.DATA)

    def _is_due(self, file: File) -> bool:
        # One pending data-driven run will read all that is new by then; a second would read the same again.
        return any(one.trigger is Trigger.DATA and one.status in PENDING for one in self._ledger.active_of(file.id))

    def _file_of(self, number: ExecutionId) -> FileId:
        return self._execution(number).file_id

    def _execution(self, number: ExecutionId) -> Execution:
        execution = self._ledger.get(number)
        assert execution is not None
        return execution

    def _last_time(self, execution: Execution) -> float:
        assert execution.start is not None
        for one in self._ledger.page(execution.file_id, 0, 20):
            if one.status in SUCCESS and one.start is not None and one.stop is not None:
                return max(0.0, (one.stop - one.start - (_now() - execution.start)) / 1000)
        return 0.0


def _now() -> int:
    return time.time_ns() // 1_000_000
