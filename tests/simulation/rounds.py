"""Going on from what failed: how people mend a pipeline between two rounds, and what must stay as it was through all of them."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from spectrum_pipelines.engine.facts import Changed, Resumed, Retried, RunStarted, Stamped
from spectrum_pipelines.engine.outcome import JobStatus
from spectrum_pipelines.engine.run.reopen import is_resumable
from spectrum_pipelines.engine.run.retry import RetryPlan, plan_retry, retried
from spectrum_pipelines.engine.state.run import JobState, RunState
from spectrum_pipelines.pipeline.model.action import JobId, JobOutput, Template, Trigger
from spectrum_pipelines.pipeline.model.action import Sequence as SequenceAction
from spectrum_pipelines.pipeline.model.pipeline import Job, Pipeline, RunIf
from spectrum_pipelines.store.history import replay
from tests.promises import Promise
from tests.simulation.ledger import BrokenPromise
from tests.simulation.network import Passage
from tests.simulation.pipelines import RUN_ID, URL, Drawing, draw_policy
from tests.simulation.spectrum import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One retry of a person: with the pipeline as it was (None), or with a mended one, which its `digest` names."""

    digest: str
    pipeline: Pipeline | None = None


def draw_rounds(rng: random.Random, pipeline: Pipeline, files: Sequence[File], *, calm: bool) -> tuple[Round, ...]:
    """What a person does after each failure of a run, as long as there are rounds left."""
    drawing = Drawing(random=rng, calm=calm)
    rounds: list[Round] = []
    for number in range(rng.choice((0, 1, 1, 2, 3))):
        mended = _mended(drawing, pipeline, files, number) if rng.random() < 0.6 else None
        rounds.append(Round(digest=f"sha256:round{number}", pipeline=mended))
        pipeline = mended or pipeline
    return tuple(rounds)


def _mended(drawing: Drawing, pipeline: Pipeline, files: Sequence[File], number: int) -> Pipeline:
    rng = drawing.random
    jobs = dict(pipeline.jobs)
    for way in rng.sample(("policy", "work", "gates", "add", "remove"), rng.choice((1, 1, 2))):
        name = rng.choice(list(jobs))
        match way:
            case "policy":
                jobs = {it: replace(job, policy=draw_policy(drawing)) for it, job in jobs.items()}
            case "work":
                jobs[name] = _with_other_work(drawing, jobs[name], files)
            case "gates":
                jobs[name] = replace(jobs[name], expect=None)
            case "add":
                jobs = _with_another(drawing, jobs, files, number)
            case _:
                jobs = _without(jobs, name)
    return replace(pipeline, jobs=jobs)


def _with_other_work(drawing: Drawing, job: Job, files: Sequence[File]) -> Job:
    rng = drawing.random
    match job.action:
        case SequenceAction(variables=variables):
            return replace(job, action=replace(job.action, variables={**variables, "day": "2026-11-21"}))
        case Trigger(target=target):
            # Where all is calm no two jobs have the same file: then the same one is named otherwise.
            other = next(it for it in files if target in {str(it.id), it.uuid, it.path})
            file = other if drawing.calm else rng.choice(files)
            return replace(job, action=Trigger(target=rng.choice((str(file.id), file.uuid, file.path))))
        case _:
            return job


def _with_another(drawing: Drawing, jobs: dict[JobId, Job], files: Sequence[File], number: int) -> dict[JobId, Job]:
    if drawing.calm:
        return jobs
    rng = drawing.random
    mains = [job.id for job in jobs.values() if not job.is_finally]
    needs = tuple(rng.sample(mains, min(len(mains), rng.choice((0, 1, 2)))))
    added = Job(
        id=JobId(f"n{number}"),
        action=Trigger(target=str(rng.choice(files).id)),
        line=200 + number,
        needs=needs,
        run_if=rng.choice(list(RunIf)),
        policy=draw_policy(drawing),
    )
    # `finally` stands last.
    return {added.id: added, **jobs} if not needs else _behind(jobs, added)


def _behind(jobs: Mapping[JobId, Job], added: Job) -> dict[JobId, Job]:
    mains = {name: job for name, job in jobs.items() if not job.is_finally}
    return {**mains, added.id: added, **{name: job for name, job in jobs.items() if job.is_finally}}


def _without(jobs: dict[JobId, Job], name: JobId) -> dict[JobId, Job]:
    """The jobs without one that nobody uses, and that is not the only one."""
    used = {output for job in jobs.values() for output in _outputs(job)}
    others = [it for it, job in jobs.items() if it != name and not job.is_finally]
    if name in used or not others:
        return jobs
    return {
        it: replace(job, needs=tuple(need for need in job.needs if need != name))
        for it, job in jobs.items()
        if it != name
    }


def _outputs(job: Job) -> Iterator[JobId]:
    values = [*getattr(job.action, "variables", {}).values(), *getattr(job.action, "data_ids", ())]
    for value in values:
        if isinstance(value, Template):
            yield from (part.job for part in value.parts if isinstance(part, JobOutput))


