"""Pipeline texts to documents and pipelines. A text may leave out `version` and `name`."""

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.build import Given, build
from spectrum_pipelines.pipeline.model.pipeline import Pipeline


def read(text: str) -> Document:
    head = "" if "version" in text else "version: 1\nname: test\n"
    document, diagnostics = parse(Source(name="pipeline.yaml", text=head + text))
    assert document is not None
    assert not diagnostics
    return document


def tried(text: str, given: Given | None = None) -> tuple[Pipeline | None, tuple[Diagnostic, ...]]:
    return build(read(text), given=given or Given(), run_id="run-1")


def built(text: str, given: Given | None = None) -> Pipeline:
    pipeline, diagnostics = tried(text, given)
    assert pipeline is not None, diagnostics
    return pipeline
