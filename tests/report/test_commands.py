import pytest

from spectrum_pipelines.report.commands import command

ROWS = [
    pytest.param(("retry", "R"), {"--state": "a b"}, "retry R --state 'a b'", id="a value in quotes"),
    pytest.param(("retry", "R", "-p.yaml"), {}, "retry R -- -p.yaml", id="a file that looks like an option"),
    pytest.param(("retry", "R", "-p"), {"--local": "-w"}, "retry R --local -w -- -p", id="options stand before it"),
    pytest.param(
        ("plan", "-x/p.yaml", "--online"),
        {"--server": "s"},
        "plan --online --server s -- -x/p.yaml",
        id="a flag behind it",
    ),
    pytest.param(
        ("run", "-p", "--var", "a=-1", "q"), {}, "run --var a=-1 -- -p q", id="an option with its value behind it"
    ),
    pytest.param(("job", "history", "--file", "-x"), {}, "job history --file -x", id="the value of an option"),
    pytest.param(("retry", "R", "--var", "a=1"), {}, "retry R --var a=1", id="an option of ours"),
    pytest.param(("adopt", "R", "j", "--none"), {}, "adopt R j --none", id="a flag of ours"),
    pytest.param(("job", "status", "stü"), {"--server": None}, "job status 'stü'", id="an option without a value"),
]


@pytest.mark.parametrize(("words", "options", "line"), ROWS)
def test_a_command_reads_as_it_was_meant(words: tuple[str, ...], options: dict[str, str | None], line: str) -> None:
    assert command(*words, options=options) == f"spectrum-pipelines {line}"
