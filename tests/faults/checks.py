"""The promises, checked on what a run has left behind: by everyone, after every run, on every byte.

That bad input is refused before any request is a row of its own where it matters. Nothing here knows which fault a test is about.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jsonschema import Draft7Validator
from referencing import Registry

from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.store.codec import encode
from spectrum_pipelines.store.folder.journal import read_journal
from tests.aftermath import spelled
from tests.faults.spectrum_server import PASSWORD, USER
from tests.report.checks import assert_valid_report

#: The value of the pipelines' secret variable.
TOKEN = "tok-9Qv\u00dfX2-never-shown"

#: The gate is fast, and jsonschema knows the words for a fault.
_IS_EVENT = gate(load_schema("event"))
_EVENT = Draft7Validator(load_schema("event"), registry=Registry())
_LOST_JOURNAL = "the journal could not be written"
_LOST_REPORT = "the report could not be written"
_SUCCESS = {"COMPLETED", "COMPLETED_WITH_WARNINGS"}
_ACTS_ON_A_READER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_COMMANDS_CI = re.compile(r"^\s*(::|##vso\[|##\[|section_start:)", re.MULTILINE)
_TOLD = re.compile(r"execution (\d+)")


class Judge(Protocol):
    """A server that can say what really happened."""

    def started(self) -> dict[int, int]:
        """Executions of each file that our user started."""
        ...

    def posts(self) -> dict[int, int]:
        """Trigger POSTs of each file that may have been handled; empty if the server does not count them."""
        ...

    def word_of(self, execution_id: int) -> str: ...

    def file_id_of(self, name: str) -> int | None: ...

    def downstream_of(self, file_id: int) -> Iterable[int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended. `report` is the one in the state directory."""

    command: str
    code: int
    stdout: str
    stderr: str
    seconds: float
    run_id: str | None
    report: dict[str, Any] | None
    facts: list[Stamped]

    def events(self, kind: type) -> list[Any]:
        return [fact.event for fact in self.facts if isinstance(fact.event, kind)]

    def job(self, name: str = "load") -> dict[str, Any]:
        assert self.report is not None, self.stderr
        found: dict[str, Any] = next(job for job in self.report["jobs"] if job["id"] == name)
        return found

    @property
    def said(self) -> str:
        return self.stdout + self.stderr


def journals(state: Path) -> dict[str, list[Stamped]]:
    """The facts of every run of a state directory that has a journal."""
    found = sorted((state / "runs").glob("*/journal.jsonl")) if (state / "runs").is_dir() else []
    return {path.parent.name: read_journal(path) for path in found}


def assert_promises(
    outcome: Outcome, *, state: Path, judge: Judge | None, places: Iterable[Path], secrets: Iterable[str] = ()
) -> None:
    """Every promise that holds whatever was done to the run. `places` are searched for secrets, all files below them."""
    assert_no_secret(places, outcome, secrets)
    assert_harmless(outcome)
    facts = journals(state)
    for run_id, of_run in facts.items():
        assert_valid_journal(state / "runs" / run_id / "journal.jsonl")
        assert_report_follows_journal(state / "runs" / run_id / "report.json", of_run, outcome)
    assert_told_after_written(outcome, [fact for of_run in facts.values() for fact in of_run])
    if judge is not None:
        assert_never_twice(judge, facts.values())
        assert_green_is_true(outcome, judge)


def assert_never_twice(judge: Judge, runs: Iterable[list[Stamped]]) -> None:
    """Never twice, by the server's own count."""
    attempts: Counter[int] = Counter()
    intents: Counter[int] = Counter()
    for facts in runs:
        known: set[tuple[str, int]] = set()
        for fact in facts:
            if isinstance(fact.event, ev.TriggerIntended):
                files = set(_files(judge, fact.event))
                intents.update(files)
                if (fact.event.job, fact.event.attempt) not in known:
                    known.add((fact.event.job, fact.event.attempt))
                    attempts.update(files)
    for file_id, count in judge.started().items():
        assert count <= attempts[file_id], f"file {file_id}: started {count} times in {attempts[file_id]} attempts"
    for file_id, count in judge.posts().items():
        assert count <= intents[file_id], f"file {file_id}: {count} POSTs for {intents[file_id]} intents"


def _files(judge: Judge, event: ev.TriggerIntended) -> Iterator[int]:
    for baseline in event.baselines:
        # A secret in a target is masked in the journal.
        if (file_id := judge.file_id_of(baseline.target) or baseline.file_id) is not None:
            yield file_id
            yield from judge.downstream_of(file_id)


