"""Rules on what can happen in a run: jobs that never start, outputs that are not there yet, two runs of one file at once."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.fill.reference import MatrixReference, holds_reference, read_phrase
from spectrum_pipelines.pipeline.form.matrix import Combination, as_text, combinations
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch
from spectrum_pipelines.pipeline.rules.needs import is_too_large
from spectrum_pipelines.spectrum import one_spelling


def check_run_if(draft: Draft) -> Iterator[Diagnostic]:
    """Report a `run_if` that can be proved never to hold."""
    yield from _beyond_reach(draft)
    for job in draft.jobs.values():
        path = (*job.path, "run_if") if "run_if" in job.body else job.path
        # Under `finally`, every job of the pipeline stands before it, so `any_failed` needs no needs there.
        if job.run_if == "any_failed" and not job.needs and not job.is_finally:
            message = f"`{job.id}` can never run: it needs no job, so none before it can have failed"
            yield draft.view.fault(path, "unreachable", message, hint="write which jobs it watches: `needs: [...]`")
        elif job.run_if == "all_success":
            contradictions = list(_contradictions(draft, job))
            for watcher in contradictions:
                message = (
                    f"`{job.id}` can never run: `{watcher}` runs only if a job before it failed, "
                    f"and `{job.id}` needs those to succeed too"
                )
                hint = f"remove `{watcher}` from `needs`, or write `run_if: all_done`"
                yield draft.view.fault((*job.path, "needs"), "unreachable", message, hint=hint, at_key=True)
            for watcher in () if contradictions else _behind_fail_fast(draft, job):
                message = (
                    f"`{job.id}` can never run: `{watcher}` runs only if a job before it failed, "
                    f"and then `fail_fast` skips `{job.id}`"
                )
                hint = f"write `run_if: any_failed` at `{job.id}`, too, or `fail_fast: false`"
                yield draft.view.warning((*job.path, "needs"), "unreachable", message, hint=hint, at_key=True)
                break


def _behind_fail_fast(draft: Draft, job: JobSketch) -> Iterator[str]:
    """The needs of an `all_success` job that are skipped if nothing fails, and start only once `fail_fast` goes by a failure.

    A failure that is allowed, or may be, does not trip `fail_fast`; a need that may be switched off, or have no combination, may
    not be there.
    """
    if job.is_finally or draft.view.data.get("fail_fast", True) is not True:
        return
    bits, before = draft.ancestry
    for name in draft.needs[job.id] if job.id in bits else ():
        watcher = draft.jobs[name]
        is_certain = watcher.body.get("enabled", True) is True and not watcher.open
        if watcher.run_if == "any_failed" and is_certain and before[name] and not before[name] & draft.may_be_allowed:
            yield name


def _beyond_reach(draft: Draft) -> Iterator[Diagnostic]:
    """Report watchers of jobs that can all be proved never to run: what never runs never fails."""
    _, before = draft.ancestry
    never = {
        job.id for job in draft.jobs.values() if job.run_if == "any_failed" and not job.needs and not job.is_finally
    }
    if not never:
        return
    bits, _ = draft.ancestry
    dead = sum(bits[name] for name in never if name in bits)
    for name in before:  # in an order that respects needs
        job = draft.jobs[name]
        if name in never or job.is_finally or not before[name] or before[name] & ~dead:
            continue
        if job.run_if == "any_failed":
            dead |= bits[name]
            message = f"`{name}` can never run: none of the jobs before it ever runs, so none can fail"
            path = (*job.path, "run_if")
            yield draft.view.fault(path, "unreachable", message, hint="let it need a job that runs")


def _contradictions(draft: Draft, job: JobSketch) -> Iterator[str]:
    bits, before = draft.ancestry
    watchers = [name for name in draft.needs[job.id] if draft.jobs[name].run_if == "any_failed" and before.get(name)]
    if watchers and job.id in bits:
        needed = draft.must_succeed[job.id]
        yield from (name for name in watchers if not draft.jobs[name].is_finally and not before[name] & ~needed)


def check_rivals(draft: Draft) -> Iterator[Diagnostic]:
    """Warn of two jobs that may start one file at the same time."""
    if mapping(draft.view.data.get("concurrency")).get("max_parallel") == 1 or is_too_large(draft):
        return
    bits, before = draft.ancestry
    order = {name: place for place, name in enumerate(bits)}
    rivals: dict[tuple[bool, str], list[tuple[JobSketch, Path]]] = defaultdict(list)
    for job in draft.jobs.values():
        if job.id in bits:
            for target, path in _started_files(job):
                rivals[job.is_finally, one_spelling(target)].append((job, path))
    for (_, target), found in rivals.items():
        if len(found) < 2:
            continue
        found.sort(key=lambda it: order[it[0].id])
        # In an order that respects needs, a set is a chain if and only if each stands before the next.
        for (first, first_path), (second, path) in pairwise(found):
            if (
                before[second.id] & bits[first.id]
                or _take_turns(draft, first, second)
                or _exclude_each_other(first, second)
            ):
                continue
            names = f"combinations of `{first.id}`" if first.id == second.id else f"`{first.id}` and `{second.id}`"
            yield draft.view.warning(
                path if path != first_path else (*first.path, "matrix"),
                "same-target",
                f"{names} may start {'file ' if target.isdecimal() else ''}{target} at the same time",
                hint="let one need the other, or write `on_running: wait` in both"
                if first.id != second.id
                else "use `${matrix.<key>}` in the target, or write `on_running: wait`",
            )
            break


def _started_files(job: JobSketch) -> Iterator[tuple[str, Path]]:
    """Each file that the job starts, as far as it is written out, once for each combination."""
    texts = [(job.body["trigger"], (*job.path, "trigger"))] if "trigger" in job.body else []
    listed = job.body.get("sequence")
    if isinstance(listed, list):
        texts += [(entry, (*job.path, "sequence", place)) for place, entry in enumerate(listed)]
    for text, path in texts:
        if not isinstance(text, (str, int)):
            continue
        if not job.matrix:
            yield str(text), path
        else:
            yield from ((_with_matrix(text, combination), path) for combination in combinations(job.matrix))


def _with_matrix(text: str | int, combination: Combination) -> str:
    if not isinstance(text, str) or not holds_reference(text):
        return str(text)
    return "".join(
        as_text(combination[part.key]) if isinstance(part, MatrixReference) and part.key in combination else str(part)
        for part in read_phrase(text)
    )


def _take_turns(draft: Draft, first: JobSketch, second: JobSketch) -> bool:
    default = mapping(draft.view.data.get("defaults")).get("on_running")
    return all(job.body.get("on_running", default) in ("wait", "attach") for job in (first, second))


def _exclude_each_other(first: JobSketch, second: JobSketch) -> bool:
    return {first.run_if, second.run_if} == {"any_failed", "all_success"} and first.id != second.id
