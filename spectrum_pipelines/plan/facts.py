"""What both renderings of a plan say, with secrets already masked. Everything here may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.pipeline.build import digest
from spectrum_pipelines.pipeline.form.origin import POLICY_VALUES, Origins
from spectrum_pipelines.pipeline.model.action import (
    ACTION_WORDS,
    DeleteData,
    Scalar,
    Sequence,
    Stop,
    Template,
    Value,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline
from spectrum_pipelines.pipeline.model.policy import Bound, Expect, Policy, Total, as_data
from spectrum_pipelines.pipeline.secrets import MASK, masked_value, secrets_of
from spectrum_pipelines.plan.waves import Plan

PolicyValue = float | str | list[str] | None


class ActionFacts(Struct, frozen=True, kw_only=True):
    """An action in the words of the file. `variables` and `if_missing` are None where the action has none."""

    word: str
    target: str | list[Scalar]
    variables: Mapping[str, Scalar] | None = None
    if_missing: str | None = None


@dataclass(frozen=True)
class PlanFacts:
    """A pipeline, its plan, and the document that it was built from."""

    pipeline: Pipeline
    plan: Plan
    document: Document

    @property
    def file(self) -> str:
        """The file as the user typed it."""
        return self.document.source.name

    @property
    def digest(self) -> str:
        """The version of the file."""
        return digest(self.document.source.text, self.document.fragments)

    @property
    def fragments(self) -> list[str]:
        """The files that it includes, in the order in which they are merged."""
        return [part.source.name for part in self.document.parts[:-1]]

    @cached_property
    def origins(self) -> Origins:
        """Where policy values come from."""
        return Origins(self.document, self.pipeline.environment)

    @cached_property
    def shared_policy(self) -> dict[str, PolicyValue]:
        """The policy of all jobs that say nothing themselves; a key is missing if there is no such job."""
        found: dict[str, PolicyValue] = {}
        for job in self.pipeline.jobs.values():
            origins = self.origins.of(job.id, is_finally=job.is_finally)
            values = policy_facts(job.policy)
            found |= {key: value for key, value in values.items() if key not in found and not origins[key].is_own}
            if len(found) == len(values):
                break
        return {key: found[key] for key in POLICY_VALUES if key in found}

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return secrets_of(self.pipeline)

    def shown(self, text: str | None) -> str | None:
        """A text without secrets."""
        return None if text is None else str(masked_value(text, self._secrets))

    def variables(self) -> dict[str, Scalar]:
        """The values of the run's variables."""
        values = self.pipeline.variables.values()
        return {it.name: MASK if it.secret else masked_value(it.recorded, self._secrets) for it in values}

    def action(self, job: Job) -> ActionFacts:
        """The action of a job."""
        action = job.action
        word = ACTION_WORDS[type(action)]
        match action:
            case Sequence(file_ids=ids, variables=variables):
                values = {name: self._value(value) for name, value in variables.items()}
                return ActionFacts(word=word, target=[self._value(it) for it in ids], variables=values)
            case DeleteData(data_ids=ids, if_missing=if_missing):
                return ActionFacts(word=word, target=[self._value(it) for it in ids], if_missing=if_missing.value)
            case _:
                missing = action.if_missing.value if isinstance(action, WaitFor | Stop) else None
                return ActionFacts(word=word, target=str(self._value(action.target)), if_missing=missing)

    def _value(self, value: Value) -> Scalar:
        return masked_value(str(value) if isinstance(value, Template) else value, self._secrets)


def policy_facts(policy: Policy) -> dict[str, PolicyValue]:
    """A policy by the keys of `origin.POLICY_VALUES`; times in seconds, words as the file spells them."""
    entry = as_data(policy)
    retry = {f"retry.{key}": value for key, value in entry["retry"].items()}
    return {**{key: value for key, value in entry.items() if key != "retry"}, **retry}


def expect_facts(expect: Expect | Total | None) -> dict[str, Any] | None:
    """Gates that are set, by their keys; times in seconds."""
    if expect is None:
        return None
    found: dict[str, Any] = {}
    for it in fields(expect):
        value = getattr(expect, it.name)
        match value:
            case Bound():
                found[it.name] = _bound(value)
            case frozenset():
                found[it.name] = sorted(value)
            case Mapping() if value:
                found[it.name] = {name: _bound(bound) for name, bound in value.items()}
            case Total():
                found[it.name] = expect_facts(value)
            case _:
                continue
    return found


def _bound(bound: Bound) -> dict[str, float | str]:
    """An edge that another job will say stands as the reference to it."""
    edges = {"min": (bound.min, bound.min_of), "max": (bound.max, bound.max_of)}
    found = {key: value if output is None else str(output) for key, (value, output) in edges.items()}
    return {key: value for key, value in found.items() if value is not None}
