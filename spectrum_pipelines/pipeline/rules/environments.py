"""Rules on the names in `environments`: a merge that silently adds what nobody uses would hide a slip of the finger."""

from collections.abc import Iterator

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.suggest import closest
from spectrum_pipelines.pipeline.form.overlay import NAMED, environments, is_whole_job, mapping, overlay_of
from spectrum_pipelines.pipeline.form.view import View

_NOUNS = {"variables": "variable", "jobs": "job", "finally": "job under `finally`"}


def check_environments(document: Document) -> Iterator[Diagnostic]:
    """Report what an environment changes and the file does not have. Other keys are the schema's concern."""
    view = View(document)
    for environment in environments(document):
        overlay = overlay_of(document, environment)
        for section in NAMED:
            declared = view.section(section)
            for name in mapping(overlay.get(section)):
                if name not in declared and not (section != "variables" and is_whole_job(overlay[section][name])):
                    path = ("environments", environment, section, name)
                    near = closest(name, declared)
                    yield view.fault(
                        path,
                        f"unknown-{'variable' if section == 'variables' else 'job'}",
                        f"environment `{environment}` changes `{name}`, but there is no such {_NOUNS[section]}",
                        hint=f"did you mean `{near}`?"
                        if near
                        else f"write `{name}` under `variables` at the top level first"
                        if section == "variables"
                        else "to add a job, give it an action such as `trigger`",
                        at_key=True,
                    )
