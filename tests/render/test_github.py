import json
import re
from collections.abc import Callable

import pytest

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.render.report.annotations import Annotation, annotations, workflow_commands
from spectrum_pipelines.render.report.github import step_outputs
from tests.render.foreign import is_harmless, poisoned
from tests.report.runs import (
    RUNS,
    Run,
    begun,
    ended,
    failed_run,
    interrupted_run,
    job,
    pipeline,
    run_ended,
    running_run,
    succeeded_run,
    triggered,
    unfit_run,
    unknown_run,
)

FILE = "pipelines/nightly-sales.yaml"
COMMAND = re.compile(
    r"::(?P<level>error|warning|notice) (?:file=(?P<file>[^,:]*),line=(?P<line>\d+),)?title=(?P<title>[^,:]*)::(?P<message>.*)"
)


def shown(run: Run, file: str | None = FILE) -> list[tuple[str, str | None, str, str]]:
    """Level, line, title and message, as GitHub takes them from the log."""
    found = []
    for line in workflow_commands(annotations(run.report()), file=file).splitlines():
        match = COMMAND.fullmatch(line)
        assert match, line
        assert match["file"] == (file if match["line"] else None)
        found.append((match["level"], match["line"], match["title"], unescaped(match["message"])))
    return found


def unescaped(text: str) -> str:
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")


def test_a_failure_stands_at_its_line_and_says_all() -> None:
    ((level, line, title, message),) = shown(failed_run())
    assert (level, line, title) == ("error", "14", "sales failed")
    assert message.splitlines() == [
        "execution 14 ended ERROR, 3 failed records",
        "in pipelines/nightly-sales.yaml:14: sequence /Data/sales.imp",
        "execution 13, 14",
        "attempt 1 failed: execution 13 ended ERROR, 3 failed records",
        "look: spectrum-pipelines job details 14 --server http://127.0.0.1:8080",
        "Next: find out why and mend it, then: spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080",
    ]


ROWS = [
    pytest.param(succeeded_run, [("warning", "13", "customers warned")], id="success with warnings"),
    pytest.param(
        interrupted_run, [("error", "12", "orders running"), ("error", "13", "customers unknown")], id="interrupted"
    ),
    pytest.param(unknown_run, [("error", "12", "orders unknown")], id="unknown"),
    pytest.param(unfit_run, [("error", "12", "pre-flight"), ("error", "14", "pre-flight")], id="pre-flight"),
    pytest.param(running_run, [("warning", "12", "unrecognized-status")], id="running"),
]


@pytest.mark.parametrize(("make", "expected"), ROWS)
def test_every_end_has_its_annotations(make: Callable[[], Run], expected: list[tuple[str, str, str]]) -> None:
    assert [one[:3] for one in shown(make())] == expected


def test_what_to_type_next_stands_in_the_annotation() -> None:
    assert shown(unknown_run())[0][3].endswith(
        "\nNext: spectrum-pipelines adopt 20261123T150405Z-7f3a orders EXECUTION_ID --server http://127.0.0.1:8080"
    )


def test_a_file_outside_of_the_repository_is_named_in_words_only() -> None:
    (one,) = shown(failed_run(), None)
    assert one[1] is None
    assert "pipelines/nightly-sales.yaml:14" in one[3]


def test_a_failure_that_is_allowed_is_a_warning() -> None:
    run = begun(pipeline(job("a", allow_failure=True))).add(*triggered("a", 1), *ended("a", JobStatus.FAILED, "ERROR"))
    assert [one[:3] for one in shown(run.add(run_ended(RunStatus.SUCCEEDED, 0)))] == [
        ("warning", "3", "a failed%2C which is allowed")
    ]


def test_a_run_that_failed_as_a_whole_says_so() -> None:
    run = begun(pipeline(job("a"))).add(run_ended(RunStatus.INTERRUPTED, 130, "interrupted by SIGINT"))
    assert shown(run) == [
        (
            "error",
            None,
            "nightly-sales interrupted",
            "interrupted by SIGINT\nNext: spectrum-pipelines resume 20261123T150405Z-7f3a --server http://127.0.0.1:8080",
        )
    ]


def test_more_than_ten_are_counted() -> None:
    run = begun(pipeline(*(job(f"j{at}") for at in range(13))))
    for name in run.state.jobs:
        run.add(ev.AttemptStarted(job=name, attempt=1), *ended(name, JobStatus.FAILED, "ERROR"))
    found = shown(run.add(run_ended(RunStatus.FAILED, 1)))
    assert [one[0] for one in found] == ["error"] * 10 + ["notice"]
    assert found[-1][2:] == ("and 3 more failures", "and 3 more failures: see the summary and the report")


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_49_foreign_texts_end_no_command_and_begin_none(make: Callable[[], Run]) -> None:
    text = workflow_commands(annotations(poisoned(make().report())), file="a,line=1::b\n::error::c.yaml")
    assert text.endswith("\n")
    for line in text.splitlines():
        assert is_harmless(line.removeprefix("::"))
        match = COMMAND.fullmatch(line)
        assert match, line
        assert match["file"] in {None, "a%2Cline=1%3A%3Ab\\n%3A%3Aerror%3A%3Ac.yaml"}
        assert not re.search(r"(^|\n)\s*::|##\w*\[|[\r\x1b]", unescaped(match["message"]))


def test_percent_signs_stay_percent_signs() -> None:
    remark = Annotation(level="error", title="100%: a, b", lines=("50%0A", "x"))
    assert workflow_commands([remark], file=None) == "::error title=100%25%3A a%2C b::50%250A%0Ax\n"


def outputs(text: str, delimiter: str) -> dict[str, str]:
    """Read the lines as GitHub does."""
    found = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, sign, end = line.partition("<<")
        assert sign, line
        assert end == delimiter
        value = []
        while (inner := next(lines)) != end:
            value.append(inner)
        found[name] = "\n".join(value)
    return found


def test_the_outputs_of_a_step() -> None:
    found = outputs(step_outputs(failed_run().report(), report_path="out/report.json", delimiter="d-4711"), "d-4711")
    assert json.loads(found.pop("execution-ids")) == {
        "orders": [11],
        "customers": [12],
        "sales": [13, 14],
        "alert": [15],
    }
    assert found == {"status": "failed", "run-id": "20261123T150405Z-7f3a", "report-path": "out/report.json"}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_49_foreign_texts_write_no_output_of_their_own(make: Callable[[], Run]) -> None:
    text = step_outputs(poisoned(make().report()), report_path="a\nd-4711\nstatus<<x", delimiter="d-4711")
    assert set(outputs(text, "d-4711")) == {"status", "run-id", "report-path", "execution-ids"}
    assert all(is_harmless(line) for line in text.splitlines())


def test_of_more_ids_than_fit_those_of_failures_are_told() -> None:
    run = begun(pipeline(*(job("j" * 1_000 + str(at)) for at in range(600))))
    for at, name in enumerate(run.state.jobs):
        run.add(*triggered(name, at), *ended(name, JobStatus.FAILED if at == 7 else JobStatus.SUCCEEDED))
    text = step_outputs(run.add(run_ended(RunStatus.FAILED, 1)).report(), report_path="r", delimiter="d")
    assert json.loads(outputs(text, "d")["execution-ids"]) == {"j" * 1_000 + "7": [7]}
