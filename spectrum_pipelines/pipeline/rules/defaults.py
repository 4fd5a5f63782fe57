"""Defaults that do not fit where their variable stands alone: whoever gives no other value cannot run the file.

A run says so of the value that it has. Only `validate` asks for the defaults: a value from outside may take the place of each.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic, Severity, capped
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.pipeline.fill.conform import conform
from spectrum_pipelines.pipeline.fill.places import phrases
from spectrum_pipelines.pipeline.fill.reference import VariableReference, holds_reference, read_references
from spectrum_pipelines.pipeline.fill.variables import Declaration, VariableType, declarations
from spectrum_pipelines.pipeline.form.overlay import environments
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import Scalar

#: Values of these types are told of where they are declared.
_TOLD_ELSEWHERE = frozenset({VariableType.DATE, VariableType.LIST})


def check_defaults(document: Document) -> list[Diagnostic]:
    """Warn of each such default, in the file as it stands and under each of its environments."""
    if not document.holds("${var."):
        return []
    views = [View(document), *(View(document, name) for name in environments(document))]
    found: dict[object, Diagnostic] = {}
    for view in views:
        where = f" (in environment `{view.environment}`)" if view.environment else ""
        for it in _unfit(view):
            found.setdefault((it.file, it.span), replace(it, message=it.message + where))
    return capped(found.values())


def _unfit(view: View) -> Iterator[Diagnostic]:
    declared = declarations(view)
    for path, text in phrases(view.data):
        parts = list(read_references(text))
        if len(parts) != 1 or parts[0][0] != text or path[0] == "variables" or path[-1] == "enabled":
            continue
        part = parts[0][1]
        one = declared.get(part.name) if isinstance(part, VariableReference) else None
        if one is None or (default := _plain_default(one)) is None:
            continue
        for fault in conform(view, path, default, tainted=False)[1]:
            hint = f"write another default of `{one.name}`, or `required: true` in its place"
            message = f"with the default of `{one.name}`: {fault.message}"
            yield replace(fault, message=message, hint=hint, severity=Severity.WARNING)


def _plain_default(declared: Declaration) -> Scalar | None:
    """The default if it is a scalar that may be told, and is what it is."""
    default = declared.default
    if declared.secret or declared.type in _TOLD_ELSEWHERE or not isinstance(default, (str, int, float)):
        return None
    return None if holds_reference(default) else default
