import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from spectrum_pipelines.engine import facts as ev
from spectrum_pipelines.engine.outcome import JobStatus, RunStatus
from spectrum_pipelines.render.report.markdown import LIMIT, escaped, markdown
from tests.render.foreign import HOSTILE, is_harmless, poisoned
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
    unfit_run,
    unknown_run,
)

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(text: str) -> list[Token]:
    found = READER.parse(text)
    return [inner for token in found for inner in (token, *(token.children or []))]


def kinds(text: str) -> set[str]:
    return {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(text)}


def test_a_failed_run_explains_itself_before_it_lists() -> None:
    text = markdown(failed_run().report())
    assert text[: text.index("<details>")] == (
        "## ✗ nightly-sales failed after 40s (exit code 1)\n"
        "\n"
        "6 jobs: 1 failed, 3 succeeded, 2 skipped\n"
        "\n"
        "**1 of 6 jobs did not succeed: sales**\n"
        "\n"
        "### ✗ sales failed\n"
        "\n"
        "execution 14 ended ERROR, 3 failed records\n"
        "\n"
        "- in pipelines/nightly-sales.yaml:14: sequence /Data/sales.imp\n"
        "- execution 13, 14\n"
        "- attempt 1 failed: execution 13 ended ERROR, 3 failed records\n"
        "- look: spectrum-pipelines job details 14 --server http&#58;//127.0.0.1:8080\n"
        "\n"
        "**Next:** find out why and mend it, then:\n"
        "\n"
        "```sh\n"
        "spectrum-pipelines retry 20261123T150405Z-7f3a --server http://127.0.0.1:8080\n"
        "```\n"
        "\n"
        "| | Job | Status | Execution | Duration | Records | Reason |\n"
        "|---|---|---|---:|---:|---:|---|\n"
        "| ✓ | orders | succeeded | 11 | 4.0s | 7 |  |\n"
        "| ✓ | customers | succeeded | 12 | 4.0s | 7 |  |\n"
        "| ✗ | sales | failed | 13, 14 | 34s | 0, 3 failed | see above |\n"
        "| - | copy | skipped |  |  |  | sales failed |\n"
        "| ✓ | alert | succeeded | 15 | 1.0s | 7 |  |\n"
        "| - | cleanup | skipped |  |  |  | timeouts.finally is over |\n"
        "\n"
    )


LINES = [
    pytest.param(succeeded_run, "| ! | customers | warned | 12 | 5.0s | 7, 2 failed |", id="warnings are visible"),
    pytest.param(
        interrupted_run,
        "```sh\nspectrum-pipelines resume 20261123T150405Z-7f3a --server http://127.0.0.1:8080\n```",
        id="the next command",
    ),
    pytest.param(unknown_run, "- candidates: execution 21, 22", id="what to choose from"),
    pytest.param(unfit_run, "- sales: 51 already runs as execution 9 \\(RUNNING\\)", id="findings"),
    pytest.param(running_run, "**Warnings**\n\n- orders: execution 11 has the status 'ODD'", id="warnings of the run"),
    pytest.param(succeeded_run, "| Variable token | \\*\\*\\* |", id="variables, secrets masked"),
    pytest.param(succeeded_run, "| Server | http&#58;//127.0.0.1:8080 |", id="the server, not as a link"),
]


@pytest.mark.parametrize(("make", "line"), LINES)
def test_every_run_says(make: Callable[[], Run], line: str) -> None:
    assert line in markdown(make().report())


def test_a_succeeded_run_is_short() -> None:
    text = markdown(succeeded_run().report())
    assert text.startswith("## ✓ nightly-sales succeeded after 14s\n")
    assert "Next" not in text
    assert "###" not in text


OWN = {
    "heading",
    "inline",
    "text",
    "paragraph",
    "strong",
    "bullet_list",
    "list_item",
    "fence",
    "html_block",
    "softbreak",
}
OWN |= {"table", "thead", "tbody", "tr", "th", "td", "text_special"}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_49_foreign_texts_are_texts(make: Callable[[], Run]) -> None:
    report = poisoned(make().report())
    text = markdown(report)
    assert kinds(text) <= OWN
    assert "".join(one.content for one in tokens(text) if one.type == "html_block").split() == [
        *("<details><summary>About", "this", "run</summary>", "</details>")
    ]
    assert all(is_harmless(line) for line in text.splitlines())
    shown = READER.render(text)
    jobs, facts = (table.split("<tr>")[2:] for table in shown.split("<table>")[1:])
    assert [row.count("<td") for row in jobs] == [7] * len(report["jobs"])
    assert {row.count("<td") for row in facts} == {2}
    assert "&lt;img onerror=alert(1)&gt;" in shown
    assert "<img" not in shown


