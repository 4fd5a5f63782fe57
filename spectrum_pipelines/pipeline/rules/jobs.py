"""Rules on the keys of one job: exactly one action, and only what that action can make use of."""

from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.schema.wording import listed, quoted
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.fill.places import is_ignored
from spectrum_pipelines.pipeline.form.overlay import ACTIONS, OF_ACTION, mapping
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.rules.written import POLICY_KEYS

_STARTING = ("trigger", "sequence")
_RUNNING = (*_STARTING, "wait_for")
_JUDGED = (*_RUNNING, "check")

#: Keys that mean something with some actions only. The first group is a mistake for sure, the second merely without effect.
_NEEDS_ACTION = OF_ACTION
_ONLY_CHECK = ("status", "age")
_KEYS = frozenset(
    ("description", "needs", "run_if", "allow_failure", "enabled", "matrix", *_NEEDS_ACTION, *POLICY_KEYS)
)
_NO_EFFECT = {
    "on_running": _STARTING,
    "on_ambiguous": _STARTING,
    "ambiguous_grace": _STARTING,
    "queue_timeout": _RUNNING,
    "on_timeout": _RUNNING,
    "warnings": _JUDGED,
}


def check_jobs(draft: Draft) -> Iterator[Diagnostic]:
    """Check each job by itself."""
    view = draft.view
    for name in view.section("finally"):
        if name in view.section("jobs"):
            yield view.fault(
                ("finally", name),
                "duplicate-id",
                f"the id `{name}` is taken: a job under `jobs` has it",
                hint="ids are unique in the whole pipeline: rename one of the two",
                at_key=True,
                related=((("jobs", name), "the other one"),),
            )
    for job in draft.jobs.values():
        yield from _one_action(view, job)
        yield from _idle_run_if(view, job)
        yield from _unset_variables(view, job)
        if len(job.actions) == 1:
            yield from _fitting_keys(view, job, job.actions[0])


def _one_action(view: View, job: JobSketch) -> Iterator[Diagnostic]:
    if not job.actions:
        if any(closest(key, ACTIONS) for key in job.body if key not in _KEYS and not is_ignored(key)):
            return  # a misspelt action, which the schema reports as an unknown key
        message = f"job `{job.id}` has no action"
        hint = f"give it exactly one of {listed(quoted(ACTIONS))}"
        yield view.fault(job.path, "no-action", message, hint=hint, at_key=True)
    elif len(job.actions) > 1:
        first, second = job.actions[:2]
        yield view.fault(
            (*job.path, second),
            "several-actions",
            f"job `{job.id}` has {len(job.actions)} actions: {listed(quoted(job.actions), 'and')}",
            hint="a job does one thing: make it several jobs that need each other",
            at_key=True,
            related=(((*job.path, first), "the first action"),),
        )


def _fitting_keys(view: View, job: JobSketch, action: str) -> Iterator[Diagnostic]:
    for key, actions in _NEEDS_ACTION.items():
        if key in job.body and action not in actions:
            message = f"`{key}` does not go with `{action}`"
            yield view.fault((*job.path, key), "misplaced-key", message, hint=_hint(key, action), at_key=True)
    for gate in _ONLY_CHECK:
        if action in _RUNNING and gate in mapping(job.body.get("expect")):
            message = f"`expect.{gate}` goes with `check` only: `{action}` judges a run that has just ended"
            path = (*job.path, "expect", gate)
            yield view.fault(
                path, "misplaced-key", message, hint="remove it, or make it a `check` job of its own", at_key=True
            )
    for key, actions in _NO_EFFECT.items():
        if key in job.body and action not in actions:
            message = f"`{key}` has no effect on `{action}`"
            hint = f"it matters to {listed(quoted(actions))} only: remove it"
            yield view.warning((*job.path, key), "no-effect", message, hint=hint, at_key=True)


def _idle_run_if(view: View, job: JobSketch) -> Iterator[Diagnostic]:
    """A condition on jobs before it, and there are none. `any_failed` is reported as what can never run."""
    word = job.body.get("run_if")
    if word in {"all_done", "none_failed"} and not job.is_finally and not job.needs and not job.body.get("needs"):
        message = f"`run_if: {word}` has no effect: `{job.id}` needs no job"
        hint = "remove it, or write which jobs come before: `needs: [...]`"
        yield view.warning((*job.path, "run_if"), "no-effect", message, hint=hint, at_key=True)


def _unset_variables(view: View, job: JobSketch) -> Iterator[Diagnostic]:
    """A run that a sequence is attached to has the variables of whoever started it."""
    if job.actions == ("sequence",) and job.body.get("on_running") == "attach" and mapping(job.body.get("variables")):
        message = (
            "`on_running: attach` takes a run as it was started: the `variables` of this sequence are not set then"
        )
        hint = "write `on_running: wait`, to start one of our own behind it"
        yield view.warning((*job.path, "on_running"), "no-effect", message, hint=hint)


def _hint(key: str, action: str) -> str:
    if key == "variables":
        return "variables need `sequence`: no other action can set workbook variables"
    if key == "if_missing":
        if action in _STARTING:
            return "a job that is missing cannot be started: remove it"
        return f"it goes with {listed(quoted(_NEEDS_ACTION[key]))}: remove it"
    return f"gates judge a run, and `{action}` starts none: put them on the job that runs"
