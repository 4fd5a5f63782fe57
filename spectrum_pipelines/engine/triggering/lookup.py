"""Searching for the execution of a trigger whose answer was lost.

Theory of operation
-------------------
Spectrum gives a trigger no label and no idempotency key, so the only evidence is the order of ids: an execution of the same
file above the baseline that was read just before the POST came after it. A *round* looks for such executions in every place
that can show one: the status of each file (its latest execution), list-running (those that wait), and, once a candidate has
told us the configuration id, the history (those that have come and gone in between). Only a round that was answered in full
may be judged:

- exactly one candidate for each file: it is ours, and is adopted;
- several: nobody can tell, `unknown`;
- none, in enough rounds and for the whole grace time: `unknown`, or another trigger if the pipeline says so.

The grace time starts with the first full round, not with the POST: a server that is away answers nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.engine.facts import Baseline
from spectrum_pipelines.engine.sightings import LookupSeen
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.spectrum import ConfigurationId, ExecutionId, FileId


@dataclass(frozen=True, slots=True)
class LookAtStatus:
    """The latest execution of a target."""

    target: str


@dataclass(frozen=True, slots=True)
class LookAtList:
    """Everything that waits or runs."""


@dataclass(frozen=True, slots=True)
class LookAtDetails:
    """A candidate's details, for the configuration id."""

    target: str
    execution_id: ExecutionId


@dataclass(frozen=True, slots=True)
class LookAtHistory:
    """All executions of the target's configuration."""

    target: str
    configuration_id: ConfigurationId


Look = LookAtStatus | LookAtList | LookAtDetails | LookAtHistory


class Lookup(Struct, frozen=True, kw_only=True):
    """How far the search is. `since` and `first_empty_at` are on the run clock; `todo` is what is left of this round."""

    since: float
    todo: tuple[Look, ...] = ()
    candidates: Mapping[str, frozenset[ExecutionId]] = field(default_factory=dict)
    file_ids: Mapping[str, FileId] = field(default_factory=dict)
    rounds: int = 0
    empty_rounds: int = 0
    first_empty_at: float | None = None
    round_failed: bool = False
    in_round: bool = False

    @property
    def all_candidates(self) -> tuple[ExecutionId, ...]:
        """Every candidate, ascending."""
        return tuple(sorted(set().union(*self.candidates.values())))

    def rest(self, patience: Patience) -> float:
        """Seconds until the next round."""
        return min(patience.lookup_first_rest * 2.0 ** min(self.rounds, 10), patience.lookup_longest_rest)


def begin_round(lookup: Lookup, baselines: tuple[Baseline, ...]) -> Lookup:
    """Start over: what an earlier round saw is seen again, or was never there."""
    looks: tuple[Look, ...] = (*(LookAtStatus(b.target) for b in baselines), LookAtList())
    file_ids = {b.target: b.file_id for b in baselines if b.file_id is not None}
    return replace(
        lookup,
        todo=looks,
        candidates={},
        file_ids={**lookup.file_ids, **file_ids},
        in_round=True,
        round_failed=False,
    )


def after_answer(
    lookup: Lookup,
    seen: LookupSeen,
    *,
    baselines: tuple[Baseline, ...],
    ours: frozenset[ExecutionId],
    at: float,
) -> Lookup:
    """Take one answer in and see what it adds to the round. `ours`: executions that other attempts already own."""
    done, rest = lookup.todo[0], lookup.todo[1:]
    found = replace(lookup, todo=rest, round_failed=lookup.round_failed or not seen.succeeded)
    for baseline in baselines:
        found = _take_in(found, seen, baseline, ours)
    if isinstance(done, LookAtDetails) and seen.configuration_id is not None:
        found = replace(found, todo=(*found.todo, LookAtHistory(done.target, seen.configuration_id)))
    return _close_round(found, at) if not found.todo else found


def _take_in(lookup: Lookup, seen: LookupSeen, baseline: Baseline, ours: frozenset[ExecutionId]) -> Lookup:
    file_ids = dict(lookup.file_ids)
    ids: set[ExecutionId] = set()
    if seen.target == baseline.target and seen.latest is not None:
        if seen.latest.file_id is not None:
            file_ids[baseline.target] = seen.latest.file_id
        if seen.latest.execution_id is not None:
            ids.add(seen.latest.execution_id)
    if seen.target == baseline.target:
        ids.update(seen.older)
    file_id = file_ids.get(baseline.target)
    for entry in seen.entries:
        named = str(entry.file_id) == baseline.target or (entry.uuid is not None and entry.uuid == baseline.target)
        if named or (file_id is not None and entry.file_id == file_id):
            ids.add(entry.execution_id)
    above = {i for i in ids if i not in ours and (baseline.execution_id is None or i > baseline.execution_id)}
    before = lookup.candidates.get(baseline.target, frozenset())
    todo = lookup.todo
    if above and not before:
        todo = (*todo, LookAtDetails(baseline.target, min(above)))
    candidates = {**lookup.candidates, baseline.target: before | above} if above else lookup.candidates
    return replace(lookup, candidates=candidates, file_ids=file_ids, todo=todo)


def _close_round(lookup: Lookup, at: float) -> Lookup:
    rounds = lookup.rounds + 1
    if lookup.round_failed or lookup.candidates:
        return replace(lookup, rounds=rounds)
    first = at if lookup.first_empty_at is None else lookup.first_empty_at
    return replace(lookup, rounds=rounds, empty_rounds=lookup.empty_rounds + 1, first_empty_at=first)


def is_exhausted(lookup: Lookup, patience: Patience, *, grace: float, now: float) -> bool:
    """Enough full rounds have found nothing for long enough."""
    if lookup.first_empty_at is None or lookup.empty_rounds < patience.lookup_empty_rounds:
        return False
    return now >= lookup.first_empty_at + grace
