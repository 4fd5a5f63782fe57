"""Fragments merged under a file."""

from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from spectrum_pipelines.document.parse import Document, parse
from spectrum_pipelines.document.source import MAX_BYTES, MAX_VALUES, Source
from spectrum_pipelines.errors import UnreadableFile
from spectrum_pipelines.pipeline.build import Given, build, digest
from spectrum_pipelines.pipeline.check import check
from spectrum_pipelines.pipeline.form.overlay import layered
from spectrum_pipelines.pipeline.include import (
    DEEPEST,
    MOST_FRAGMENTS,
    Fragment,
    Read,
    fragment_of,
    parse_with_fragments,
)
from spectrum_pipelines.plan.data import plan_data
from spectrum_pipelines.plan.facts import PlanFacts
from spectrum_pipelines.plan.waves import plan
from spectrum_pipelines.store.texts import Texts

HEAD = "version: 1\nname: test\n"


def reader(files: Mapping[str, str], asked: list[str] | None = None) -> Read:
    def read(key: str) -> Fragment:
        if asked is not None:
            asked.append(key)
        if key not in files:
            raise UnreadableFile(f"{key} does not exist")
        return fragment_of(Source(name=key, text=files[key]))

    return read


def composed(text: str, files: Mapping[str, str]) -> tuple[Document, list[str]]:
    document, found = parse_with_fragments(Source(name="a/pipeline.yaml", text=HEAD + text), reader(files))
    assert document is not None
    return document, [it.message for it in found]


def test_later_wins_and_the_file_itself_over_all() -> None:
    document, found = composed(
        "include: [../b/one.yaml, two.yaml]\ndefaults: {retry: {limit: 3}}\njobs: {x: {trigger: 1}}",
        {
            "../b/one.yaml": "include: [zero.yaml]\ndefaults: {timeout: 1h, warnings: fail}\npoll: {min: 1s}",
            "../b/zero.yaml": "defaults: {timeout: 1m, queue_timeout: 1s}\nfail_fast: false",
            "two.yaml": "defaults: {timeout: 2h, retry: {limit: 1, interval: 5s}}\njobs: {y: {trigger: 2}}",
        },
    )
    assert found == []
    assert document.data["defaults"] == {
        "queue_timeout": "1s",
        "timeout": "2h",
        "warnings": "fail",
        "retry": {"limit": 3, "interval": "5s"},
    }
    assert (document.data["fail_fast"], document.data["poll"], list(document.data["jobs"])) == (
        *(False, {"min": "1s"}),
        ["y", "x"],
    )
    assert list(document.fragments) == ["../b/one.yaml", "../b/zero.yaml", "two.yaml"]
    assert check(document) == ()
    pipeline, diagnostics = build(document, given=Given(), run_id="r")
    assert pipeline is not None, diagnostics
    data = plan_data(PlanFacts(pipeline, plan(pipeline), document))
    assert data["pipeline"]["fragments"] == ["../b/zero.yaml", "../b/one.yaml", "two.yaml"]
    first, second = data["jobs"]
    assert (first["file"], first["line"], "file" in second) == ("two.yaml", 2, False)
    origin = first["policy"]["warnings"]
    assert (origin["from"], origin["line"], origin["file"]) == ("defaults", 2, "../b/one.yaml")
    assert "file" not in first["policy"]["retry.limit"]


def test_a_file_that_two_others_include_is_read_and_merged_once() -> None:
    asked: list[str] = []
    files = {
        "l.yaml": "include: [base.yaml]",
        "r.yaml": "include: [./base.yaml]",
        "base.yaml": "jobs: {a: {trigger: 1}}",
    }
    text = HEAD + "include: [l.yaml, r.yaml]"
    document, found = parse_with_fragments(Source(name="p.yaml", text=text), reader(files, asked))
    assert document is not None
    assert (found, asked, check(document)) == ((), ["l.yaml", "base.yaml", "r.yaml"], ())


def test_too_many_and_too_deep() -> None:
    many = {f"f{it}.yaml": "fail_fast: true" for it in range(MOST_FRAGMENTS + 2)}
    _, found = composed(f"include: [{', '.join(many)}]", many)
    assert found == [f"a pipeline cannot include more than {MOST_FRAGMENTS} files"] * 2
    deep = {f"f{it}.yaml": f"include: [f{it + 1}.yaml]" for it in range(DEEPEST + 5)}
    _, found = composed("include: [f0.yaml]", deep)
    assert found == [f"a pipeline cannot include files more than {DEEPEST} deep"]


def test_a_pipeline_with_its_fragments_is_as_large_as_one_file_may_be() -> None:
    asked: list[str] = []
    values = {f"f{it}.yaml": f"x-{it}: [{'1,' * (MAX_VALUES // 4)}]" for it in range(6)}
    text = f"{HEAD}include: [{', '.join(values)}]"
    _, found = parse_with_fragments(Source(name="p.yaml", text=text), reader(values, asked))
    (fault,) = found
    assert fault.message == f"with f3.yaml the pipeline has more than {MAX_VALUES:,} values"
    assert (fault.span.start.line, asked) == (3, ["f0.yaml", "f1.yaml", "f2.yaml", "f3.yaml"])


