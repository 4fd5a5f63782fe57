from collections.abc import Callable

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from spectrum_pipelines.pipeline.build import Given
from spectrum_pipelines.pipeline.model.action import JobId, Scalar, Sequence, Trigger
from spectrum_pipelines.pipeline.model.pipeline import Pipeline
from tests.pipeline.conftest import built, read, tried

ONE = """
variables: {x: %s}
environments: {prod: {variables: {x: from the environment}}}
jobs:
  use: {sequence: [1], variables: {x: "${var.x}"}}
"""
OPTION = {"x": "from --var"}
PROCESS = {"SPECTRUM_VAR_x": "from SPECTRUM_VAR"}
FILE = {"x": "from --vars-file"}


@pytest.mark.parametrize(
    ("given", "value"),
    [
        pytest.param(Given(), "from the file", id="the declaration"),
        pytest.param(Given(environment="prod"), "from the environment", id="environment over declaration"),
        pytest.param(Given(environment="prod", vars_file=FILE), "from --vars-file", id="file over environment"),
        pytest.param(Given(vars_file=FILE, process_environment=PROCESS), "from SPECTRUM_VAR", id="process over file"),
        pytest.param(
            Given(environment="prod", vars_file=FILE, process_environment=PROCESS, command_line=OPTION),
            "from --var",
            id="option over all",
        ),
        pytest.param(Given(vars_file=FILE, command_line=OPTION), "from --var", id="option over file"),
        pytest.param(Given(process_environment={"SPECTRUM_VAR_x": ""}), "", id="set to nothing is set"),
    ],
)
def test_later_wins(given: Given, value: str) -> None:
    assert built(ONE % "from the file", given).variables["x"].value == value


def test_an_environment_gives_a_required_variable_its_value_and_leaves_it_secret() -> None:
    text = (ONE % "{type: string, required: true, secret: true}").replace("from the environment", '"${env.VAULT}"')
    variable = built(text, Given(environment="prod", process_environment={"VAULT": "from there"})).variables["x"]
    assert (variable.value, variable.secret) == ("from there", True)


def test_a_source_that_is_overruled_is_not_judged() -> None:
    given = Given(vars_file={"x": [1, 2]}, command_line={"x": "fine"})
    assert built(ONE % "from the file", given).variables["x"].value == "fine"


@pytest.mark.parametrize(
    ("declaration", "text", "value"),
    [
        pytest.param("{type: integer}", "-7", -7, id="integer"),
        pytest.param("7", "8", 8, id="the default's type counts"),
        pytest.param("{type: number}", "1e3", 1000.0, id="number"),
        pytest.param("{type: number}", "7", 7, id="a whole number stays whole"),
        pytest.param("{type: integer}", "9223372036854775807", 2**63 - 1, id="B9: as large as in a file"),
        pytest.param("{type: integer}", "9" * 30, int("9" * 30), id="larger still, as in a file"),
        pytest.param("{type: integer}", "0x1F", 31, id="hexadecimal, as in a file"),
        pytest.param("{type: boolean}", "false", False, id="boolean"),
        pytest.param("{type: boolean}", "True", True, id="a boolean in any of YAML's spellings"),
        pytest.param("true", "false", False, id="boolean by default"),
        pytest.param("{type: date}", "2024-02-29", "2024-02-29", id="date"),
        pytest.param("{type: string}", "007", "007", id="a text keeps its zeros"),
        pytest.param("{enum: [1, 2], type: integer}", "2", 2, id="enum of numbers"),
    ],
)
def test_texts_are_read_by_type(declaration: str, text: str, value: Scalar) -> None:
    found = built(ONE.replace("environments", "#") % declaration, Given(command_line={"x": text})).variables["x"].value
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        pytest.param("{type: integer}", "7.0", id="no fraction"),
        pytest.param("{type: integer}", "1_000", id="no underscores"),
        pytest.param("{type: integer}", " 7", id="no spaces"),
        pytest.param("{type: integer}", "9" * 5000, id="fault 39: thousands of digits"),
        pytest.param("{type: number}", "nan", id="not a number"),
        pytest.param("{type: number}", "1e999", id="beyond any float"),
        pytest.param("{type: integer}", "0101", id="B9: a leading zero is refused as in a file"),
        pytest.param("{type: number}", "-01.5", id="a leading zero before a point too"),
        pytest.param("{type: boolean}", "1", id="a number is no boolean"),
        pytest.param("{type: date}", "2026-2-3", id="short date"),
        pytest.param("{type: date}", "20260203", id="basic format"),
        pytest.param("{enum: [true], type: boolean}", "false", id="not in the enum"),
        pytest.param('{pattern: "[a-z]+"}', "ab\n", id="a pattern is about the whole text"),
    ],
)
@pytest.mark.parametrize("secret", [False, True])
def test_a_fault_names_its_source_and_no_secret(declaration: str, text: str, secret: bool) -> None:
    text_of = ONE.replace("environments", "#") % declaration.replace("}", f", secret: {str(secret).lower()}}}")
    pipeline, diagnostics = tried(text_of, Given(process_environment={"SPECTRUM_VAR_x": text}))
    assert pipeline is None
    assert [it.code for it in diagnostics] == ["wrong-value"]
    assert "SPECTRUM_VAR_x" in diagnostics[0].message
    assert diagnostics[0].span.start.line == 4
    if secret:
        assert text not in diagnostics[0].message.replace("such as", "")


