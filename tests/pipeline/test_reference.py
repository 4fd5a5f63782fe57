import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.pipeline.fill.reference import (
    EnvironmentReference,
    MatrixReference,
    Misread,
    Reference,
    RunIdReference,
    VariableReference,
    read_phrase,
    read_references,
)
from spectrum_pipelines.pipeline.model.action import JobId, JobOutput


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("plain", ("plain",), id="no reference"),
        pytest.param("", (), id="empty"),
        pytest.param("${var.a_1}", (VariableReference("a_1"),), id="variable"),
        pytest.param("${env.HOME}", (EnvironmentReference("HOME"),), id="environment"),
        pytest.param("${run.id}", (RunIdReference(),), id="run"),
        pytest.param(
            "x ${jobs.a[${matrix.b},${matrix.c}].execution_id}",
            ("x ", JobOutput(job=JobId("a[${matrix.b},${matrix.c}]"))),
            id="output of a combination of one's own",
        ),
        pytest.param("${matrix.k}", (MatrixReference("k"),), id="matrix"),
        pytest.param("${jobs.a-b.execution_id}", (JobOutput(job=JobId("a-b")),), id="output"),
        pytest.param(
            "${jobs.a[x y,1].execution_id}", (JobOutput(job=JobId("a[x y,1]")),), id="output of a combination"
        ),
        pytest.param("${ var.a }", (VariableReference("a"),), id="spaces within"),
        pytest.param("/x ${var.a}/${var.b}", ("/x ", VariableReference("a"), "/", VariableReference("b")), id="mixed"),
        pytest.param("$${var.a}", ("${var.a}",), id="escaped"),
        pytest.param("a $${b} ${var.c}", ("a ${b} ", VariableReference("c")), id="escaped and not"),
        pytest.param("$$${var.a}", ("$${var.a}",), id="the escape is read from the left"),
        pytest.param("$ {var.a} $a {}", ("$ {var.a} $a {}",), id="only `${` begins a reference"),
    ],
)
def test_read(text: str, parts: tuple[str | Reference, ...]) -> None:
    assert read_phrase(text) == parts


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        pytest.param("${vars.a}", "did you mean `${var.a}`?", id="misspelt"),
        pytest.param("${HOME}", "`${env.HOME}`", id="shell habit"),
        pytest.param("${{ var.a }}", "one pair of braces is enough: `${var.a}`", id="habit from GitHub Actions"),
        pytest.param("${jobs.a.status}", "`${jobs.a.execution_id}`", id="another fact of a job"),
        pytest.param("${jobs.a}", "`${jobs.a.execution_id}`", id="a job alone"),
        pytest.param("${run.key}", "`${run.id}`", id="another fact of the run"),
        pytest.param("${var.a", "close it", id="open"),
        pytest.param(
            "${jobs.a[${matrix.b}.execution_id}",
            "close the bracket: `${jobs.a[${matrix.b}].execution_id}`",
            id="open bracket",
        ),
        pytest.param("${a ${var.b} c}", "there are", id="one within another"),
        pytest.param("${var.a-b}", "there are", id="no such name"),
        pytest.param("${var.größe}", "there are", id="ASCII only"),
    ],
)
def test_misread(text: str, hint: str) -> None:
    found = [part for part in read_phrase(text) if isinstance(part, Misread)]
    assert found
    assert hint in found[0].hint


def test_where_references_are_written() -> None:
    assert [written for written, _ in read_references("a $${x} ${ var.b }${run.id}")] == ["${ var.b }", "${run.id}"]


@pytest.mark.parametrize("text", ["${", "${aaa", "${b}", "${{a}}", "${a${b}"])
def test_fault_41_a_scalar_of_nothing_but_misreadings_is_told_in_part(text: str) -> None:
    """Each would otherwise bring the rest of the scalar along, or a search for what was meant."""
    found = list(read_references(text * 100_000))
    assert len(found) == 1_000
    assert max(len(written) for written, _ in found) <= 200


@given(st.text(alphabet="${}varen.ij[]obs", max_size=30))
def test_any_text_can_be_read(text: str) -> None:
    parts = read_phrase(text)
    assert all(not isinstance(it, str) or it for it in parts), "no empty texts"
    if "${" not in text:
        assert "".join(map(str, parts)) == text


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    assert "".join(map(str, read_phrase(text.replace("${", "$${")))) == text
