"""Going on from what failed: new attempts for jobs that failed and for those that were skipped because of them."""

from msgspec import Struct
from msgspec.structs import replace

from spectrum_pipelines import __version__
from spectrum_pipelines.app.connection import Reach
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.app.go_on import go_on
from spectrum_pipelines.app.outcome import Report
from spectrum_pipelines.app.recall import Again, History, recall
from spectrum_pipelines.app.redefined import hold_to_line, redefined
from spectrum_pipelines.engine.run.retry import Refusal, RetryPlan, RetryRefused, plan_retry, retried
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.report.build import command_about, next_command
from spectrum_pipelines.store.interface import RunStore, Store, run_lease
from spectrum_pipelines.store.leasing import busy

_TOLD = 20  # jobs: of more, `retry --dry-run` shows all


class Planned(Struct, frozen=True, kw_only=True):
    """What a retry would do, job by job, and the values and the policy that are new for it, in words."""

    plan: RetryPlan
    values: tuple[str, ...] = ()
    policy: tuple[str, ...] = ()


def retry(run: RunStore, reach: Reach, *, store: Store, again: Again, front: Front) -> Report:
    """Open another round of a run that failed. Raises UserError with the next command for a run that cannot be retried."""
    front.delivery.about(run, store, is_under_way=False)
    planned = retry_plan(run, store=store, again=again)
    chosen = [one for one in planned.plan.choices if one.again]
    for one in chosen[:_TOLD]:
        front.notices.note(f"{one.job} runs again: {one.reason}")
    if len(chosen) > _TOLD:
        front.notices.note(f"and {len(chosen) - _TOLD:,} more jobs run again")
    return go_on(run, reach, store=store, again=replace(again, retries=True), front=front)


def retry_plan(run: RunStore, *, store: Store, again: Again) -> Planned:
    """What a retry would do. Raises ConflictError for a run that somebody works on, and UserError as `retry`."""
    if (holder := store.holder(run_lease(run.run_id))) is not None:
        raise busy(run.run_id, holder, store=store.name)
    again = replace(again, retries=True)
    history = recall(run, run.facts(), again)
    changed = redefined(history, again)
    plan = plan_retry(history.state, None if changed is None else changed.loaded.pipeline)
    if isinstance(plan, RetryRefused):
        raise UserError(f"run {run.run_id} cannot be retried: {plan.message}", hint=_next(history, plan))
    if changed is None:
        return Planned(plan=plan)
    hold_to_line(retried(plan, tool_version=__version__, changed=changed.told), changed.loaded.source.name)
    return Planned(plan=plan, values=changed.values, policy=changed.policy)


def _next(history: History, refused: RetryRefused) -> str:
    state = history.state
    match refused.why:
        case Refusal.SUCCEEDED | Refusal.NOTHING_TO_DO:
            return f"see what it did: `{command_about(state, 'report')}`; to do all of it again, start a new run"
        case Refusal.UNKNOWN:
            return f"settle what is unknown first: `{next_command(state)}`"
        case Refusal.RUNNING | Refusal.INTERRUPTED:
            return f"`{command_about(state, 'resume')}`"
