"""Refused first: a bad file ends with 2, its line is named, and no request is sent."""

import pytest

from tests.faults.project import Project
from tests.faults.spectrum_server import SpectrumServer

HEAD = "version: 1\nname: n\njobs:\n"
JOB = "  a: {trigger: 48}\n"

BAD: dict[str, tuple[str | bytes, str]] = {
    "fault_35_nested_brackets": (HEAD + "  a: " + "[" * 25_000, "night.yaml:4:"),
    "fault_35_nested_mappings": (HEAD + "  a: " + "{a: " * 25_000, "night.yaml:4:"),
    "fault_36_alias_bomb": (
        "a: &a [x, x]\n"
        + "".join(f"{c}: &{c} [*{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)),
        "night.yaml:",
    ),
    "fault_36_recursive_alias": (HEAD + "  a: &a {trigger: 48, needs: *a}\n", "night.yaml:4:"),
    "fault_37_duplicate_key": (HEAD + JOB + "name: m\n", "night.yaml:5:1"),
    "fault_37_duplicate_job": (HEAD + JOB + JOB, "night.yaml:5:3"),
    "fault_38_a_word_for_a_truth": (HEAD + "  a: {trigger: 48, allow_failure: yes}\n", "night.yaml:4:"),
    "fault_38_a_bare_duration": (HEAD + "  a: {trigger: 48, timeout: 1:30}\n", "night.yaml:4:"),
    "fault_38_nan": (HEAD + "  a: {trigger: 48, retry: {factor: .nan}}\n", "night.yaml:4:"),
    "fault_38_a_key_that_is_no_text": (HEAD + "  7: {trigger: 48}\n", "night.yaml:4:"),
    "fault_39_a_number_of_5000_digits": (HEAD + f"  a: {{trigger: {'9' * 5000}}}\n", "night.yaml:4:"),
    "fault_39_a_python_tag": (HEAD + "  a: !!python/object/apply:os.system [id]\n", "night.yaml:4:"),
    "fault_39_binary": (HEAD + "  a: {trigger: !!binary aGk=}\n", "night.yaml:4:"),
    "fault_39_nul": (HEAD + "  a: {trigger: 4\0008}\n", "night.yaml"),
    "fault_39_latin_1": ((HEAD + "  ä: {trigger: 48}\n").encode("latin-1"), "night.yaml"),
    "fault_39_utf_16": ((HEAD + JOB).encode("utf-16"), "night.yaml"),
    "fault_39_tab": (HEAD + "\ta: {trigger: 48}\n", "night.yaml:4:"),
    "fault_39_empty": ("", "night.yaml"),
    "fault_39_two_documents": (HEAD + JOB + "---\n" + HEAD + JOB, "night.yaml:"),
    "fault_40_cycle": (HEAD + "  a: {trigger: 48, needs: [b]}\n  b: {trigger: 48, needs: [a]}\n", "a -> b -> a"),
    "fault_40_self": (HEAD + "  a: {trigger: 48, needs: [a]}\n", "night.yaml:4:"),
    "fault_40_unknown_need": (HEAD + "  alpha: {trigger: 48}\n  b: {trigger: 48, needs: [alpa]}\n", "alpha"),
    "fault_42_300_faults": (HEAD + "".join(f"  a{n}: {{triger: 48}}\n" for n in range(300)), "300"),
    "fault_43_a_remote_reference": ("$ref: http://127.0.0.1:1/x\n" + HEAD + JOB, "night.yaml:1:1"),
}


@pytest.mark.parametrize(("content", "told"), BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_at_its_line_before_any_request(
    project: Project, server: SpectrumServer, content: str | bytes, told: str
) -> None:
    project.file.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = project.run("--report", "out.json")
    assert outcome.code == 2, outcome.stderr
    assert told in outcome.stderr, outcome.stderr
    assert len(outcome.stderr) < 40_000
    assert outcome.seconds < 5
    assert server.seen == []
    assert outcome.run_id is None


def test_fault_39_a_bom_is_nothing(project: Project, server: SpectrumServer) -> None:
    project.file.write_bytes(b"\xef\xbb\xbf" + (HEAD + JOB).encode())
    assert project.run().code == 0
    assert server.started() == {48: 1}


def test_fault_41_a_chain_of_many_jobs_ends_in_seconds(project: Project, server: SpectrumServer) -> None:
    """That a chain of 10,000 is read and decided on in seconds is held elsewhere; here each job costs real requests."""
    server.files[48].timelines = [((0.0, "COMPLETED"),)]
    project.jobs(**{f"j{n}": {"trigger": 48, "needs": [f"j{n - 1}"] if n else []} for n in range(40)})
    outcome = project.run("--progress", "none")
    assert outcome.code == 0, outcome.stderr
    assert server.started() == {48: 40}
