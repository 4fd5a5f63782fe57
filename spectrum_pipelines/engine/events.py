"""What happened in a run: the only history there is. State, report, progress and resume are folds of these.

Theory of operation
-------------------
A *fact* is journaled: folding the facts of a journal gives a state from which the run can go on and the report can be written.
A *sighting* is not: it only tells the running process what it has just asked for or seen, and a resumed run asks again.
Facts with `is_promise` are on disk (fsync) before anything that follows from them is done or shown: an intent to trigger before
its POST, an execution id before anything else.

Events bear no time; the runner stamps each with `at`, the run clock: monotonic seconds since the run began, carried on across
restarts by the wall clock.
"""

from spectrum_pipelines.engine.events_job import (
    AttemptEnded,
    AttemptStarted,
    DataDeleted,
    ExecutionChanged,
    ExecutionEnded,
    JobEnded,
    JobSkipped,
    RetryScheduled,
    StopRequested,
)
from spectrum_pipelines.engine.events_run import (
    AbortRequested,
    Finding,
    PipelineTimedOut,
    PreflightFailed,
    PreflightPassed,
    Resumed,
    RunEnded,
    RunStarted,
    Warned,
)
from spectrum_pipelines.engine.events_trigger import (
    Adopted,
    Baseline,
    CandidatesFound,
    Settled,
    StartedExecution,
    TriggerAmbiguous,
    Triggered,
    TriggerIntended,
    TriggerNotHandled,
)
from spectrum_pipelines.engine.fact import Fact

Event = (
    RunStarted | Resumed | PreflightPassed | PreflightFailed | AttemptStarted | JobSkipped | TriggerIntended | Triggered
    | TriggerNotHandled | TriggerAmbiguous | CandidatesFound | Adopted | Settled | ExecutionChanged | ExecutionEnded
    | StopRequested | DataDeleted | AttemptEnded | RetryScheduled | JobEnded | Warned | PipelineTimedOut | AbortRequested
    | RunEnded
)  # fmt: skip

__all__ = [
    "AbortRequested",
    "Adopted",
    "AttemptEnded",
    "AttemptStarted",
    "Baseline",
    "CandidatesFound",
    "DataDeleted",
    "Event",
    "ExecutionChanged",
    "ExecutionEnded",
    "Fact",
    "Finding",
    "JobEnded",
    "JobSkipped",
    "PipelineTimedOut",
    "PreflightFailed",
    "PreflightPassed",
    "Resumed",
    "RetryScheduled",
    "RunEnded",
    "RunStarted",
    "Settled",
    "StartedExecution",
    "StopRequested",
    "TriggerAmbiguous",
    "TriggerIntended",
    "TriggerNotHandled",
    "Triggered",
    "Warned",
]
