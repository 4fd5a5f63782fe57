"""All faults of a file in one pass: the schema's, and those of the rules that a schema cannot state.

The rules are asked about every form that a file can take: as it stands, and with each of its environments merged over the top.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from spectrum_pipelines.document.collector import at_rest
from spectrum_pipelines.document.diagnostic import MOST_FAULTS, Diagnostic, capped, in_order
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.schema import validator as schema
from spectrum_pipelines.pipeline.form.overlay import OVERLAID, environments
from spectrum_pipelines.pipeline.form.sketch import Draft, draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.rules.environments import check_environments
from spectrum_pipelines.pipeline.rules.idle import check_idle
from spectrum_pipelines.pipeline.rules.jobs import check_jobs
from spectrum_pipelines.pipeline.rules.lists import check_list_places, check_lists
from spectrum_pipelines.pipeline.rules.needs import check_matrices, check_needs
from spectrum_pipelines.pipeline.rules.policy import check_policies
from spectrum_pipelines.pipeline.rules.reach import check_rivals, check_run_if
from spectrum_pipelines.pipeline.rules.references import check_allowed_names, check_references, used_variables
from spectrum_pipelines.pipeline.rules.settings import check_settings
from spectrum_pipelines.pipeline.rules.switches import check_switches
from spectrum_pipelines.pipeline.rules.variables import check_unused, check_variables
from spectrum_pipelines.pipeline.secrets import secret_paths

Rule = Callable[[Draft], Iterator[Diagnostic]]


def _of_jobs_that_are_on(rule: Rule) -> Rule:
    return lambda draft: rule(draft.reduced)


_GRAPH = frozenset({"jobs", "finally"})
#: Each rule, and the sections that it looks at: an environment that changes none of them cannot change its verdict.
RULES: tuple[tuple[Rule, frozenset[str]], ...] = (
    (check_jobs, _GRAPH),
    (check_matrices, _GRAPH | {"variables"}),
    (check_needs, _GRAPH | {"variables"}),
    (check_switches, _GRAPH),
    (check_lists, _GRAPH | {"variables"}),
    (check_list_places, _GRAPH | {"variables"}),
    (_of_jobs_that_are_on(check_run_if), _GRAPH | {"fail_fast"}),
    (_of_jobs_that_are_on(check_rivals), _GRAPH | {"defaults", "concurrency"}),
    (check_policies, _GRAPH | {"defaults", "timeouts"}),
    (check_idle, _GRAPH | {"defaults", "timeouts"}),
    (check_settings, frozenset({"server", "poll", "timezone", "concurrency", "http", "timeouts", "finally"})),
    (check_variables, frozenset({"variables"})),
    (check_references, frozenset(OVERLAID)),
)


#: One runner carries 10,000 jobs well; with more than twice as many, what needs what takes more memory than a runner should have.
MOST_JOBS = 20_000
#: Jobs and variables of all forms together: twenty environments of 10,000 jobs.
MOST_FORMED = 200_000


@at_rest()
def check(document: Document, *, allowed: AbstractSet[str] | None = None) -> tuple[Diagnostic, ...]:
    """All faults of a file in one pass, sorted by line. Needs no values: what a run must be given is not missing yet.

    Of one kind of fault at most `MOST_FAULTS` are told. `allowed` are the environment variables that a file may name; None: all.
    """
    found = list(schema.check(document, "pipeline", redact=secret_paths(document)))
    known = {(it.file, it.span, it.code) for it in found}
    found += (it for it in document.findings if (it.file, it.span, it.code) not in known)
    view = View(document)
    if (number := len(view.section("jobs")) + len(view.section("finally"))) > MOST_JOBS:
        message = f"a pipeline of {number:,} jobs; at most {MOST_JOBS:,} are allowed"
        found.append(view.fault(("jobs",), "too-many-jobs", message, hint="split the pipeline", at_key=True))
        return in_order(found)
    plain = draft(view)
    found += (diagnostic for rule, _ in RULES for diagnostic in capped(rule(plain)))
    found += capped(check_environments(document))
    found += capped(check_allowed_names(view, allowed))
    used = used_variables(view.data)
    found += _check_environments(document, known=frozenset(found), size=len(plain.jobs), used=used, allowed=allowed)
    found += capped(check_unused(view, used))
    return in_order(found)


def _check_environments(
    document: Document, *, known: AbstractSet[Diagnostic], size: int, used: set[str], allowed: AbstractSet[str] | None
) -> list[Diagnostic]:
    """What an environment brings about that the file alone does not. Adds to `used` what the environments use."""
    found: list[Diagnostic] = []
    size += len(View(document).section("variables"))
    for number, environment in enumerate(environments(document), start=1):
        if number * size > MOST_FORMED:
            message = (
                f"{number:,} environments of {size:,} jobs and variables; at most {MOST_FORMED:,} in all are allowed"
            )
            path = ("environments", environment)
            hint = "split the pipeline, or give values by --vars-file instead of an environment"
            found.append(View(document).fault(path, "too-large", message, hint=hint, at_key=True))
            break
        form = draft(View(document, environment))
        used |= used_variables(form.view.overlay)
        found += (
            replace(it, message=f"{it.message} (in environment `{environment}`)")
            for it in (*_check_form(form), *capped(check_allowed_names(form.view, allowed)))
            if it not in known
        )
        if len(found) > MOST_FAULTS:
            return capped(found)
    return found


def _check_form(form: Draft) -> Iterator[Diagnostic]:
    changed = form.view.overlay.keys()
    for rule, sections in RULES:
        if not sections.isdisjoint(changed):
            yield from capped(rule(form))