class Drawn:
    """The source of a run whose pipelines were drawn as they are, without a file."""

    def __init__(self, pipeline: Pipeline, rounds: Sequence[Round], *, policies: str | None = None) -> None:
        self._pipeline = pipeline
        self._policies = policies  # what the policies of a resume are drawn from
        self._later = {one.digest: one.pipeline for one in rounds if one.pipeline is not None}
        self._rounds = rounds

    def pipelines(self) -> list[Pipeline]:
        """Those of all rounds."""
        return [self._pipeline, *self._later.values()]

    def begin(self, _now: datetime) -> tuple[RunState, RunStarted]:
        """What `run` does."""
        started = RunStarted(
            run_id=RUN_ID,
            pipeline="simulated",
            file="simulated.yaml",
            digest="sha256:12ab",
            plan_digest="sha256:34cd",
            server=URL,
            tool_version="0.1.0",
            variables={"token": "***"},
        )
        return RunState(self._pipeline, RUN_ID), started

    def replayed(self, facts: Sequence[Stamped]) -> RunState:
        """The state that a journal gives, whatever pipelines its rounds had."""
        return replay(self._pipeline, RUN_ID, facts, later=self._later)

    def next(self, facts: Sequence[Stamped], _now: datetime) -> tuple[RunState, Resumed | Retried | None]:
        """The fact with which a person has the run go on; None: there is nothing to go on from, or no patience."""
        state = self.replayed(facts)
        if is_resumable(state):
            return state, self._resumed(state, facts)
        if len(state.rounds) >= len(self._rounds):
            return state, None
        chosen = self._rounds[len(state.rounds)]
        plan = plan_retry(state, chosen.pipeline)
        if not isinstance(plan, RetryPlan):
            return state, None
        is_fair(state, chosen.pipeline or state.pipeline, plan)
        changed = None if chosen.pipeline is None else Changed(plan_digest=chosen.digest)
        return state, retried(plan, tool_version="0.2.0", changed=changed)

    def _resumed(self, state: RunState, facts: Sequence[Stamped]) -> Resumed:
        """The fact of a `resume`: now and then with a file of which the policy alone is another one."""
        if self._policies is None:
            return Resumed()
        number = sum(isinstance(it.event, Resumed) for it in facts)
        rng = random.Random(f"{self._policies}/{number}")
        if rng.random() < 0.4:
            return Resumed()
        drawing = Drawing(random=rng, calm=False)
        jobs = {
            name: replace(job, policy=replace(draw_policy(drawing), on_running=job.policy.on_running))
            for name, job in state.pipeline.jobs.items()
        }
        digest = f"sha256:policy{number}"
        self._later[digest] = replace(state.pipeline, jobs=jobs)
        state.later = {**state.later, digest: self._later[digest]}
        return Resumed(changed=Changed(plan_digest=digest))

    def observed(self, fact: Stamped) -> None:
        """Nothing of a file is in it."""

    def sent(self, passage: Passage) -> None:
        """The same."""


class Rounds:
    """The judge of what a retry may do."""

    def __init__(self) -> None:
        self._stays: dict[JobId, tuple[int, ...]] = {}

    def taken_up(self, state: RunState | None) -> None:
        """A round begins, or a process goes on with one: what succeeded before it stays."""
        again = state.rounds[-1].again if state is not None and state.rounds else {}
        kept = state.jobs.values() if state is not None and state.rounds else ()
        self._stays = {
            job.job.id: _ids(job) for job in kept if job.job.id not in again and job.status is not JobStatus.SKIPPED
        }

    def triggers(self, job: str) -> None:
        """A trigger leaves us."""
        if job in self._stays:
            raise BrokenPromise(Promise.NEVER_TWICE, f"{job} succeeded in an earlier round and is triggered again")

    def ended(self, state: RunState) -> None:
        """The run has ended."""
        for name, before in self._stays.items():
            if not state.jobs[name].status.is_success or _ids(state.jobs[name]) != before:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"{name} kept its success, and is {state.jobs[name].status.value} now"
                )


def _ids(job: JobState) -> tuple[int, ...]:
    return tuple(one.execution_id for one in job.executions)


def is_fair(state: RunState, new: Pipeline, plan: RetryPlan) -> None:
    """Nothing unknown is tried again, nothing that failed is left out, and what succeeded and is the same stays."""
    again = {choice.job for choice in plan.choices if choice.again}
    if unknown := [name for name, job in state.jobs.items() if job.status is JobStatus.UNKNOWN]:
        raise BrokenPromise(Promise.NEVER_TWICE, f"a retry begins, and {unknown} are unknown")
    for name, job in new.jobs.items():
        before = state.jobs.get(name) or state.former.get(name)
        is_same = before is not None and (before.job.action, before.job.expect) == (job.action, job.expect)
        if before is None or not is_same or not (before.status.is_success or before.status is JobStatus.SKIPPED):
            if name not in again:
                raise BrokenPromise(
                    Promise.NEVER_A_LIE, f"a retry leaves out {name}, which is not done as the pipeline wants it"
                )
        elif (
            before.status.is_success
            and name in again
            and not (job.is_finally or job.run_if is RunIf.ANY_FAILED or again.intersection(_outputs(job)))
        ):
            raise BrokenPromise(Promise.NEVER_TWICE, f"a retry does {name} again, which succeeded and is the same")