def ids_in(facts: Iterable[Stamped]) -> set[int]:
    """Every execution id that is on disk, in a field or in a text."""
    found: set[int] = set()
    for fact in facts:
        line = encode(fact, 1)
        found |= {int(number) for number in _TOLD.findall(line)}
        found |= set(_ids(json.loads(line)))
    return found


def _ids(value: Any) -> Iterator[int]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in {"execution_id", "execution_ids"} and inner is not None:
            yield from inner if isinstance(inner, list) else [inner]
        for one in inner if isinstance(inner, list) else [inner]:
            yield from _ids(one)


def assert_told_after_written(outcome: Outcome, facts: list[Stamped]) -> None:
    """Kept first: whatever id people or the report were told stands in a journal, or it is said that the journal is lost."""
    if outcome.command == "adopt":
        return  # it tells people what they have typed
    if _LOST_JOURNAL in outcome.stderr:
        assert_valid_report(report_on_stderr(outcome))
        return
    written = ids_in(facts)
    told = {int(number) for number in _TOLD.findall(outcome.stderr)} if facts else set()
    if outcome.report is not None:
        told |= {one["execution_id"] for job in outcome.report["jobs"] for one in job["executions"]}
    assert told <= written, f"told but not written: {sorted(told - written)}"


def assert_valid_journal(path: Path) -> None:
    """The same story: each whole line is an event as the schema has it."""
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        if line.endswith(b"\n") and not _IS_EVENT(json.loads(line)):
            faults = [fault.message for fault in _EVENT.iter_errors(json.loads(line))]
            raise AssertionError((number, line, faults))


def assert_report_follows_journal(path: Path, facts: list[Stamped], outcome: Outcome) -> None:
    """The same story: a run that has ended has a valid report that says the same; one that has not has a valid one or none yet."""
    last = facts[-1].event if facts else None
    if _LOST_REPORT in outcome.stderr:
        assert_valid_report(report_on_stderr(outcome))
        return
    if not path.exists():
        assert not isinstance(last, ev.RunEnded), "the run has ended, and there is no report"
        return
    report = json.loads(path.read_text("utf-8"))
    assert_valid_report(report)
    if isinstance(last, ev.RunEnded) and report["status"] != "running":
        assert (report["status"], report["exit_code"]) == (last.status.value, last.exit_code)


def report_on_stderr(outcome: Outcome) -> dict[str, Any]:
    """Where the report goes when no file can hold it."""
    found = re.search(r'^\{\s*"report_version"', outcome.stderr, re.MULTILINE)
    assert found, outcome.stderr
    report: dict[str, Any] = json.JSONDecoder().raw_decode(outcome.stderr[found.start() :])[0]
    assert report["exit_code"] == outcome.code
    return report


def assert_green_is_true(outcome: Outcome, judge: Judge) -> None:
    """Never a lie: success is what the server itself says of our own executions."""
    if outcome.code != 0 or outcome.report is None or outcome.command not in {"run", "resume"}:
        return
    assert outcome.report["status"] == "succeeded"
    for job in outcome.report["jobs"]:
        if job["status"] in {"succeeded", "warned"} and job["action"] in {"trigger", "sequence"}:
            last = max(one["attempt"] for one in job["executions"])
            ended = [one for one in job["executions"] if one["attempt"] == last]
            assert ended, job
            for one in ended:
                assert judge.word_of(one["execution_id"]) in _SUCCESS, (one, judge.word_of(one["execution_id"]))


def needles(secrets: Iterable[str] = ()) -> list[bytes]:
    """Every secret in the spellings in which it can leak."""
    return spelled([PASSWORD, TOKEN, *secrets], user=USER)


def assert_no_secret(places: Iterable[Path], outcome: Outcome | None, secrets: Iterable[str] = ()) -> None:
    """No secret, on every file and stream."""
    texts: dict[str, bytes] = {}
    if outcome is not None:
        texts = {"stdout": outcome.stdout.encode(), "stderr": outcome.stderr.encode()}
    for place in places:
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        texts |= {str(path): path.read_bytes() for path in files}
    for needle in needles(secrets):
        for where, text in texts.items():
            assert needle not in text, f"{needle!r} in {where}"


def assert_harmless(outcome: Outcome) -> None:
    """Foreign text is data: nothing on a stream acts on a terminal or a CI system."""
    for name, text in (("stdout", outcome.stdout), ("stderr", outcome.stderr)):
        found = _ACTS_ON_A_READER.search(text)
        assert found is None, (name, found, text[max(0, found.start() - 60) : found.end() + 20])
        assert _COMMANDS_CI.search(text) is None, (name, text)
