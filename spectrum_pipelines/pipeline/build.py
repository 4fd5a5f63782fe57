"""The pipeline of one run: a checked file, with its values filled in.

Rules about times and addresses are asked once more when all references are filled in.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, in_order
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.assemble.pipeline import assemble
from spectrum_pipelines.pipeline.check import Rule, check
from spectrum_pipelines.pipeline.fill.conform import conform
from spectrum_pipelines.pipeline.fill.interpolate import Filled, Scope, allowed_names, fill, secret_days
from spectrum_pipelines.pipeline.fill.places import list_references
from spectrum_pipelines.pipeline.fill.values import Given, resolve
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.overlay import environments, mapping
from spectrum_pipelines.pipeline.form.sketch import Draft, JobSketch, draft
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.graph.switches import without
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.pipeline import UTC, Pipeline, SwitchedOff, Variable
from spectrum_pipelines.pipeline.rules.idle import check_idle
from spectrum_pipelines.pipeline.rules.lists import check_list_places, check_lists
from spectrum_pipelines.pipeline.rules.needs import check_matrices, check_needs
from spectrum_pipelines.pipeline.rules.outputs import check_waiting
from spectrum_pipelines.pipeline.rules.policy import check_policies
from spectrum_pipelines.pipeline.rules.references import names_days
from spectrum_pipelines.pipeline.rules.settings import check_settings
from spectrum_pipelines.pipeline.rules.switches import check_switches
from spectrum_pipelines.pipeline.secrets import hidden_values, masked, secret_texts
from spectrum_pipelines.redaction import is_weak

__all__ = ["Given", "build", "check", "digest"]

_FILLED_RULES: tuple[Rule, ...] = (check_policies, check_idle, check_settings)
#: Asked once more where a list variable spreads jobs out.
_GRAPH_RULES: tuple[Rule, ...] = (check_matrices, check_lists, check_needs, check_list_places)


def digest(source_text: str, fragments: Mapping[str, str] = MappingProxyType({})) -> str:
    """Name a version of a pipeline file and its fragments: `sha256:...`. A journal belongs to one."""
    if fragments:
        framed = json.dumps([source_text, *sorted(fragments.items())]).encode("ascii")
        return "sha256:" + hashlib.sha256(framed).hexdigest()
    return "sha256:" + hashlib.sha256(source_text.encode("utf-8", "surrogatepass")).hexdigest()


def build(document: Document, *, given: Given, run_id: str) -> tuple[Pipeline | None, tuple[Diagnostic, ...]]:
    """The pipeline of one run, and all that `check` and its values give rise to. None if an error is among that."""
    found = list(check(document, allowed=allowed_names(given.process_environment)))
    found += _check_environment_name(document, given.environment)
    if _has_errors(found):
        return None, in_order(found)
    view = View(document, given.environment)
    today = given.today(str(view.data.get("timezone", UTC)))
    resolved = resolve(view, given, run_id, today)
    values = resolved.variables
    found += resolved.faults
    scope = Scope(variables=values, environment=given.process_environment, run_id=run_id, today=today)
    days = tuple(secret_days(view.data, scope))
    hidden = tuple(sorted({*hidden_values(view.data, given.process_environment), *(text for _, _, text in days)}))
    secrets = secret_texts(values.values(), hidden=hidden)
    found += (*_weak_secrets(view, values.values()), *_weak_days(view, days))
    filled = _filled(view, given, scope)
    found += _conformed(view, filled)
    form = draft(view.with_data(filled.data))
    has_lists = any(list_references(view.data))
    known = {(it.span, it.code) for it in found}
    rules = (
        *(_FILLED_RULES if filled.touched else ()),
        *(_GRAPH_RULES if has_lists else ()),
        *((check_switches,) if form.off else ()),
    )
    for diagnostic in (*(it for rule in rules for it in rule(form)), *check_waiting(form, filled.waiting)):
        if given.server is not None and diagnostic.code in {"bad-address", "in-clear"}:
            continue  # the file is not to blame for an option
        if (diagnostic.span, diagnostic.code) not in known:
            hint = diagnostic.hint and masked(diagnostic.hint, secrets)
            found.append(replace(diagnostic, message=masked(diagnostic.message, secrets), hint=hint))
    if _has_errors(found):
        return None, in_order(found)
    pipeline, faults = assemble(form, filled, values)
    if form.off:
        pipeline = _switched(pipeline, form)
    pipeline = replace(pipeline, hidden=hidden)
    if today is not None and (resolved.counts_days or names_days(view)):
        pipeline = replace(pipeline, date=today.isoformat())
    found += faults
    return (None if _has_errors(found) else pipeline), in_order(found)


def _weak_secrets(view: View, variables: Iterable[Variable]) -> Iterator[Diagnostic]:
    for variable in variables:
        value = as_text(variable.value)
        if variable.secret and value and is_weak(value):
            message = (
                f"the value of the secret `{variable.name}` is too short or too common to be found in other texts: "
                "it is masked only where it stands alone"
            )
            hint = "give the secret a longer value"
            yield view.warning(("variables", variable.name), "weak-secret", message, hint=hint, at_key=True)


def _weak_days(view: View, days: Iterable[tuple[Path, str, str]]) -> Iterator[Diagnostic]:
    for path, written, text in days:
        if is_weak(text):
            message = f"what `{written}` makes of a secret is too short to be found in other texts"
            hint = "use a longer form: this one is masked only where it stands alone"
            yield view.fault(path, "weak-secret", message, hint=hint, severity=Severity.WARNING, part=written)


def _check_environment_name(document: Document, environment: str | None) -> Iterator[Diagnostic]:
    names = environments(document)
    if environment is None or environment in names:
        return
    near = closest(environment, names)
    listed = ", ".join(f"`{it}`" for it in names)
    hint = f"did you mean `{near}`?" if near else f"there are {listed}" if names else "the file has no environments"
    message = f"there is no environment `{environment}`"
    yield View(document).fault(("environments",), "unknown-environment", message, hint=hint, at_key=True)


def _filled(view: View, given: Given, scope: Scope) -> Filled:
    """Fill in the references; a server from outside takes the place of `server.url`, and is never read as a phrase."""
    if given.server is None:
        return fill(view.data, scope)
    others = {key: it for key, it in view.section("server").items() if key != "url"}
    filled = fill({**view.data, "server": others}, scope)
    data = {**filled.data, "server": {**filled.data["server"], "url": given.server}}
    return replace(filled, data=data, touched={**filled.touched, ("server", "url"): True})


def _conformed(view: View, filled: Filled) -> list[Diagnostic]:
    """Check every scalar that was filled in, and put it as its place needs it: `fill` made copies of all that changes."""
    faults = [view.fault(path, it.code, it.message, hint=it.hint) for path, it in filled.unset]
    for path, tainted in filled.touched.items():
        parent: Any = filled.data
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]], found = conform(view, path, parent[path[-1]], tainted=tainted)
        faults += found
    return faults


def _switched(pipeline: Pipeline, form: Draft) -> Pipeline:
    """The pipeline as if the jobs that are off were not in the file."""
    off = [name for name in pipeline.jobs if name.partition("[")[0] in form.off]
    return replace(
        pipeline,
        jobs=without(pipeline.jobs, off),
        off=tuple(_off(form, it) for it in form.jobs.values() if it.id in form.off),
    )


def _off(form: Draft, job: JobSketch) -> SwitchedOff:
    view, path = form.view, (*job.path, "enabled")
    written = mapping(mapping(view.written.get(str(job.path[0]))).get(job.id)).get("enabled")
    return SwitchedOff(
        id=JobId(job.id),
        line=view.line(path),
        condition=written if isinstance(written, str) else None,
        environment=view.environment if view.origin(path)[0] == "environments" else None,
        file=view.file(path),
    )


def _has_errors(diagnostics: list[Diagnostic]) -> bool:
    return any(it.severity is Severity.ERROR for it in diagnostics)
