"""What a run of ten thousand jobs need not keep in memory while it goes on."""

import weakref
from pathlib import Path

from spectrum_pipelines.api import Connection, _front, _reach, load, open_store
from spectrum_pipelines.app.loading import Loaded
from spectrum_pipelines.app.start import start
from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.state.run import RunState
from tests.cli.command_line import dead_port


def test_a_run_keeps_its_pipeline_and_not_the_document_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "night.yaml"
    file.write_text("version: 1\nname: night\nhttp: {retry: {limit: 0}}\njobs: {a: {trigger: 1}}\n", encoding="utf-8")
    documents: list[weakref.ref[Document]] = []
    kept: list[bool] = []

    def loaded() -> Loaded:
        made = load(file)
        documents.append(weakref.ref(made.document))
        return made

    def watch(fact: Stamped, state: RunState) -> None:
        kept.append(documents[0]() is not None)

    store = open_store(tmp_path / "state")
    reach = _reach(Connection(dead_port(), username="analyst", password="analyst"))
    report = start(loaded(), reach, store=store, run_key=None, front=_front(None, [watch]))
    assert report.exit_code == 3
    assert kept
    assert not any(kept)
