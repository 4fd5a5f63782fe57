"""What is promised, held against the truth at every step of a simulation.

Never twice, kept first and no secret stand here; never a lie in `truths` and `stops`, the same story in `world`; that every wait
ends is what the kernel watches over. `tests/promises.py` says what each of them means.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.requests import AskStatus, PostSequence, PostStop, PostTrigger, Purpose, Request
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.runner.loop import Heard, Interrupted
from spectrum_pipelines.spectrum import ExecutionPlan, TriggerAnswer
from tests.promises import Promise
from tests.simulation.disk import Disk
from tests.simulation.filed import Filed
from tests.simulation.ledger import Attempt, BrokenPromise, Ledger
from tests.simulation.network import Passage
from tests.simulation.rounds import Drawn, Rounds
from tests.simulation.stops import Stops
from tests.simulation.truths import Truths
from tests.simulation.weather import PROVABLY_UNHANDLED


class Promises:
    """The judge of one simulation. It hears of everything and touches nothing."""

    def __init__(self, disk: Disk, ledger: Ledger, truths: Truths, stops: Stops, source: Drawn | Filed) -> None:
        self._disk = disk
        self._ledger = ledger
        self._truths = truths
        self._stops = stops
        self._rounds = Rounds()
        self._source = source
        self._submitted: Counter[Attempt] = Counter()
        self._intents: Counter[Attempt] = Counter()
        self._ids_on_disk: set[int] = set()
        self._read = 0
        self._owed: set[int] = set()

    def sent(self, passage: Passage) -> None:
        """A request leaves us: never twice."""
        match passage.request:
            case PostStop():
                self._stops.sent(passage.request)
            case PostTrigger(job=job, attempt=attempt) | PostSequence(job=job, attempt=attempt):
                for earlier in self._ledger.posts[job, attempt]:
                    self._is_allowed_after(earlier, passage, (job, attempt))
                self._truths.retried(job, attempt)
                self._rounds.triggers(job)
                self._source.sent(passage)
                self._ledger.posts[job, attempt].append(passage)
            case _:
                pass

    def _is_allowed_after(self, earlier: Passage, passage: Passage, attempt: Attempt) -> None:
        if earlier.fate in PROVABLY_UNHANDLED:
            return
        if earlier.process == passage.process:
            raise BrokenPromise(
                Promise.NEVER_TWICE, f"{attempt} is triggered again after a trigger [{earlier.fate.value}]"
            )
        # Two jobs that trigger one file may take each other's execution over: still one execution for each of them.
        there = [e for e in earlier.touched if not e.is_lost]
        is_ours = any(self._truths.adopters.get(e.id, attempt[0]) == attempt[0] for e in there)
        if earlier.is_pending or is_ours:
            raise BrokenPromise(
                Promise.NEVER_TWICE, f"{attempt} is triggered again, and the first trigger was or will be handled"
            )

    def handled(self, passage: Passage) -> None:
        """Spectrum has done what a request wanted."""
        if isinstance(passage.request, PostStop):
            self._stops.handled(passage, passage.request)

    def moved(self) -> None:
        """The loop is about to do something: whatever we owe the disk must be there."""
        self._read_disk()
        lost = self._owed - self._ids_on_disk
        if lost and not self._disk.failed:
            raise BrokenPromise(Promise.KEPT_FIRST, f"execution {min(lost)} was answered and is not on disk")
        self._owed.clear()

    def submitted(self, request: Request) -> None:
        """A request goes to the workers."""
        match request:
            case PostTrigger(job=job, attempt=number) | PostSequence(job=job, attempt=number):
                self._submitted[job, number] += 1
                if self._submitted[job, number] > self._intents[job, number]:
                    raise BrokenPromise(
                        Promise.KEPT_FIRST, f"job {job} attempt {number} is triggered without an intent on disk"
                    )
            case AskStatus(job=job, purpose=Purpose.LOOKUP):
                self._truths.searched(job)
            case AskStatus(job=job, purpose=Purpose.VERIFY_STOP):
                self._stops.looked(job)
            case AskStatus(job=job, purpose=Purpose.BASELINE):
                self._stops.found_running(job)
            case PostStop():
                self._stops.decided(request)
            case _:
                pass

    def collected(self, arrived: Sequence[Heard | Interrupted]) -> None:
        """Outcomes reach the loop."""
        for one in arrived:
            match one:
                case Heard(outcome=TriggerAnswer(execution_id=execution_id)):
                    self._owed.add(execution_id)
                case Heard(outcome=ExecutionPlan(executions=executions)):
                    self._owed.update(e.execution_id for e in executions if e.execution_id is not None)
                case _:
                    pass

    def taken_up(self, state: RunState | None) -> None:
        """A new process has read the journal, which gives this state."""
        self._read = 0
        self._owed.clear()
        self._intents.clear()
        self._ids_on_disk.clear()
        self._read_disk()
        # An intent that is gone with the power was never promised; whether its trigger was sent is another promise.
        self._submitted = Counter({key: min(n, self._intents[key]) for key, n in self._submitted.items()})
        self._truths.taken_up()
        self._stops.taken_up()
        self._rounds.taken_up(state)
        if state is not None:
            self._stops.pipeline = state.pipeline

    def frozen(self, seconds: float) -> None:
        """The process stands still for so long, whatever it has promised."""
        self._truths.frozen(seconds)

    def _read_disk(self) -> None:
        for fact in self._disk.kept[self._read :]:
            if fact["event"] == "trigger_intended":
                self._intents[fact["job"], fact["attempt"]] += 1
            elif fact["event"] == "triggered":
                self._ids_on_disk.update(one["execution_id"] for one in fact["executions"])
            elif fact["event"] == "candidates_found":
                self._ids_on_disk.update(fact["execution_ids"])
        self._read = len(self._disk.kept)

    def observed(self, fact: Stamped, state: RunState) -> None:
        """A fact is shown."""
        event: ev.Event = fact.event
        if event.is_promise and not self._disk.is_settled and not self._disk.failed:
            raise BrokenPromise(Promise.KEPT_FIRST, f"{event} is shown before it is on disk")
        self._truths.observed(event, state, is_kept=not self._disk.failed)
        self._source.observed(fact)
        match event:
            case ev.Retried():
                self._rounds.taken_up(state)
                self._stops.pipeline = state.pipeline
            case ev.RunEnded():
                self._rounds.ended(state)
            case _:
                pass

    def kept_secret(self, secret: str, journal: bytes, report: dict[str, Any]) -> None:
        """No secret, after every end."""
        for line in journal.splitlines():
            if secret.encode() in line:
                raise BrokenPromise(Promise.NO_SECRET, f"the journal holds the secret: {line.decode()}")
        if secret in json.dumps(report):
            raise BrokenPromise(Promise.NO_SECRET, "the report holds the secret")
