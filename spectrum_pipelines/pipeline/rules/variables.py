"""Rules on the declarations of variables."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from msgspec.structs import replace

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.schema.wording import value_in_words
from spectrum_pipelines.pipeline.fill.reference import holds_reference
from spectrum_pipelines.pipeline.fill.variables import Declaration, Unfit, VariableType, check_value, declarations
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.sketch import Draft
from spectrum_pipelines.pipeline.form.view import View


def check_variables(draft: Draft) -> Iterator[Diagnostic]:
    """Check each declaration by itself."""
    for declaration in declarations(draft.view).values():
        yield from _check_pattern(draft.view, declaration)
        yield from _check_enum(draft.view, declaration)
        yield from _check_default(draft.view, declaration)
        yield from _check_required(draft.view, declaration)


def check_unused(view: View, used: AbstractSet[str]) -> Iterator[Diagnostic]:
    """Warn of variables that no form of the file uses."""
    for name in view.section("variables"):
        # A fragment declares for many pipelines, each of which uses some.
        if name not in used and name.isidentifier() and view.file(("variables", name)) is None:
            message = f"the variable `{name}` is never used"
            yield view.warning(
                ("variables", name),
                "unused-variable",
                message,
                hint=f"use `${{var.{name}}}`, or remove it",
                at_key=True,
            )


def _check_pattern(view: View, declaration: Declaration) -> Iterator[Diagnostic]:
    if declaration.pattern is None:
        return
    path = (*declaration.path, "pattern")
    if declaration.type not in (VariableType.STRING, VariableType.DATE, VariableType.LIST):
        message = f"`pattern` goes with texts, and `{declaration.name}` is of type {declaration.type.value}"
        yield view.fault(path, "misplaced-key", message, hint="use `enum`, or make it a string", at_key=True)
    try:
        re.compile(declaration.pattern)
    except re.error as error:
        yield view.fault(
            path, "bad-pattern", f"not a regular expression: {error.msg}", hint="correct it, or put it in quotes"
        )


def _check_enum(view: View, declaration: Declaration) -> Iterator[Diagnostic]:
    if declaration.type is VariableType.LIST:
        return  # its items may be of any type
    yield from _check_enum_by_pattern(view, declaration)
    for place, value in enumerate(declaration.enum):
        plain = replace(declaration, enum=(), pattern=None)
        path = (*declaration.path, "enum", place)
        try:
            check_value(plain, value)
        except Unfit as unfit:
            shown = "a value of `enum`" if declaration.secret else f"`{as_text(value)}`"
            yield view.fault(path, "wrong-type", f"{shown} {unfit}, by the `type` of `{declaration.name}`")


def _check_enum_by_pattern(view: View, declaration: Declaration) -> Iterator[Diagnostic]:
    """A value that `pattern` refuses can never be taken."""
    if declaration.pattern is None or declaration.type is not VariableType.STRING:
        return
    plain = replace(declaration, enum=())
    for place, value in enumerate(declaration.enum):
        if isinstance(value, str) and not _is_fit(plain, value):
            shown = "this value" if declaration.secret else f"`{value}`"
            message = f"{shown} can never be taken: the `pattern` of `{declaration.name}` refuses it"
            path = (*declaration.path, "enum", place)
            yield view.warning(path, "no-effect", message, hint="take it out, or correct `pattern`")


def _is_fit(declaration: Declaration, value: str) -> bool:
    try:
        check_value(declaration, value)
    except Unfit:
        return False
    return True


def _check_default(view: View, declaration: Declaration) -> Iterator[Diagnostic]:
    default = declaration.default
    if default is None or holds_reference(default):
        return
    if declaration.secret and default != "":
        message = f"the value of the secret `{declaration.name}` stands in the file"
        reference = f"${{env.{declaration.name.upper()}}}"
        hint = f"remove it and give SPECTRUM_VAR_{declaration.name}, or write a reference such as `{reference}`"
        yield view.fault(declaration.default_path, "credentials", message, hint=hint)
    try:
        check_value(declaration, default)
    except Unfit as unfit:
        shown = (
            ""
            if declaration.secret
            else f", not {value_in_words(list(default) if isinstance(default, tuple) else default)}"
        )
        quoted = "a number in quotes is a text" if _is_quoted_number(declaration) else None
        message = f"the value of `{declaration.name}` {unfit}{shown}"
        yield view.fault(declaration.default_path, "wrong-value", message, hint=quoted)


def _is_quoted_number(declaration: Declaration) -> bool:
    numeric = declaration.type in (VariableType.INTEGER, VariableType.NUMBER)
    return numeric and isinstance(declaration.default, str) and declaration.default.strip("+-").isdigit()


def _check_required(view: View, declaration: Declaration) -> Iterator[Diagnostic]:
    path: Path = (*declaration.path, "required")
    if declaration.required is True and declaration.default is not None:
        message = f"`{declaration.name}` is required, so its default would never be used"
        yield view.fault(path, "contradiction", message, hint="remove `required` or `default`", at_key=True)
    elif declaration.required is False and declaration.default is None:
        message = f"`{declaration.name}` is not required, but has no default"
        yield view.fault(path, "contradiction", message, hint='add a default, such as `default: ""`', at_key=True)