def variable_of(pipeline: Pipeline) -> object:
    action = pipeline.jobs[next(iter(pipeline.jobs))].action
    assert isinstance(action, Sequence)
    return action.variables["x"]


@hypothesis_given(st.text())
def test_fault_52_a_value_is_one_literal_scalar(text: str) -> None:
    assert variable_of(built(ONE % "plain", Given(command_line={"x": text}))) == text


@hypothesis_given(
    st.one_of(st.integers(-(10**17), 10**17), st.booleans(), st.floats(allow_nan=False, allow_infinity=False))
)
def test_a_single_reference_keeps_its_type(value: Scalar) -> None:
    kind = {bool: "boolean", int: "integer", float: "number"}[type(value)]
    text = ONE.replace("environments", "#") % f"{{type: {kind}}}"
    found = variable_of(built(text, Given(vars_file={"x": value})))
    assert found == value
    assert type(found) is type(value)


def test_a_default_may_refer_to_the_environment_and_is_read_by_type() -> None:
    text = 'variables: {n: {type: integer, default: "${env.N}"}}\njobs: {use: {sequence: ["${var.n}"]}}'
    pipeline = built(text, Given(process_environment={"N": "51"}))
    assert pipeline.variables["n"].value == 51
    assert pipeline.jobs[next(iter(pipeline.jobs))].action == Sequence(file_ids=(51,))


def test_what_the_environment_holds_is_never_quoted() -> None:
    text = 'variables: {n: {type: integer, default: "${env.N}"}}\njobs: {use: {sequence: ["${var.n}"]}}'
    _, diagnostics = tried(text, Given(process_environment={"N": "hunter2"}))
    assert diagnostics
    assert "hunter2" not in str(diagnostics)


TEXT = """
variables: {batch: %s}
jobs:
  load: {matrix: {release: [%s]}, trigger: "/r ${matrix.release} b${var.batch}.imp"}
"""


@pytest.mark.parametrize(
    "written",
    [
        "1.10",
        "1.9",
        "1e5",
        "1E+5",
        "+7",
        "0x1F",
        "0o17",
        ".5",
        "5.",
        "-0",
        "1.0",
        "12345678901234567890123",
        "true",
        "x",
    ],
)
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda it: (it, Given()), id="the file"),
        pytest.param(lambda it: ("1.5", Given(command_line={"batch": it})), id="--var"),
        pytest.param(lambda it: ("1.5", Given(process_environment={"SPECTRUM_VAR_batch": it})), id="SPECTRUM_VAR"),
        pytest.param(
            lambda it: ("1.5", Given(vars_file={"batch": read(f"batch: {it}").data["batch"]})), id="--vars-file"
        ),
        pytest.param(lambda it: ("1.5", Given(recorded={"batch": it})), id="the journal"),
    ],
)
def test_a_number_in_a_text_keeps_the_form_in_which_it_was_written(
    written: str, given: Callable[[str], tuple[str, Given]]
) -> None:
    default, values = given(written)
    if written in {"true", "x"} and default != written:
        default = {"true": "false", "x": "y"}[written]
    pipeline = built(TEXT % (default, written), values)
    (job,) = pipeline.jobs.values()
    assert job.id == f"load[{written}]"
    assert job.action == Trigger(target=f"/r {written} b{written}.imp")
    recorded = pipeline.variables["batch"].recorded
    assert built(TEXT % (default, written), Given(recorded={"batch": recorded})) == pipeline


