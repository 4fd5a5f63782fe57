"""Searching for the execution of a trigger whose answer was lost.

Theory of operation
-------------------
Spectrum gives a trigger no label and no idempotency key, so the only evidence is the order of ids: an execution of the same
file above the baseline that was read just before the POST came after it. A *round* looks for such executions in every place
that can show one: the status of each file (its latest execution), list-running (those that wait or run), and the history,
where the latest execution is not the baseline: others may have come after ours and hide it. Only a round that was answered in
full may be judged:

- exactly one candidate for each file: it is ours, and is adopted;
- several: nobody can tell, `unknown`;
- none: `unknown`, or another trigger if the pipeline says so and the round would have shown ours.

A round would have shown ours (`clear`) if the latest execution of each file *is* its baseline, or if the history reaches from
the latest execution down to the baseline. A latest execution that is neither hides what came before it: then nobody knows that
there is none, nor that a candidate is the only one. So does one that was canceled before it began: what it waited behind may run
still, and a history of ends alone with a list that is always empty shows none of it. An id *below* the baseline means that the
server has lost its counter: it may be ours, and can never be adopted.

A candidate stays one: a later round that does not show it takes nothing back. And what was asked before a candidate turned up may
be older than the candidate: only a round that began with it in sight shows that nothing will ever tell whose it is.

The grace time starts with the first full round, not with the POST: a server that is away answers nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.engine.facts import Baseline
from spectrum_pipelines.engine.sightings import LookupSeen
from spectrum_pipelines.engine.timing.patience import Patience
from spectrum_pipelines.spectrum import ActiveJob, ConfigurationId, ExecutionId, FileId, Phase, StatusAnswer

#: So many lines of the history are asked for.
HISTORY_LENGTH = 50


@dataclass(frozen=True, slots=True)
class LookAtStatus:
    """The latest execution of a target."""

    target: str


@dataclass(frozen=True, slots=True)
class LookAtList:
    """Everything that waits or runs."""


@dataclass(frozen=True, slots=True)
class LookAtDetails:
    """The details of an execution of the target's file, for the configuration id."""

    target: str
    execution_id: ExecutionId


@dataclass(frozen=True, slots=True)
class LookAtHistory:
    """All executions of the target's configuration."""

    target: str
    configuration_id: ConfigurationId


Look = LookAtStatus | LookAtList | LookAtDetails | LookAtHistory

Found = Mapping[str, frozenset[ExecutionId]]


class Lookup(Struct, frozen=True, kw_only=True):
    """How far the search is. `since` and `first_full_at` are on the run clock; `todo` is what is left of this round.

    `sent_until`: the trigger may still arrive until then, so a round before it shows no absence.

    By target: `candidates` above the baseline and ids `below` it, or its own given once more, of all rounds; the `latest` execution
    of this round, whether the round is `clear`: it would have shown an execution of ours; and whether it is `whole`: as far as the
    server can show it, no execution is hidden. `earlier`: what the journal has of an earlier process's rounds; `known`: what may be
    ours, as it was when this round began.
    `round_failed`: a status was not answered; `unlisted`: the list was not, in each round since `unlisted_at`; `blind`: what lies
    behind the latest execution was not.
    """

    since: float
    sent_until: float = 0.0
    todo: tuple[Look, ...] = ()
    candidates: Found = field(default_factory=dict)
    below: Found = field(default_factory=dict)
    earlier: frozenset[ExecutionId] = frozenset()
    known: frozenset[ExecutionId] = frozenset()
    file_ids: Mapping[str, FileId] = field(default_factory=dict)
    configurations: Mapping[str, ConfigurationId] = field(default_factory=dict)
    latest: Mapping[str, StatusAnswer] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    rounds: int = 0
    full_rounds: int = 0
    first_full_at: float | None = None
    round_failed: bool = False
    unlisted: bool = False
    unlisted_at: float | None = None
    blind: bool = False
    in_round: bool = False

    @property
    def all_candidates(self) -> tuple[ExecutionId, ...]:
        """Every execution that may be ours, ascending."""
        return tuple(sorted(self.earlier.union(*self.candidates.values(), *self.below.values())))

    @property
    def has_news(self) -> bool:
        """A candidate turned up that was not in sight as the round began: some of its answers may be older."""
        return not self.known.issuperset(self.all_candidates)

    @property
    def lost_counter(self) -> bool:
        """The server gives ids that are not above the baseline."""
        return any(self.below.values())

    def rest(self, patience: Patience) -> float:
        """Seconds until the next round."""
        return min(patience.lookup_first_rest * 2.0 ** min(self.rounds, 10), patience.lookup_longest_rest)


