"""Errors as Airflow shows them. Needs no Airflow."""

from pathlib import Path

import pytest

from spectrum_pipelines import InvalidFile, load
from spectrum_pipelines.airflow.faults import in_words
from spectrum_pipelines.errors import UserError


def test_each_fault_of_a_file_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nname: bad\njobs:\n  load: {triger: 20}\n", encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        load(path, server="http://spectrum.example.com")
    first, second, *_ = in_words(caught.value).splitlines()
    assert first == f"{path} is not a valid pipeline; nothing was triggered"
    assert second.startswith(f"{path}:4:")
    assert "error: " in second


def test_what_to_do_comes_last() -> None:
    assert in_words(UserError("wrong \x1b[31m", hint="right", details=("so",))) == "wrong \\x1b[31m\nso\nright"