def test_a_number_that_stands_alone_is_sent_as_a_number() -> None:
    text = 'variables: {b: 1e5}\njobs: {use: {sequence: [1], variables: {x: "${var.b}", y: 1.10, z: "${var.b}!"}}}'
    sent = next(iter(built(text).jobs.values())).action
    assert isinstance(sent, Sequence)
    assert sent.variables == {"x": 100_000.0, "y": 1.1, "z": "1e5!"}
    assert {type(it) for it in sent.variables.values()} == {float, str}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("0101", "must be a whole number such as `7`, without leading zeros", id="leading zero"),
        pytest.param("1" * 101, "must be a whole number such as `7`, of at most 100 digits", id="too long"),
    ],
)
def test_the_limit_is_named(text: str, told: str) -> None:
    _, found = tried("variables: {n: 1}\njobs: {a: {trigger: '${var.n}'}}", Given(command_line={"n": text}))
    assert [told in it.message for it in found] == [True]


def test_b9_a_text_with_a_leading_zero_names_no_file() -> None:
    text = "variables: {job: {type: string}}\njobs: {a: {trigger: '${var.job}'}}"
    pipeline, found = tried(text, Given(command_line={"job": "0101"}))
    assert pipeline is None
    assert "the text `0101` is not a Spectrum job" in found[0].message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("emea,apac", ("emea", "apac"), id="commas"),
        pytest.param(" emea , apac ", ("emea", "apac"), id="spaces around items"),
        pytest.param("emea", ("emea",), id="one item"),
        pytest.param("2025,2026", (2025, 2026), id="numbers"),
        pytest.param("[emea, apac]", ("emea", "apac"), id="a list as in a file"),
        pytest.param('["a, b", "007", true]', ("a, b", "007", True), id="quotes"),
        pytest.param("", (), id="nothing"),
        pytest.param("[]", (), id="an empty list"),
        pytest.param("Überlauf Köln,x", ("Überlauf Köln", "x"), id="an item with spaces"),
    ],
)
def test_lists_are_read_alike_at_every_door(text: str, value: tuple[Scalar, ...]) -> None:
    declaration = "variables: {x: {type: list, default: [file]}}\njobs: {a: {trigger: 1}}"
    in_file = read(f"x: {text if text.startswith('[') else '[' + text + ']'}").data["x"]
    for given in (
        Given(command_line={"x": text}),
        Given(process_environment={"SPECTRUM_VAR_x": text}),
        Given(vars_file={"x": in_file}),
    ):
        found = built(declaration, given).variables["x"]
        assert found.value == value
        assert built(declaration, Given(recorded={"x": found.recorded})).variables["x"] == found


REGIONS = """
variables: {regions: {type: list, default: [emea, apac]}, file: {type: string, default: x}}
environments: {prod: {variables: {regions: [emea, apac, amer]}}}
jobs:
  load: {matrix: {region: "${var.regions}", part: [1.10, b]}, trigger: "/load ${matrix.region} ${matrix.part}.imp"}
  clean: {needs: ["load[${matrix.region},1.10]"], matrix: {region: "${var.regions}"}, trigger: "/clean ${matrix.region}"}
  all: {needs: [clean], trigger: /all}
"""


@pytest.mark.parametrize(
    ("given", "regions"),
    [
        pytest.param(Given(), ["emea", "apac"], id="the default"),
        pytest.param(Given(environment="prod"), ["emea", "apac", "amer"], id="the environment's"),
        pytest.param(Given(environment="prod", command_line={"regions": "x"}), ["x"], id="the command line's"),
    ],
)
def test_a_list_spreads_jobs_out_and_each_needs_its_own(given: Given, regions: list[str]) -> None:
    jobs = built(REGIONS, given).jobs
    assert [name for name in jobs if name.startswith("load")] == [
        f"load[{region},{part}]" for region in regions for part in ("1.10", "b")
    ]
    assert {name: jobs[name].needs for name in jobs if name.startswith("clean")} == {
        f"clean[{region}]": (f"load[{region},1.10]",) for region in regions
    }
    assert jobs[JobId("all")].needs == tuple(f"clean[{region}]" for region in regions)


def test_a_default_list_may_refer_to_the_environment() -> None:
    text = 'variables: {r: ["${env.FIRST}", apac]}\njobs: {a: {matrix: {r: "${var.r}"}, trigger: "/${matrix.r}x"}}'
    jobs = built(text, Given(process_environment={"FIRST": "emea"})).jobs
    assert list(jobs) == ["a[emea]", "a[apac]"]
    whole = 'variables: {r: {type: list, default: "${env.R}"}}\njobs: {a: {matrix: {r: "${var.r}"}, trigger: "/${matrix.r}x"}}'
    assert list(built(whole, Given(process_environment={"R": "x,y"})).jobs) == ["a[x]", "a[y]"]
