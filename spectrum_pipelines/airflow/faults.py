"""Errors as Airflow shows them: one text, in the import error of a DAG or at the end of a task's log. Pure."""

from spectrum_pipelines.document.diagnostic import Diagnostic, InvalidFile
from spectrum_pipelines.errors import SpectrumPipelinesError
from spectrum_pipelines.words.clean import clean


def in_words(error: SpectrumPipelinesError) -> str:
    """What is wrong, where, and what to do: a line for each fault of a file, `file:line:col` first."""
    faults = map(_line, error.diagnostics) if isinstance(error, InvalidFile) else ()
    return "\n".join(clean(line) for line in (error.message, *faults, *error.details, error.hint) if line)


def _line(fault: Diagnostic) -> str:
    start = fault.span.start
    hint = f": {fault.hint}" if fault.hint else ""
    return f"{fault.file}:{start.line}:{start.column}: {fault.severity.value}: {fault.message} [{fault.code}]{hint}"
