import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spectrum_pipelines.document.schema.gate import gate
from spectrum_pipelines.document.schema.validator import load_schema
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.render.report.formats import FORMATS
from spectrum_pipelines.report.json_text import report_json
from spectrum_pipelines.report.read import parse_report, read_report
from tests.report.runs import RUNS, Run, failed_run, succeeded_run


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_what_was_written_can_be_read(tmp_path: Path, make: Callable[..., Run]) -> None:
    report = make().report()
    path = tmp_path / "report.json"
    path.write_text(report_json(report))
    assert read_report(path) == report


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_valid_report_needs_no_slow_look(make: Callable[..., Run]) -> None:
    assert gate(load_schema("run-report"))(make().report())


def changed(**changes: Any) -> bytes:
    return json.dumps(succeeded_run().report() | changes).encode()


def with_job(**changes: Any) -> bytes:
    report = failed_run().report()
    return changed(jobs=[report["jobs"][0] | changes])


BAD = [
    pytest.param(b"", "is not JSON", id="empty"),
    pytest.param(b"\xff\xfe", "is not JSON", id="not text"),
    pytest.param(b"name: x", "is not JSON", id="YAML"),
    pytest.param(b"[" * 200_000, "is not JSON", id="nested without end"),
    pytest.param(b'{"report_version": ' + b"9" * 5000 + b"}", "is not JSON", id="a number without end"),
    pytest.param(b'{"report_version": NaN}', "is not JSON", id="NaN"),
    pytest.param(b'{"report_version": 1e400}', "is not JSON", id="a number beyond any float"),
    pytest.param(b"[1]", "is not a run report", id="a list"),
    pytest.param(b"{}", "is not a run report", id="another object"),
    pytest.param(changed(report_version=2), "of version 2, and this one reads version 1", id="a newer version"),
    pytest.param(changed(report_version=[2]), "of another version, and", id="a version that is none"),
    pytest.param(changed(status="great"), "wrong at $.status", id="an unknown status"),
    pytest.param(changed(jobs=None), "wrong at $.jobs", id="no jobs"),
    pytest.param(with_job(id=7), "wrong at $.jobs[0].id", id="an id that is none"),
    pytest.param(with_job(executions=[{}]), "wrong at $.jobs[0].executions[0]", id="an execution without anything"),
]


@pytest.mark.parametrize(("content", "message"), BAD)
def test_what_is_no_report_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        parse_report(content, name="x.json")
    assert message in caught.value.message
    assert caught.value.hint


def with_more(value: Any) -> Any:
    """A key more in each object: what a newer version may have added."""
    if isinstance(value, dict):
        return {**{key: with_more(it) for key, it in value.items()}, **({"more": {"x": 1}} if "id" in value else {})}
    return [with_more(it) for it in value] if isinstance(value, list) else value


@pytest.mark.parametrize("form", sorted(FORMATS.keys() - {"json"}))
def test_keys_of_a_newer_version_are_read_over(form: str) -> None:
    report = failed_run().report()
    newer = parse_report(json.dumps({**with_more(report), "later": [1]}).encode(), name="x.json")
    assert newer["later"] == [1]
    assert FORMATS[form].render(newer) == FORMATS[form].render(report)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(UnreadableFile, match="cannot read"):
            read_report(path)


def test_a_file_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spectrum_pipelines.report.read.MAX_BYTES", 1000)
    path = tmp_path / "endless"
    path.touch()
    os.truncate(path, 10_000_000)
    with pytest.raises(UnreadableFile, match="larger than"):
        read_report(path)
    os.mkfifo(tmp_path / "pipe")
    for endless in (Path("/dev/zero"), tmp_path / "pipe"):
        with pytest.raises(UnreadableFile, match="not a regular file"):
            read_report(endless)
