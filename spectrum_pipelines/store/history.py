"""Reading a journal back, and folding it. What cannot be the history of a run is refused, not guessed at.

A line without its line break is a write that did not come to its end: nothing that follows from it was ever done, and it is
dropped. So is a last line with NUL bytes, which some file systems leave behind after a power cut. Everything else that is wrong is
an error: to drop an intent that was on disk could start a job twice.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from spectrum_pipelines import __version__
from spectrum_pipelines.engine.apply import apply
from spectrum_pipelines.engine.facts import Changed, Resumed, Retried, RunStarted, Settled, Stamped, Warned
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.files import ODD_SHAPE, in_words, open_regular
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.spectrum import ExecutionId
from spectrum_pipelines.store.codec import MAX_LINE, Newer, NotJson, decode
from spectrum_pipelines.store.masking import revealed

#: About a million facts; ten thousand jobs make a tenth of that. What is longer is neither written nor read.
MAX_BYTES = 300_000_000

#: The code of a warning that belongs to what a person has settled: an execution of a sequence whose plan nobody knows.
ADOPTED_WITHOUT_PLAN = "adopted-without-plan"

_START_ANEW = "look in Spectrum for what this run has started, then start a new run"
_LOOK_FIRST = f"nothing is guessed from a damaged journal: put it back from a backup, or {_START_ANEW}"
_VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)


class Recorded(Struct, frozen=True, kw_only=True):
    """What a journal holds: its facts, the bytes that they take, and the size of the file, torn line included."""

    facts: list[Stamped]
    length: int
    size: int


def read_journal(path: Path) -> list[Stamped]:
    """The facts of a journal, without a torn last line. Raises StateError naming the line."""
    return scan(path).facts


def scan(path: Path) -> Recorded:
    """`read_journal`, and where a writer can go on. Raises StateError."""
    facts: list[Stamped] = []
    length = size = 0
    for line in _lines(path):
        size += len(line)
        if size != length + len(line):
            raise _damaged(path, len(facts) + 1, "not a line of JSON")
        if not line.endswith(b"\n") or b"\0" in line:
            continue
        seq, fact = read_line(path, line, facts)
        if seq != len(facts) + 1:
            raise _damaged(path, len(facts) + 1, f"`seq` is {seq}: lines are missing or out of order")
        facts.append(fact)
        length = size
    return Recorded(facts=facts, length=length, size=size)


def replay(
    pipeline: Pipeline, run_id: str, facts: Sequence[Stamped], *, later: Mapping[str, Pipeline] | None = None
) -> RunState:
    """Fold a journal into the state that its process had. Raises StateError if it cannot be the history of this run.

    `pipeline` is that of the start; `later` has those with which the run was gone on with, by the `plan_digest` of their `Changed`.
    """
    if not facts:
        raise StateError(f"the journal of run {run_id} is empty", hint="nothing was triggered: start a new run")
    started = facts[0].event
    if not isinstance(started, RunStarted) or started.run_id != run_id:
        raise StateError(f"the journal does not begin with the start of run {run_id}", hint=_LOOK_FIRST)
    state = RunState(pipeline, run_id, later=later)
    superseded = set(_superseded(facts))
    for number, fact in enumerate(facts, 1):
        if number in superseded:
            continue
        if number > 1 and isinstance(fact.event, RunStarted):
            raise StateError(f"line {number} of the journal starts the run a second time", hint=_LOOK_FIRST)
        try:
            apply(state, revealed(fact.event, state), fact.at)
        except ODD_SHAPE as error:
            raise StateError(
                f"line {number} of the journal cannot have happened in this pipeline", hint=_LOOK_FIRST
            ) from error
    return state


def settled_last(facts: Sequence[Stamped]) -> dict[JobId, list[ExecutionId]]:
    """What a person has settled and no process has gone on with yet: the executions of each job, none if it never started."""
    begin = _end_of_work(facts)
    superseded = set(_superseded(facts))
    settled: dict[JobId, list[ExecutionId]] = {}
    for number, fact in enumerate(facts[begin:], begin + 1):
        if isinstance(fact.event, Settled) and number not in superseded:
            known = settled.setdefault(fact.event.job, [])
            known += [] if fact.event.execution_id is None else [fact.event.execution_id]
    return settled


def before_settling(facts: Sequence[Stamped], job: JobId) -> list[Stamped]:
    """The facts without what a person has settled about the job, as far as no process has gone on with the run since."""
    begin = _end_of_work(facts)
    return [*facts[:begin], *(fact for fact in facts[begin:] if _job_of(fact) != job)]


def _end_of_work(facts: Sequence[Stamped]) -> int:
    """So many facts come from processes that worked on the run; a person has settled what stands behind them."""
    return next((at for at in range(len(facts), 0, -1) if not _is_of_settling(facts[at - 1])), 0)


def _superseded(facts: Sequence[Stamped]) -> Iterator[int]:
    """Numbers, from 1, of what a person settled of a job and settled anew before any process went on: the last word counts."""
    standing: dict[JobId | None, list[int]] = {}
    for number, fact in enumerate(facts, 1):
        if not _is_of_settling(fact):
            standing.clear()
            continue
        if isinstance(fact.event, Settled) and fact.event.anew:
            yield from standing.pop(fact.event.job, ())
        standing.setdefault(_job_of(fact), []).append(number)


def _is_of_settling(fact: Stamped) -> bool:
    event = fact.event
    return isinstance(event, Settled) or (isinstance(event, Warned) and event.code == ADOPTED_WITHOUT_PLAN)


def _job_of(fact: Stamped) -> JobId | None:
    assert isinstance(fact.event, Settled | Warned)
    return fact.event.job


def changes(facts: Iterable[Stamped]) -> list[Changed]:
    """The other pipelines with which a run was gone on with, in their order."""
    events = (it.event for it in facts)
    return [it.changed for it in events if isinstance(it, Resumed | Retried) and it.changed is not None]


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            if os.fstat(file.fileno()).st_size > MAX_BYTES:
                raise StateError(f"{path} has more than {MAX_BYTES:,} bytes", hint=_LOOK_FIRST)
            while line := file.readline(MAX_LINE + 1):
                yield line
    except FileNotFoundError as error:
        raise StateError(f"{path} is missing", hint=f"the run cannot be followed without it: {_START_ANEW}") from error
    except OSError as error:
        raise StateError(
            f"{path} cannot be read: {in_words(error)}", hint="check the permissions of the state directory"
        ) from error


def read_line(path: Path | str, line: bytes, before: Sequence[Stamped]) -> tuple[int, Stamped]:
    """One line as `(seq, fact)`; `path` names its journal, `before` is what stands above it. Raises StateError."""
    number = len(before) + 1
    try:
        return decode(line.decode("utf-8"))
    except Newer as error:
        version = _version(line, before)
        if version is None or version == __version__:
            raise Newer(f"{path}, line {number}: {error.message}", hint=error.hint) from error
        told = f"spectrum-pipelines {version} wrote it, and this is {__version__} ({error.message})"
        raise Newer(f"{path}, line {number}: {told}", hint="use the newer version") from error
    except (NotJson, UnicodeDecodeError) as error:
        raise _damaged(path, number, "not a line of JSON") from error
    except StateError as error:
        raise StateError(f"{path}, line {number}: {error.message}", hint=error.hint) from error


def _version(line: bytes, before: Sequence[Stamped]) -> str | None:
    """The version that wrote a line: the line's own word, else that of the process that went on with the run."""
    own = json.loads(line).get("tool_version")
    told = [one.event.tool_version for one in before if isinstance(one.event, RunStarted | Resumed)]
    versions = (version for version in (own, *reversed(told)) if isinstance(version, str))
    return next((version for version in versions if _VERSION.fullmatch(version)), None)


def _damaged(path: Path | str, number: int, what: str) -> StateError:
    return StateError(f"{path}, line {number}: {what}", hint=_LOOK_FIRST)
