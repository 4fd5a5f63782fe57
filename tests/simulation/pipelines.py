"""Random pipelines: every action, every policy, graphs from one job to some dozens.

Numbers are small where a run would only take longer for larger ones. Each pipeline is what `build` could have made.
"""

import random
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

from msgspec.structs import replace

from spectrum_pipelines.pipeline.model.action import (
    Action,
    Check,
    DeleteData,
    IfMissing,
    JobId,
    JobOutput,
    Sequence,
    Stop,
    Template,
    Trigger,
    Value,
    WaitFor,
)
from spectrum_pipelines.pipeline.model.pipeline import (
    Concurrency,
    Http,
    Job,
    OnAbort,
    Pipeline,
    Poll,
    RunIf,
    Server,
    Variable,
)
from spectrum_pipelines.pipeline.model.policy import (
    Bound,
    Expect,
    OnAmbiguous,
    OnRunning,
    OnTimeout,
    Policy,
    Retry,
    RetryReason,
    Warnings,
)
from tests.simulation.spectrum import File

RUN_ID = "20261123T150405Z-7f3a"
SECRET = "s3cr3t-t0ken"
URL = "http://spectrum.example.com:8080"

_SIZES = ((1, 1), (2, 4), (5, 12), (13, 40))
_SIZE_ODDS = (25, 52, 20, 3)
_OUTCOMES = (*["COMPLETED"] * 5, "COMPLETED_WITH_WARNINGS", "ERROR", "CANCELED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What a pipeline and its server are drawn from. `calm`: nothing in it may depend on when exactly something happens.

    `crowded`: many jobs on few files, which start each other; `hiding`: two of them, and one hides what the other has started.
    """

    random: random.Random
    calm: bool
    crowded: bool = False
    hiding: bool = False
    largest: int = 40


def draw_files(drawing: Drawing, number: int) -> list[File]:
    """The files of the server; some start others downstream in a sequence."""
    rng = drawing.random
    files: list[File] = []
    for place in range(number):
        downstream = tuple(rng.sample(files, min(len(files), rng.choice((1, 2) if drawing.crowded else (0, 1, 1, 2)))))
        lengths = tuple(round(rng.expovariate(1 / 8), 2) + 0.1 for _ in range(3))
        files.append(
            File(
                id=40 + place,
                uuid=f"73b2800b-ed90-47ef-abdc-{place:012x}",
                path=f"/Data/folder {place % 3}/file{place}.imp",
                configuration_id=400 + place,
                outcomes=tuple(rng.choice(_OUTCOMES) for _ in range(3)),
                durations=lengths,
                downstream=downstream,
                refuses=not drawing.calm and rng.random() < 0.02,
            )
        )
    return files


def draw_pipeline(drawing: Drawing) -> tuple[Pipeline, list[File]]:
    """A pipeline, and the files that it acts on."""
    rng = drawing.random
    size = min(drawing.largest, rng.randint(*rng.choices(_SIZES, _SIZE_ODDS)[0]))
    if drawing.crowded:
        size = rng.randint(3, 8)
        files = draw_files(drawing, 2 if drawing.hiding else rng.choice((1, 2, 2, 3)))
    else:
        files = draw_files(drawing, size if drawing.calm else max(1, round(size * rng.choice((0.5, 1, 1, 1.5)))))
    jobs: dict[JobId, Job] = {}
    finals = rng.choice((0, 0, 1)) if size > 1 else 0
    for place in range(size):
        before = [job for job in jobs.values() if place < size - finals or not job.is_finally]
        file = files[place % len(files)]
        job = _job(drawing, place, before, file, files, is_finally=place >= size - finals)
        jobs[job.id] = job
    if drawing.hiding:
        jobs = _hide_first_file(drawing, files)
    pipeline = Pipeline(
        name="simulated",
        jobs=jobs,
        server=Server(url=URL),
        variables={"token": Variable(name="token", value=SECRET, secret=True)},
        timeout=None if drawing.calm else rng.choice((None, None, None, 15.0, 60.0, 300.0)),
        finally_timeout=3600.0 if drawing.calm else rng.choice((5.0, 20.0, 600.0)),
        concurrency=Concurrency(max_parallel=rng.choice((None, None, 1, 2, 8))),
        poll=Poll(
            min=rng.choice((0.25, 1.0, 2.0)),
            max=120.0,
            factor=rng.choice((0.1, 0.3, 0.5)),
            max_per_second=rng.choice((1.0, 10.0)),
        ),
        http=Http(
            read_timeout=rng.choice((5.0, 60.0)),
            max_connections=rng.choice((1, 2, 8)),
            retry_limit=rng.choice((0, 1, 5)),
            retry_interval=1.0,
        ),
        fail_fast=not drawing.calm and not drawing.crowded and rng.random() < 0.5,
        on_abort=rng.choice((OnAbort.STOP, OnAbort.STOP, OnAbort.DETACH)),
    )
    return pipeline, files


def _hide_first_file(drawing: Drawing, files: SequenceOf[File]) -> dict[JobId, Job]:
    """The first file is triggered; a little later the sequence of another file runs it, too, and hides that."""
    first, other = files[0], files[1]
    other.downstream = (first,)
    other.durations = (0.5,)
    actions: tuple[Action, ...] = (
        Trigger(target=str(first.id)),
        Check(target=str(other.id)),
        Sequence(file_ids=(other.id,), variables={"token": SECRET}),
    )
    names = [JobId(f"h{place}") for place in range(len(actions))]
    needs = ((), (), (names[1],))
    made = {}
    for place, (name, action) in enumerate(zip(names, actions, strict=True)):
        policy = replace(
            draw_policy(drawing), on_running=OnRunning.WAIT, timeout=600.0, queue_timeout=None, ambiguous_grace=5.0
        )
        made[name] = Job(
            id=name, action=action, line=100 + place, needs=needs[place], run_if=RunIf.ALL_DONE, policy=policy
        )
    return made


def _job(
    drawing: Drawing, place: int, before: SequenceOf[Job], file: File, files: SequenceOf[File], *, is_finally: bool
) -> Job:
    rng = drawing.random
    near = before[-6:]
    several = rng.choice((0, 0, 0, 1) if drawing.crowded else (0, 1, 1, 2, 3))
    needs = tuple(job.id for job in rng.sample(near, min(len(near), several)))
    if is_finally:
        needs = ()
    action = _action(drawing, needs, before, file, files)
    return Job(
        id=JobId(f"j{place}"),
        action=action,
        line=place + 1,
        needs=needs,
        run_if=rng.choice(
            (*[RunIf.ALL_SUCCESS] * 3, RunIf.ALL_DONE, RunIf.ALL_DONE, RunIf.NONE_FAILED, RunIf.ANY_FAILED)
        ),
        allow_failure=rng.random() < 0.15,
        is_finally=is_finally,
        policy=draw_policy(drawing),
        expect=_expect(drawing, action),
    )


def _action(
    drawing: Drawing, needs: SequenceOf[JobId], before: SequenceOf[Job], file: File, files: SequenceOf[File]
) -> Action:
    rng = drawing.random
    target = rng.choice((str(file.id), file.uuid, file.path))
    odds = (50, 40, 2, 2, 4, 2) if drawing.crowded else (58, 20, 6, 6, 5, 5)
    kinds = ("trigger", "sequence", "wait", "check", "stop", "delete")
    kind = "trigger" if drawing.calm else rng.choices(kinds, odds)[0]
    starters = [job.id for job in before if job.id in needs and isinstance(job.action, Trigger | Sequence)]
    missing = rng.choice((IfMissing.OK, IfMissing.FAIL))
    match kind:
        case "sequence":
            chosen = rng.sample(list(files), min(len(files), rng.choice((1, 1, 2))))
            variables: dict[str, Value] = {"token": SECRET, "day": "2026-11-22"}
            if starters:
                variables["before"] = Template((JobOutput(job=starters[0]),))
            return Sequence(file_ids=tuple(one.id for one in chosen), variables=variables)
        case "wait":
            return WaitFor(target=target, if_missing=missing)
        case "check":
            return Check(target=target)
        case "stop":
            return Stop(target=target, if_missing=missing)
        case "delete":
            ids: tuple[Value, ...] = (272, *(Template((JobOutput(job=one),)) for one in starters))
            return DeleteData(data_ids=ids, if_missing=missing)
        case _:
            return Trigger(target=target)


def draw_policy(drawing: Drawing) -> Policy:
    """How a job is run and judged."""
    rng = drawing.random
    reasons = [reason for reason in RetryReason if rng.random() < 0.6]
    retry = Retry(
        limit=rng.choice((0, 0, 1, 2)),
        interval=rng.choice((0.0, 1.0, 10.0)),
        max_interval=20.0,
        max_duration=None if drawing.calm else rng.choice((None, None, 100.0)),
        when=frozenset(reasons),
    )
    if drawing.calm:
        # Everything happens in its own time; only a crash may come between.
        return Policy(ambiguous_grace=rng.choice((2.0, 10.0)), warnings=rng.choice(list(Warnings)), retry=retry)
    ways = (OnRunning.WAIT, OnRunning.WAIT, OnRunning.ATTACH, OnRunning.STOP, OnRunning.FAIL)
    return Policy(
        timeout=rng.choice((5.0, 5.0, 30.0, 30.0, 120.0, 120.0, 600.0, 7200.0)),
        queue_timeout=rng.choice((None, None, 5.0, 60.0)),
        warnings=rng.choice(list(Warnings)),
        on_running=rng.choice(ways if drawing.crowded else list(OnRunning)),
        on_timeout=rng.choice((OnTimeout.STOP, OnTimeout.STOP, OnTimeout.LEAVE)),
        on_ambiguous=rng.choice((OnAmbiguous.UNKNOWN, OnAmbiguous.UNKNOWN, OnAmbiguous.RETRY)),
        ambiguous_grace=rng.choice((2.0, 5.0, 15.0)),
        retry=retry,
    )


def _expect(drawing: Drawing, action: Action) -> Expect | None:
    rng = drawing.random
    if rng.random() < 0.85 or isinstance(action, DeleteData | Stop):
        return None
    if isinstance(action, Check) and rng.random() < 0.5:
        return Expect(status=frozenset({"COMPLETED", "COMPLETED_WITH_WARNINGS"}))
    return Expect(failure_count=Bound(max=0), counters={"IMPORT_RECORDS": Bound(min=1)} if rng.random() < 0.5 else {})