def begin_round(
    lookup: Lookup,
    baselines: tuple[Baseline, ...],
    earlier: Iterable[ExecutionId] = (),
    ours: frozenset[ExecutionId] = frozenset(),
) -> Lookup:
    """Ask every place again. `earlier`: candidates of the journal; `ours`: executions that other attempts already own."""
    looks: tuple[Look, ...] = (*(LookAtStatus(b.target) for b in baselines), LookAtList())
    file_ids = {b.target: b.file_id for b in baselines if b.file_id is not None}
    begun = replace(
        lookup,
        todo=looks,
        file_ids={**lookup.file_ids, **file_ids},
        candidates={target: ids - ours for target, ids in lookup.candidates.items() if ids - ours},
        earlier=frozenset(earlier).difference(ours, *lookup.candidates.values(), *lookup.below.values()),
        latest={},
        clear=frozenset(),
        whole=frozenset(),
        in_round=True,
        round_failed=False,
        unlisted=False,
        blind=False,
    )
    placed = _placed(begun, baselines[0]) if len(baselines) == 1 else begun
    return replace(placed, known=frozenset(placed.all_candidates))


def _placed(lookup: Lookup, baseline: Baseline) -> Lookup:
    """With one file, what was found earlier can only be of that one. An answer that named the baseline's id makes it doubtful."""
    found = _with_ids(lookup, baseline, lookup.earlier)
    again = frozenset(one for one in lookup.earlier if one == baseline.execution_id)
    return replace(found, below=_joined(found.below, baseline.target, again), earlier=frozenset())


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
    found = replace(lookup, todo=rest)
    match done:
        case _ if not seen.succeeded:
            found = _unanswered(found, done)
        case LookAtStatus(target=target) if seen.latest is not None:
            found = _after_status(found, _baseline_of(target, baselines), seen.latest, ours)
        case LookAtList():
            for baseline in baselines:
                found = _after_list(found, baseline, seen.entries, ours)
        case LookAtDetails(target=target):
            found = _after_details(found, _baseline_of(target, baselines), done, seen)
        case LookAtHistory(target=target) if seen.target == target:  # not where it was refused
            found = _after_history(found, _baseline_of(target, baselines), seen.older, ours)
    if isinstance(done, LookAtList):
        found = replace(found, todo=(*found.todo, *_looks_behind(found, baselines)))
    return found if found.todo else _close_round(found, at)


def _unanswered(lookup: Lookup, look: Look) -> Lookup:
    match look:
        case LookAtStatus():
            return replace(lookup, round_failed=True)
        case LookAtList():
            return replace(lookup, unlisted=True)
        case LookAtDetails() | LookAtHistory():
            return replace(lookup, blind=True)


def _baseline_of(target: str, baselines: tuple[Baseline, ...]) -> Baseline:
    return next(one for one in baselines if one.target == target)


def _after_status(lookup: Lookup, baseline: Baseline, answer: StatusAnswer, ours: frozenset[ExecutionId]) -> Lookup:
    if is_of_another_file(answer.file_id, baseline.target, lookup.file_ids.get(baseline.target)):
        return replace(lookup, round_failed=True)
    if answer.file_id is not None:
        lookup = replace(lookup, file_ids={**lookup.file_ids, baseline.target: answer.file_id})
    latest = answer.execution_id
    lookup = replace(lookup, latest={**lookup.latest, baseline.target: answer})
    never_ran = latest is None and answer.phase is Phase.NEVER_RUN
    if baseline.is_known and latest == baseline.execution_id and (latest is not None or never_ran):
        lookup = replace(lookup, clear=lookup.clear | {baseline.target})
    return _with_ids(lookup, baseline, () if latest is None or latest in ours else (latest,))


def _after_list(
    lookup: Lookup, baseline: Baseline, entries: Iterable[ActiveJob], ours: frozenset[ExecutionId]
) -> Lookup:
    file_id = lookup.file_ids.get(baseline.target)
    target = baseline.target
    shown: set[ExecutionId] = set()
    for entry in entries:
        named = str(entry.file_id) == target or (entry.uuid is not None and entry.uuid == target)
        if (
            named or (file_id is not None and entry.file_id == file_id)
        ) and entry.execution_id != baseline.execution_id:
            shown.add(entry.execution_id)
            if entry.configuration_id is not None:
                known = {target: entry.configuration_id, **lookup.configurations}
                lookup = replace(lookup, configurations=known)
    if shown:
        lookup = replace(lookup, clear=lookup.clear - {target})
    return _with_ids(lookup, baseline, shown - ours)


def _looks_behind(lookup: Lookup, baselines: tuple[Baseline, ...]) -> Iterable[Look]:
    """What else is to be asked where the latest execution may hide others."""
    for baseline in baselines:
        target = baseline.target
        if target in lookup.clear:
            continue
        latest = lookup.latest[target].execution_id if target in lookup.latest else None
        shown = [one for one in (latest, *sorted(lookup.candidates.get(target, ()))) if one is not None]
        if (configuration_id := lookup.configurations.get(target)) is not None:
            yield LookAtHistory(target, configuration_id)
        elif shown:
            yield LookAtDetails(target, shown[0])


