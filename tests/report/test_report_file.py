import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.report.file import ReportFile, ReportKeeper
from tests.report.checks import assert_valid_report
from tests.report.runs import (
    HTTP,
    STARTED,
    Run,
    begun,
    changed,
    failed_run,
    sales_pipeline,
    started,
    succeeded_run,
    triggered,
)


class HandClock:
    """A clock that stands still, except that each look at it costs `step` seconds."""

    def __init__(self, step: float = 0.0) -> None:
        self.seconds = 0.0
        self.step = step

    def monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_report_is_written_whole_and_readable_for_all(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report = succeeded_run().report()
    ReportFile(path).write(report)
    assert json.loads(path.read_text()) == report
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_report_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    file = ReportFile(path)
    file.write(failed_run().report())
    with path.open() as reader:
        file.write(succeeded_run().report())
        assert json.load(reader)["status"] == "failed"
    assert json.loads(path.read_text())["status"] == "succeeded"


def test_a_link_is_followed_rather_than_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "report.json"
    link.symlink_to(tmp_path / "there" / "real.json")
    ReportFile(link).write(succeeded_run().report())
    assert link.is_symlink()
    assert (tmp_path / "there" / "real.json").is_file()


def in_a_missing_folder(tmp_path: Path) -> Path:
    return tmp_path / "missing" / "report.json"


def a_folder(tmp_path: Path) -> Path:
    return tmp_path


def a_device(tmp_path: Path) -> Path:
    return Path("/dev/null")


def a_pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def under_a_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("x")
    return tmp_path / "file" / "report.json"


def a_loop_of_links(tmp_path: Path) -> Path:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    return tmp_path / "a" / "report.json"


def too_long(tmp_path: Path) -> Path:
    return tmp_path / ("x" * 300)


def without_space(tmp_path: Path) -> Path:
    return Path("/dev/full")


def in_a_place_without_files(tmp_path: Path) -> Path:
    return Path("/proc/report.json")


USELESS = [
    pytest.param(in_a_missing_folder, "does not exist", "mkdir -p", id="the folder is missing"),
    pytest.param(a_folder, "is a folder", "name a file in it", id="a folder"),
    pytest.param(a_device, "not a regular file", "name a file", id="a rename would replace the device"),
    pytest.param(without_space, "not a regular file", "name a file", id="a full device"),
    pytest.param(a_pipe, "not a regular file", "name a file", id="a pipe"),
    pytest.param(under_a_file, "Not a directory", "", id="the folder is a file"),
    pytest.param(a_loop_of_links, "cannot write", "", id="links that lead nowhere"),
    pytest.param(too_long, "cannot write", "shorter name", id="a name that no file system takes"),
    pytest.param(in_a_place_without_files, "cannot write", "", id="a file system without files"),
]


@pytest.mark.parametrize("use", ["probe", "write"])
@pytest.mark.parametrize(("make", "message", "hint"), USELESS)
def test_a_useless_path_is_told_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], Path], message: str, hint: str, use: str
) -> None:
    file = ReportFile(make(tmp_path))
    with pytest.raises(StateError) as caught:
        file.probe() if use == "probe" else file.write(succeeded_run().report())
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_full_disk_is_found_by_the_probe(tmp_path: Path) -> None:
    # A limit on the size of files is the closest to a full disk that needs no rights: a write fails half-way through.
    code = f"""
import resource, signal
from pathlib import Path
from spectrum_pipelines.errors import StateError
from spectrum_pipelines.report.file import ReportFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    ReportFile(Path({str(tmp_path / "report.json")!r})).probe()
except StateError as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_probe_leaves_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    ReportFile(path).probe()
    assert not list(tmp_path.iterdir())
    path.write_text("old")
    ReportFile(path).probe()
    assert path.read_text() == "old"


def keeper(path: Path, clock: HandClock | None = None, **more: datetime) -> ReportKeeper:
    return ReportKeeper(ReportFile(path), clock=clock or HandClock(), http=lambda: HTTP, **more)


def read(path: Path) -> dict[str, object]:
    report: dict[str, object] = json.loads(path.read_text())
    assert_valid_report(report)
    return report


def test_the_report_is_there_from_the_first_fact(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    Run(sales_pipeline(), keeper(path)).add(started())
    assert read(path)["status"] == "running"


def test_within_a_second_nothing_is_written_twice_and_nothing_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    keep = keeper(path)
    run = begun(sales_pipeline(), keep).add(*triggered("orders", 11))
    before = path.read_bytes()
    assert read(path)["duration_seconds"] == 0.0
    keep.tick(run.state, 0.9)
    assert path.read_bytes() == before
    keep.tick(run.state, 1.0)
    assert read(path)["duration_seconds"] == 1.0
    assert json.loads(path.read_text())["jobs"][0]["execution_id"] == 11


def test_without_news_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    keep = keeper(path)
    run = Run(sales_pipeline(), keep).add(started())
    path.unlink()
    keep.tick(run.state, 100.0)
    assert not path.exists()


def test_a_write_takes_at_most_a_hundredth_of_the_time(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    keep = keeper(path, HandClock(step=0.1))
    run = Run(sales_pipeline(), keep).add(started()).wait(9.9).add(ev.PreflightPassed())
    assert read(path)["duration_seconds"] == 0.0
    run.wait(0.1).add(*triggered("orders", 11))
    assert read(path)["duration_seconds"] == 10.0


def test_the_end_is_always_written(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    run = succeeded_run(keeper(path, HandClock(step=100.0)))
    assert read(path) == run.report()


def test_a_failing_write_is_remembered_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    keep = keeper(folder / "report.json")
    run = begun(sales_pipeline(), keep)
    errors = [keep.error]
    folder.mkdir()
    run.wait(1).add(*triggered("orders", 11))
    errors.append(keep.error)
    assert [type(error) for error in errors] == [StateError, type(None)]
    assert read(folder / "report.json")["status"] == "running"


def test_several_files_have_the_same_text_and_one_that_fails_takes_none_along(tmp_path: Path) -> None:
    places = [tmp_path / "one.json", tmp_path / "missing" / "two.json", tmp_path / "three.json"]
    keep = ReportKeeper(*map(ReportFile, places), clock=HandClock(), http=lambda: HTTP)
    run = succeeded_run(keep)
    assert isinstance(keep.error, StateError)
    assert read(places[0]) == run.report()
    assert places[2].read_bytes() == places[0].read_bytes()


def test_the_report_that_could_not_be_written_can_be_had(tmp_path: Path) -> None:
    keep = keeper(tmp_path / "missing" / "report.json")
    run = succeeded_run(keep)
    assert keep.error is not None
    assert keep.build(run.state, run.at) == run.report()
    keep.close()


def test_a_run_that_is_resumed_keeps_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    run = begun(sales_pipeline()).add(*triggered("orders", 11))
    run.observers = (keeper(path, started=STARTED),)
    run.wait(60).add(ev.Resumed()).wait(1).add(changed("orders", 11))
    report = read(path)
    assert (report["started_at"], report["resumptions"]) == ("2026-11-23T15:04:05.000Z", 1)


def test_a_bug_in_the_report_does_not_end_the_run(tmp_path: Path) -> None:
    keep = keeper(tmp_path / "report.json")
    run = Run(sales_pipeline(), keep).add(ev.PreflightPassed())  # no first fact: nothing could be built from this
    assert isinstance(keep.error, AssertionError)
    assert run.state.ended is None