def test_bytes_are_counted_with_those_of_the_file_itself() -> None:
    asked: list[str] = []
    texts = {f"f{it}.yaml": f"x-{it}: {chr(0xE4) * (MAX_BYTES // 8)}" for it in range(6)}
    text = f"{HEAD}include: [{', '.join(texts)}]\nx-own: {'a' * (MAX_BYTES // 2)}"
    _, found = parse_with_fragments(Source(name="p.yaml", text=text), reader(texts, asked))
    assert [it.message for it in found] == [f"with f1.yaml the pipeline has more than {MAX_BYTES:,} bytes"]
    assert asked == ["f0.yaml", "f1.yaml"]


def test_a_fragment_that_is_too_large_by_itself_is_the_last_that_is_read() -> None:
    asked: list[str] = []
    values = {f"f{it}.yaml": f"x-{it}: [{'1,' * MAX_VALUES}]" for it in range(3)}
    text = f"{HEAD}include: [{', '.join(values)}]"
    parse_with_fragments(Source(name="p.yaml", text=text), reader(values, asked))
    assert len(asked) == 1


def test_a_missing_fragment_is_a_fault_where_it_is_named() -> None:
    document, found = parse_with_fragments(Source(name="p.yaml", text=f"{HEAD}include: [no.yaml]"), reader({}))
    assert document is not None
    assert [(it.message, it.span.start.line, it.span.start.column) for it in found] == [
        ("no.yaml does not exist", 3, 11)
    ]


def test_the_digest_is_that_of_all_texts() -> None:
    document, _ = composed("include: [one.yaml]", {"one.yaml": "fail_fast: true"})
    texts = Texts(pipeline=document.source.text, fragments=document.fragments)
    assert texts.digest == digest(document.source.text, document.fragments)
    assert texts.digest != digest(document.source.text)
    assert texts.digest != Texts(pipeline=document.source.text, fragments={"one.yaml": "fail_fast: false"}).digest
    assert Texts(pipeline="x").digest == digest("x")


def test_a_fragment_may_declare_what_the_file_gives_a_value_to() -> None:
    fragment = "variables: {n: {type: integer, secret: true, required: true}, r: {enum: [a, b], default: a}}"
    document, found = composed(
        "include: [f.yaml]\nvariables: {n: '${env.N}', r: b}\njobs: {x: {trigger: '${var.n}'}}", {"f.yaml": fragment}
    )
    assert found == []
    pipeline, _ = build(document, given=Given(process_environment={"N": "7"}), run_id="r")
    assert pipeline is not None
    assert (pipeline.variables["n"].value, pipeline.variables["n"].secret, pipeline.variables["r"].value) == (
        7,
        True,
        "b",
    )


keys = st.sampled_from("abc")
values: st.SearchStrategy[Any] = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda it: st.dictionaries(keys, it, max_size=3),
    max_leaves=6,
)
trees = st.dictionaries(keys, values, max_size=3)


@given(trees, trees, trees)
def test_merging_is_associative(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    assert layered(layered(one, two), three) == layered(one, layered(two, three)) or _clash(one, two, three)


def _clash(one: Any, two: Any, three: Any) -> bool:
    """A value between two mappings cuts what the first of them says off: only from left to right."""
    if not all(isinstance(it, dict) for it in (one, three)):
        return False
    if not isinstance(two, dict):
        return True
    return any(_clash(one[key], two[key], three[key]) for key in one.keys() & two.keys() & three.keys())


@given(trees, trees)
def test_what_the_file_says_itself_holds_and_nothing_is_lost(one: dict[str, Any], two: dict[str, Any]) -> None:
    merged = layered(one, two)
    assert layered(merged, two) == merged
    assert merged.keys() == one.keys() | two.keys()
    for key in one.keys() - two.keys():
        assert merged[key] == one[key]


@given(st.lists(trees, min_size=1, max_size=4), trees)
def test_every_value_is_traced_to_a_file_that_says_it(fragments: list[dict[str, Any]], own: dict[str, Any]) -> None:
    files = {f"f{number}.yaml": yaml.safe_dump({"x-all": tree}) for number, tree in enumerate(fragments)}
    text = HEAD + f"include: [{', '.join(files)}]\n" + yaml.safe_dump({"x-all": own})
    document, _ = parse_with_fragments(Source(name="p.yaml", text=text), reader(files))
    assert document is not None
    for path, value in _leaves(document.data.get("x-all", {}), ("x-all",)):
        part = document.part_at(path)
        found: Any = part.data
        for key in path:
            found = found[key]
        assert found == value
        span = document.value_span(path)
        alone, _ = parse(part.source)
        assert alone is not None
        assert span == alone.value_span(path)


def _leaves(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, it in value.items() for leaf in _leaves(it, (*path, key))]
    return [(path, value)]


@given(
    st.dictionaries(
        st.sampled_from(["f0", "f1", "f2", "f3"]),
        st.lists(st.sampled_from(["f0", "f1", "f2", "f3", "p", "no"]), max_size=3),
    )
)
def test_any_tangle_of_files_is_read_to_its_end(graph: dict[str, list[str]]) -> None:
    files = {
        f"{name}.yaml": yaml.safe_dump({"include": [f"{it}.yaml" for it in listed]}) for name, listed in graph.items()
    }
    asked: list[str] = []
    document, _ = parse_with_fragments(Source(name="p.yaml", text=f"{HEAD}include: [f0.yaml]"), reader(files, asked))
    assert document is not None
    assert len([it for it in asked if it in files]) == len({it for it in asked if it in files})