def _after_details(lookup: Lookup, baseline: Baseline, look: LookAtDetails, seen: LookupSeen) -> Lookup:
    target = baseline.target
    is_foreign = is_of_another_file(seen.file_id, target, lookup.file_ids.get(target))
    if seen.configuration_id is not None and not is_foreign:
        known = {**lookup.configurations, target: seen.configuration_id}
        history = LookAtHistory(target, seen.configuration_id)
        return replace(lookup, configurations=known, todo=(*lookup.todo, history))
    if baseline.execution_id is not None and look.execution_id != baseline.execution_id:
        # The execution before ours is of the same configuration.
        return replace(lookup, todo=(*lookup.todo, LookAtDetails(target, baseline.execution_id)))
    return lookup


def _after_history(
    lookup: Lookup, baseline: Baseline, rows: tuple[ExecutionId, ...], ours: frozenset[ExecutionId]
) -> Lookup:
    """Newest first. Rows before the baseline came after it, whatever their ids are."""
    before = baseline.execution_id
    after = set(rows[: rows.index(before)]) if before is not None and before in rows else set()
    newer = after | {one for one in rows if before is None or one > before}
    lookup = _with_ids(lookup, baseline, newer - ours)
    latest = lookup.latest.get(baseline.target)
    # What runs may not be in a history of ends; what waits behind it would hide others that wait.
    if latest is None or not (latest.execution_id in rows or latest.phase is Phase.RUNNING):
        return lookup
    if not _hides_none_before(latest):
        return lookup
    if before is not None and before in rows:
        return replace(lookup, clear=lookup.clear | {baseline.target})
    if before is None and baseline.is_known and 0 < len(rows) < HISTORY_LENGTH:
        # Perhaps it is all there is, perhaps all that this server ever shows.
        return replace(lookup, whole=lookup.whole | {baseline.target})
    return lookup


def _hides_none_before(latest: StatusAnswer) -> bool:
    """What came before the latest execution on the same file is in the history, since executions of one file follow each other.

    It has ended if the latest has begun; and a history that shows one that waits shows all that wait or run.
    """
    return latest.start_time is not None or latest.phase not in {Phase.CANCELED, Phase.UNRECOGNIZED}


def _with_ids(lookup: Lookup, baseline: Baseline, ids: Iterable[ExecutionId]) -> Lookup:
    """Add executions of the baseline's file that came after it."""
    before = baseline.execution_id
    fresh = {one for one in ids if one != before}
    above = frozenset(one for one in fresh if before is None or one > before)
    return replace(
        lookup,
        earlier=lookup.earlier - fresh,
        candidates=_joined(lookup.candidates, baseline.target, above),
        below=_joined(lookup.below, baseline.target, frozenset(fresh - above)),
    )


def _joined(found: Found, target: str, ids: frozenset[ExecutionId]) -> Found:
    return {**found, target: found.get(target, frozenset()) | ids} if ids else found


def is_of_another_file(told: FileId | None, target: str, known: FileId | None) -> bool:
    """An answer about `target` names the file `told`; `known` is the file that the target has meant so far."""
    if told is None:
        return False
    return str(told) != target if target.isdigit() else known is not None and told != known


def _close_round(lookup: Lookup, at: float) -> Lookup:
    rounds = lookup.rounds + 1
    unlisted_at = (at if lookup.unlisted_at is None else lookup.unlisted_at) if lookup.unlisted else None
    closed = replace(lookup, rounds=rounds, unlisted_at=None if lookup.round_failed else unlisted_at)
    if lookup.round_failed or lookup.unlisted or at < lookup.sent_until:
        return closed
    first = at if lookup.first_full_at is None else lookup.first_full_at
    return replace(closed, full_rounds=lookup.full_rounds + 1, first_full_at=first)


def is_exhausted(lookup: Lookup, patience: Patience, *, grace: float, now: float) -> bool:
    """Enough full rounds for long enough, the last one among them."""
    if lookup.round_failed or lookup.unlisted or lookup.first_full_at is None:
        return False
    return lookup.full_rounds >= patience.lookup_full_rounds and now >= lookup.first_full_at + grace


def has_no_list(lookup: Lookup, patience: Patience, *, grace: float, now: float) -> bool:
    """The list alone was not answered for so long that the search is judged without it."""
    return lookup.unlisted_at is not None and now >= lookup.unlisted_at + max(grace, patience.lookup_unlisted)


def shows_all(lookup: Lookup, baselines: tuple[Baseline, ...]) -> bool:
    """As far as this server can show it, no execution since the trigger is hidden."""
    return all(baseline.target in lookup.clear | lookup.whole for baseline in baselines)


def shows_absence(
    lookup: Lookup, baselines: tuple[Baseline, ...], patience: Patience, *, grace: float, now: float
) -> bool:
    """No execution of ours exists: after the whole grace time a round would have shown one, and no round ever has."""
    if lookup.all_candidates or not is_exhausted(lookup, patience, grace=grace, now=now):
        return False
    return all(baseline.is_known and baseline.target in lookup.clear for baseline in baselines)
