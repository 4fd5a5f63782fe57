"""The jobs that one entry of `jobs` stands for: its matrix spread out, its last references settled, its needs resolved."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.numbers import WrittenFloat, WrittenInt, plain
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.assemble.policy import expect, merged_policy, policy
from spectrum_pipelines.pipeline.fill.conform import conform
from spectrum_pipelines.pipeline.fill.interpolate import Phrase, settle
from spectrum_pipelines.pipeline.form.matrix import Combination, combinations, job_id
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch
from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobId,
    Sequence,
    Stop,
    Template,
    Trigger,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import Job, RunIf
from spectrum_pipelines.pipeline.model.policy import Policy
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS


class JobAssembly:
    """Makes jobs of sketches; what many jobs share is made once."""

    def __init__(self, draft: Draft, waiting: AbstractSet[Path]) -> None:
        self._draft = draft
        self._waiting: dict[Path, list[Path]] = defaultdict(list)
        for path in waiting:
            self._waiting[path[:2]].append(path)
        self._needs: dict[tuple[str, ...], tuple[JobId, ...]] = {}
        self._ids: dict[str, tuple[JobId, ...]] = {}

    def jobs_of(self, sketch: JobSketch) -> tuple[list[Job], list[Diagnostic]]:
        """The jobs of one sketch, in the order of their combinations."""
        made: list[Job] = []
        faults: list[Diagnostic] = []
        for combination in combinations(sketch.matrix):
            body, found = self._settled(sketch, combination)
            faults += found
            if not found:
                made.append(self._job(sketch, combination, body))
        return made, faults

    def _job(self, sketch: JobSketch, combination: Combination, body: Mapping[str, Any]) -> Job:
        return Job(
            id=job_id(sketch.id, combination),
            action=_action(body),
            line=self._draft.view.line(sketch.path),
            file=self._draft.view.file(sketch.path),
            needs=self._needs_of(sketch, combination),
            run_if=RunIf(sketch.run_if),
            allow_failure=body.get("allow_failure", False),
            is_finally=sketch.is_finally,
            policy=self._policy_of(body),
            expect=expect(body.get("expect")),
            description=body.get("description"),
        )

    @cached_property
    def _defaults(self) -> Policy:
        return policy(self._draft.view.section("defaults"))

    def _policy_of(self, body: Mapping[str, Any]) -> Policy:
        if not any(key in body for key in POLICY_KEYS):
            return self._defaults
        return policy(merged_policy(self._draft.view.section("defaults"), body))

    def _needs_of(self, sketch: JobSketch, combination: Combination) -> tuple[JobId, ...]:
        """Equal needs are one tuple: 1,000 jobs that need the same 1,000 jobs are a million references otherwise."""
        needs = [
            replace(need, label=need.label_for(combination)) if need.follows_matrix else need for need in sketch.needs
        ]
        key = tuple(map(str, needs))
        if key not in self._needs:
            found: dict[JobId, None] = {}
            for need in needs:
                if need.label is None:
                    found |= dict.fromkeys(self._ids_of(need.job))
                else:
                    found[JobId(str(need))] = None
            self._needs[key] = tuple(found)
        return self._needs[key]

    def _ids_of(self, name: str) -> tuple[JobId, ...]:
        if name not in self._ids:
            matrix = self._draft.jobs[name].matrix
            self._ids[name] = tuple(job_id(name, combination) for combination in combinations(matrix))
        return self._ids[name]

    def _settled(self, sketch: JobSketch, combination: Combination) -> tuple[Mapping[str, Any], list[Diagnostic]]:
        """The body with its phrases settled for one combination, and what does not fit where it stands."""
        paths = self._waiting.get(sketch.path)
        if not paths:
            return sketch.body, []
        faults: list[Diagnostic] = []
        body = dict(sketch.body)
        for path in paths:
            keys = path[2:]
            parent: Any = body
            for key in keys[:-1]:
                parent[key] = list(parent[key]) if isinstance(parent[key], list) else dict(parent[key])
                parent = parent[key]
            parent[keys[-1]], found = self._settle(path, parent[keys[-1]], combination)
            faults += found
        return body, faults

    def _settle(self, path: Path, phrase: Phrase, combination: Combination) -> tuple[Any, tuple[Diagnostic, ...]]:
        value = settle(phrase, combination)
        if not isinstance(value, Template):
            return conform(self._draft.view, path, value, tainted=phrase.tainted)
        # Any id will do to see whether the text around it fits.
        example = value.resolve(defaultdict(lambda: 1))
        return value, conform(self._draft.view, path, example, tainted=phrase.tainted)[1]


def _action(body: Mapping[str, Any]) -> Action:
    return next(make(body) for word, make in ACTIONS.items() if word in body)


def _sequence(body: Mapping[str, Any]) -> Sequence:
    variables = {name: _plain(value) for name, value in body.get("variables", {}).items()}
    return Sequence(file_ids=tuple(map(_whole, body["sequence"])), variables=variables)


def _if_missing(body: Mapping[str, Any], otherwise: IfMissing) -> IfMissing:
    return IfMissing(body.get("if_missing", otherwise.value))


#: How the body of a job becomes its action, by the word of the action.
ACTIONS: Mapping[str, Callable[[Mapping[str, Any]], Action]] = {
    "trigger": lambda body: Trigger(target=_target(body["trigger"])),
    "sequence": _sequence,
    "wait_for": lambda body: WaitFor(target=_target(body["wait_for"]), if_missing=_if_missing(body, IfMissing.FAIL)),
    "check": lambda body: Check(target=_target(body["check"])),
    "stop": lambda body: Stop(target=_target(body["stop"]), if_missing=_if_missing(body, IfMissing.OK)),
    "delete_data": lambda body: DeleteData(
        data_ids=tuple(map(_whole, body["delete_data"])), if_missing=_if_missing(body, IfMissing.FAIL)
    ),
}


def _target(value: Any) -> str | Template:
    return value if isinstance(value, Template) else str(_whole(value))


def _whole(value: Any) -> Any:
    """JSON Schema takes `48.0` for an integer, and Spectrum would not."""
    return int(value) if isinstance(value, float | int) else value


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, WrittenInt | WrittenFloat) else value
