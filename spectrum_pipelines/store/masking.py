"""Secrets out of what a journal keeps: masked as it is written, and put back where a process that takes over needs them.

The engine works with targets as they are. In the journal a secret within them is `***`, and so it is in every text of a server
or of this program that a fact carries. Of these texts only the targets of baselines and the names of data are read again: they are
found among those of the pipeline, which was given its secrets anew, with the outputs of other jobs filled in as the journal tells
them.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines.engine.facts import DataDeleted, Event, Stamped, TriggerIntended
from spectrum_pipelines.engine.job.deleting import known_data
from spectrum_pipelines.engine.job.looking import Unresolvable, resolved_targets
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.model.action import DeleteData
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.redaction import MASK, Redact, without
from spectrum_pipelines.runner.loop import Journal
from spectrum_pipelines.spectrum import DataName, DataReference

#: Fields of facts that hold free text, wherever they stand. All others are ids, words and numbers of this program.
_TEXTS = frozenset(
    {
        "message",
        "reason",
        "name",
        "target",
        "user",
        "server",
        "job_status",
        "start_time",
        "stop_time",
        "counters",
        "variables",
    }
)


def masking(journal: Journal, pipeline: Pipeline) -> Journal:
    """The journal itself, or one that masks the secrets of the pipeline on their way in."""
    secrets = secrets_of(pipeline)
    return _MaskedJournal(journal, without(secrets)) if secrets else journal


class _MaskedJournal:
    def __init__(self, journal: Journal, redact: Redact) -> None:
        self._journal = journal
        self._redact = redact

    def append(self, facts: Sequence[Stamped]) -> None:
        self._journal.append([masked_fact(fact, self._redact) for fact in facts])


def masked_fact(fact: Stamped, redact: Redact) -> Stamped:
    """The fact without the secrets that `redact` knows."""
    masked_one: Stamped = _in_facts(fact, redact)
    return masked_one


def revealed(event: Event, state: RunState) -> Event:
    """A fact of the journal with targets and names of data as the pipeline knows them. `state` is the one before the fact."""
    if isinstance(event, DataDeleted):
        return _revealed_data(event, state)
    if not isinstance(event, TriggerIntended) or not any(MASK in it.target for it in event.baselines):
        return event
    secrets, known = secrets_of(state.pipeline), _targets(event, state)
    baselines = []
    for place, baseline in enumerate(event.baselines):
        # Two secrets may look alike once they are masked: then the order tells them apart.
        alike = [it for it in (*known[place : place + 1], *known) if masked(it, secrets) == baseline.target]
        baselines.append(replace(baseline, target=alike[0]) if MASK in baseline.target and alike else baseline)
    return replace(event, baselines=tuple(baselines))


def _revealed_data(event: DataDeleted, state: RunState) -> DataDeleted:
    if not isinstance(event.data_id, str) or MASK not in event.data_id or event.job not in state.jobs:
        return event
    secrets, job = secrets_of(state.pipeline), state.jobs[event.job]
    known = known_data(state, job.job.action)[0] if isinstance(job.job.action, DeleteData) else []
    answered = {data_id for data_id, _ in job.attempt.deletions}
    # Two names may look alike once they are masked: data is deleted in the order of the file.
    alike = [it for it in known if it not in answered and masked(str(it), secrets) == event.data_id]
    return replace(event, data_id=alike[0]) if alike else event


def _targets(event: TriggerIntended, state: RunState) -> tuple[str, ...]:
    """What the job was about to start, in its order, with the outputs of other jobs as they were then."""
    with suppress(KeyError, Unresolvable):
        return tuple(map(str, resolved_targets(state, state.jobs[event.job])))
    return ()


def _in_facts(value: Any, redact: Redact) -> Any:
    match value:
        case Struct():
            changes = {}
            for name in value.__struct_fields__:
                old = getattr(value, name)
                if name == "data_id":
                    new = _in_name_of_data(old, redact)
                else:
                    new = _in_texts(old, redact) if name in _TEXTS else _in_facts(old, redact)
                if new is not old and new != old:
                    changes[name] = new
            return replace(value, **changes) if changes else value
        case tuple():
            return tuple(_in_facts(it, redact) for it in value)
        case _:
            return value


def _in_name_of_data(value: DataReference, redact: Redact) -> DataReference:
    """A number is masked like a text, and becomes one: the file has chosen it."""
    shown = redact(str(value))
    return value if shown == str(value) else DataName(shown)


def _in_texts(value: Any, redact: Redact) -> Any:
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {redact(key): _in_texts(it, redact) for key, it in value.items()}
        case _:
            return value
