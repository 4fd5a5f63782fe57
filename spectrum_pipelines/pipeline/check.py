"""All faults of a file in one pass: the schema's, and those of the rules that a schema cannot state.

The rules are asked about every form that a file can take: as it stands, and with each of its environments merged over the top.
"""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic, in_order
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.schema import validator as schema
from spectrum_pipelines.pipeline.form.overlay import OVERLAID, environments
from spectrum_pipelines.pipeline.form.sketch import Draft, draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.rules.environments import check_environments
from spectrum_pipelines.pipeline.rules.jobs import check_jobs
from spectrum_pipelines.pipeline.rules.lists import check_list_places, check_lists
from spectrum_pipelines.pipeline.rules.needs import check_matrices, check_needs
from spectrum_pipelines.pipeline.rules.policy import check_policies
from spectrum_pipelines.pipeline.rules.reach import check_rivals, check_run_if
from spectrum_pipelines.pipeline.rules.references import check_references, used_variables
from spectrum_pipelines.pipeline.rules.settings import check_settings
from spectrum_pipelines.pipeline.rules.variables import check_unused, check_variables
from spectrum_pipelines.pipeline.secrets import secret_paths

Rule = Callable[[Draft], Iterator[Diagnostic]]

_GRAPH = frozenset({"jobs", "finally"})
#: Each rule, and the sections that it looks at: an environment that changes none of them cannot change its verdict.
RULES: tuple[tuple[Rule, frozenset[str]], ...] = (
    (check_jobs, _GRAPH),
    (check_matrices, _GRAPH | {"variables"}),
    (check_needs, _GRAPH | {"variables"}),
    (check_lists, _GRAPH | {"variables"}),
    (check_list_places, _GRAPH | {"variables"}),
    (check_run_if, _GRAPH),
    (check_rivals, _GRAPH | {"defaults", "concurrency"}),
    (check_policies, _GRAPH | {"defaults", "timeouts"}),
    (check_settings, frozenset({"server", "poll", "timezone"})),
    (check_variables, frozenset({"variables"})),
    (check_references, frozenset(OVERLAID)),
)


def check(document: Document) -> tuple[Diagnostic, ...]:
    """All faults of a file in one pass, sorted by line. Needs no values: what a run must be given is not missing yet."""
    found = list(schema.check(document, "pipeline", redact=secret_paths(document)))
    plain = draft(View(document))
    found += (diagnostic for rule, _ in RULES for diagnostic in rule(plain))
    found += check_environments(document)
    used = used_variables(plain)
    known = set(found)
    for environment in environments(document):
        form = draft(View(document, environment))
        used |= used_variables(form)
        for diagnostic in _check_form(form):
            if diagnostic not in known:
                found.append(replace(diagnostic, message=f"{diagnostic.message} (in environment `{environment}`)"))
    found += check_unused(plain.view, used)
    return in_order(found)


def _check_form(form: Draft) -> Iterator[Diagnostic]:
    changed = form.view.overlay.keys()
    for rule, sections in RULES:
        if not sections.isdisjoint(changed):
            yield from rule(form)