NAMES = [
    pytest.param("a|b", "a\\|b", id="a column"),
    pytest.param("a_b_c *d* `e`", "a\\_b\\_c \\*d\\* \\`e\\`", id="emphasis and code"),
    pytest.param("<b>&amp;", "&#60;b&#62;&#38;amp;", id="tags and entities"),
    pytest.param("[a](http://b)", "\\[a\\]\\(http&#58;//b\\)", id="a link"),
    pytest.param("see www.a.b", "see www&#46;a.b", id="an automatic link"),
    pytest.param("@team $x$", "&#64;team &#36;x&#36;", id="a mention and a formula"),
    pytest.param("- a", "\\- a", id="a list"),
    pytest.param("12. a", "12\\. a", id="a numbered list"),
    pytest.param("    a", "a", id="code by indentation"),
    pytest.param("--- =", "\\--- =", id="a rule"),
    pytest.param("a\nb", "a\\\\nb", id="a line break"),
    pytest.param("größer 日本語 2.5 (x)", "größer 日本語 2.5 \\(x\\)", id="ordinary text"),
]


@pytest.mark.parametrize(("text", "shown"), NAMES)
def test_markup_of_others_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(st.text(max_size=30) | st.text("-=#*_`[]()<>!|&\\~1. ab:/w@$\n", max_size=30))
def test_49_an_escaped_text_is_one_paragraph_of_text(text: str) -> None:
    assert kinds(escaped(text)) <= {"paragraph", "inline", "text", "text_special"}
    assert kinds(f"- {escaped(text)}") <= {"bullet_list", "list_item", "paragraph", "inline", "text", "text_special"}
    row = READER.render(f"|a|b|\n|---|---|\n|{escaped(text)}|c|")
    assert row.count("<td>") == 2


def test_a_command_with_a_fence_in_it_stays_in_its_fence() -> None:
    report = interrupted_run().report() | {"next": "spectrum-pipelines adopt x '```\n````' 1"}
    (fence,) = [one for one in tokens(markdown(report)) if one.type == "fence"]
    assert fence.content == "spectrum-pipelines adopt x '```\\n````' 1\n"


def many_jobs(number: int) -> dict[str, Any]:
    run = begun(pipeline(*(job(f"j{at}") for at in range(number))))
    for at, name in enumerate(run.state.jobs):
        status = JobStatus.FAILED if at % 200 == 7 else JobStatus.WARNED if at == 3 else JobStatus.SUCCEEDED
        reason = "because " * 80 if status is JobStatus.FAILED else None
        run.add(ev.AttemptStarted(job=name, attempt=1), *ended(name, status, reason))
    return run.add(run_ended(RunStatus.FAILED, 1)).report()


def test_of_thousands_of_jobs_those_that_went_wrong_come_first() -> None:
    text = markdown(many_jobs(4_000))
    rows = [line for line in text.splitlines() if re.match(r"\| [✗!✓] ", line)]
    assert len(rows) == 500
    assert [row[2] for row in rows[:22]] == ["✗"] * 20 + ["!", "✓"]
    assert "\n... and 3,500 more: 3,500 succeeded\n" in text
    assert "\n... and 10 more jobs\n" in text


def test_of_a_few_jobs_all_stand_in_their_order() -> None:
    text = markdown(many_jobs(500))
    assert "more:" not in text
    assert [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| ✓")][:3] == [
        "j0",
        "j1",
        "j2",
    ]


@pytest.fixture(scope="module")
def thousand() -> tuple[dict[str, Any], dict[str, Any]]:
    report = many_jobs(1_000)
    return report, poisoned(report)


@pytest.mark.parametrize("limit", [LIMIT, 100_000, 20_000, 5_000, 1_000, 100, 0])
def test_it_keeps_to_its_limit(limit: int, thousand: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for one in thousand:
        text = markdown(one, limit=limit)
        assert len(text.encode()) <= limit
        assert "exit code 1" in text or limit < 2_000


def test_the_largest_texts_do_not_break_the_limit() -> None:
    report = many_jobs(500)
    for one in report["jobs"]:
        one |= {"id": f"{HOSTILE * 100}{one['id']}", "reason": "|<" * 5_000, "target": "\U0001d518" * 5_000}
    report |= {"reason": "x" * 100_000, "variables": {f"v{at}": "&" * 10_000 for at in range(500)}}
    text = markdown(report)
    assert len(text.encode()) <= LIMIT
    assert "| ... | " in text or "more:" in text


def test_the_facts_spell_values_as_the_file_does_and_count_the_rounds() -> None:
    text = markdown(
        {**succeeded_run().report(), "variables": {"publish": True, "least": 15, "region": "emea"}, "rounds": 2}
    )
    for row in (
        "| Variable publish | true |",
        "| Variable least | 15 |",
        "| Variable region | emea |",
        "| Retried | 2 times |",
    ):
        assert row in text
