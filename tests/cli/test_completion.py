"""Completion: the real script in a real bash, and the protocol of each shell with the real program."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, PROGRAM, call, login_page, plain_environment, stranger

PIPELINE = """
version: 1
name: p
jobs:
  sales: {trigger: 1}
  salaries: {trigger: 2}
  orders: {trigger: 3}
finally:
  sweep: {trigger: 4}
"""
#: Defines what `complete -F` would call, types a line, and prints what bash would offer.
SCRIPT = """
source <(_SPECTRUM_PIPELINES_COMPLETE=bash_source spectrum-pipelines) || exit 9
read -ra COMP_WORDS <<< "$LINE"
[ "${LINE: -1}" = " " ] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_spectrum_pipelines_completion spectrum-pipelines "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(line: str, folder: Path) -> list[str]:
    env = plain_environment(LINE=line)
    env["PATH"] = f"{Path(PROGRAM).parent}:{env['PATH']}"
    # `compopt` works only while a key is pressed; all else is as in a shell that somebody types in.
    shown = subprocess.run(
        ["bash", "--norc", "-c", f"compopt() {{ :; }}\n{SCRIPT}"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert not shown.stderr
    return shown.stdout.split()


ROWS = [
    pytest.param("spectrum-pipelines va", ["validate"], id="a command"),
    pytest.param("spectrum-pipelines job st", ["status", "stop"], id="a command within a command"),
    pytest.param("spectrum-pipelines plan --format m", ["mermaid"], id="a value"),
    pytest.param("spectrum-pipelines plan --onl", ["--only", "--online"], id="an option"),
    pytest.param("spectrum-pipelines run p.yaml --only sal", ["sales", "salaries"], id="a job"),
    pytest.param("spectrum-pipelines run p.yaml --only orders,+sw", ["orders,+sweep"], id="the last of several, one of finally"),
    pytest.param("spectrum-pipelines run bad.yaml --only sal", [], id="a file that cannot be read offers nothing"),
    pytest.param("spectrum-pipelines run gone.yaml --only sal", [], id="nor does one that is not there"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ROWS)
def test_bash(line: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text("{", encoding="utf-8")
    assert sorted(offered(line, tmp_path)) == sorted(expected)


FILE = """
version: 1
name: p
include: [base/base.yaml]
variables:
  region: {enum: [emea, apac, "a;b"]}
  publish: {type: boolean, default: true}
  regions: {type: list, default: [x]}
  token: {secret: true, enum: [hush-1, hush-2]}
  "$(touch pwned)": x
environments:
  prod: {}
  preview: {}
  "x y": {}
jobs:
  sales: {trigger: 1}
  "$(touch pwned)": {trigger: 2}
"""
RUN = """
version: 1
name: q
variables: {day: {type: date, default: today}}
jobs:
  first: {trigger: 1}
  second: {needs: [first], trigger: 1}
"""
BASE = """
variables: {release: "1"}
environments: {test: {}}
jobs: {salt: {trigger: 5}}
"""
#: What the environment of a shell may hold.
NEAR = {"SPECTRUM_USERNAME": "analyst", "SPECTRUM_PASSWORD": "pw-never-shown", "SPECTRUM_STATE_PASSWORD": "pw-nor-this"}

#: What each shell hands over for a line: bash the words, `=` among them, zsh the words, fish the line and the last word.
SHELLS = ["bash", "zsh", "fish"]


def asked(line: str, folder: Path, shell: str, **more: str) -> list[str]:
    """What the program offers for a line, by the protocol of its shell: whatever it is, it says nothing on stderr."""
    words = line.split(" ")
    index = len(words) - 1
    if shell == "bash":
        words = [one for word in words for one in re.split("(=)", word) if one or word == ""]
        index = len(words) - 1
    env = dict(
        _SPECTRUM_PIPELINES_COMPLETE=f"{shell}_complete",
        COMP_WORDS=("\n" if shell == "bash" else " ").join(words),
        COMP_CWORD=words[-1] if shell == "fish" else str(index),
        **{**NEAR, **more},
    )
    shown = call(cwd=folder, env=env)
    assert (shown.code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines() if shown.stdout.strip() else []
    if shell == "zsh":
        kinds, values = lines[::3], lines[1::3]
        return [value if kind == "plain" else f"<{kind}>" for kind, value in zip(kinds, values, strict=True)]
    return [
        value if kind == "plain" else f"<{kind}>"
        for kind, _, value in (one.partition("\t")[0].partition(",") for one in lines)
    ]


@pytest.fixture(autouse=True, scope="module")
def unasked() -> Iterator[None]:
    """A server that must not be asked."""
    with pytest.MonkeyPatch.context() as patch, stranger(login_page) as server:
        patch.setitem(NEAR, "SPECTRUM_URL", server.url)
        yield
        assert server.seen == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pipeline files, and a store with a run of which one job is `unknown`."""
    place = tmp_path_factory.mktemp("completion")
    (place / "p.yaml").write_text(FILE, encoding="utf-8")
    (place / "base").mkdir()
    (place / "base" / "base.yaml").write_text(BASE, encoding="utf-8")
    (place / "bad.yaml").write_text("{", encoding="utf-8")
    (place / "list.yaml").write_text("[1]", encoding="utf-8")
    (place / "large.yaml").write_text(FILE + "#" * 1_000_000, encoding="utf-8")
    (place / "w.yaml").write_text(
        "version: 1\nusers: [{name: analyst, password: analyst}]\nfiles: [{id: 1, path: /a.wbk, simulate: {duration: 10ms}}]\n",
        encoding="utf-8",
    )
    (place / "q.yaml").write_text(RUN, encoding="utf-8")
    assert call("run", "q.yaml", "--local", "w.yaml", "--run-key", "night-1", cwd=place, env=LOGIN).code == 0
    (report,) = place.glob(".spectrum-pipelines/runs/*/report.json")
    found = json.loads(report.read_text(encoding="utf-8"))
    found["jobs"][1]["status"] = "unknown"
    report.write_text(json.dumps(found), encoding="utf-8")
    return place


@pytest.fixture
def run_id(made: Path) -> str:
    (run,) = (made / ".spectrum-pipelines" / "runs").iterdir()
    return run.name


LINES = [
    pytest.param("run p.yaml -e pr", ["prod", "preview"], id="environments of the file"),
    pytest.param("run p.yaml -e ", ["test", "prod", "preview"], id="those of a fragment, too"),
    pytest.param("plan p.yaml --environment te", ["test"], id="of another command"),
    pytest.param("run p.yaml --var re", ["release=", "region=", "regions="], id="variables"),
    pytest.param("run -e prod p.yaml --var tok", ["token="], id="the name of a secret"),
    pytest.param("run p.yaml --var token=", [], id="never its values"),
    pytest.param("run p.yaml --var publish=t", ["publish=true"], id="a boolean"),
    pytest.param("run p.yaml --var region=", ["region=emea", "region=apac"], id="what is allowed, in plain words"),
    pytest.param("run p.yaml --var release=", [], id="no default is offered"),
    pytest.param("run p.yaml --var $", [], id="a name that a shell would run is not offered"),
    pytest.param("run p.yaml --only sal", ["salt", "sales"], id="jobs"),
    pytest.param("run p.yaml --only $", [], id="no job that a shell would run"),
    pytest.param("run p.yaml --vars-file p", ["<file>"], id="a file is left to the shell"),
    pytest.param("run p.yaml --ca-bundle ", ["<file>"], id="a certificate, too"),
    pytest.param("run p.yaml --state ", ["<dir>"], id="a folder"),
    pytest.param("run p.yaml --run-key ni", ["night-1"], id="a run key"),
    pytest.param("run bad.yaml -e ", [], id="a file that cannot be read"),
    pytest.param("run list.yaml --var ", [], id="a file that is no mapping"),
    pytest.param("run large.yaml --var ", [], id="a file that takes too long"),
    pytest.param("run gone.yaml --var ", [], id="a file that is not there"),
    pytest.param("run . --var ", [], id="a folder is no file"),
    pytest.param("report gone", ["<file>"], id="a report may be a file"),
    pytest.param("resume RUN --var d", ["day="], id="variables of a run"),
    pytest.param("retry RUN p.yaml --var re", ["release=", "region=", "regions="], id="those of the file that it takes"),
    pytest.param("adopt RUN ", ["second"], id="the job that is unknown"),
    pytest.param("adopt 20200101T000000Z-0000 ", [], id="of no run"),
    pytest.param("resume RUN p", ["<file>"], id="the file of a run"),
    pytest.param("run p.yaml --retry-f", ["--retry-failed"], id="an option"),
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_each_shell_is_offered_the_same(made: Path, run_id: str, shell: str, line: str, expected: list[str]) -> None:
    offered = asked(f"spectrum-pipelines {line}".replace("RUN", run_id), made, shell)
    behind = expected
    if shell == "bash" and "=" in line.rpartition(" ")[2]:
        behind = [one.partition("=")[2] for one in expected]  # bash replaces what stands behind the `=`
    assert sorted(offered) == sorted(behind)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", ["resume", "retry", "report", "adopt"])
def test_ids_of_runs(made: Path, run_id: str, shell: str, command: str) -> None:
    assert asked(f"spectrum-pipelines {command} 20", made, shell) == [run_id]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "state", ["postgresql://x@127.0.0.1:1/x", "gone", "p.yaml"], ids=["a database", "nowhere", "a file"]
)
def test_no_database_is_asked_and_no_folder_made(made: Path, shell: str, state: str) -> None:
    before = sorted(made.iterdir())
    assert asked("spectrum-pipelines resume 20", made, shell, SPECTRUM_STATE=state) == []
    assert sorted(made.iterdir()) == before


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "line", ["run 'p.yaml --var ", "run p.yaml --var x=y=", "run = = =", "nonsense ", "-", "run p.yaml -- --var "]
)
def test_a_line_of_any_shape_is_no_error(made: Path, shell: str, line: str) -> None:
    asked(f"spectrum-pipelines {line}", made, shell)


def test_a_file_out_of_the_checkout_tells_nothing(made: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "p.yaml").symlink_to(made / "p.yaml")
    assert asked("spectrum-pipelines run p.yaml --var ", tmp_path, "zsh") == []


@pytest.mark.parametrize("command", ["run", "plan", "validate"])
def test_a_pipeline_file_is_left_to_the_shell(command: str, tmp_path: Path) -> None:
    env = plain_environment(
        _SPECTRUM_PIPELINES_COMPLETE="bash_complete", COMP_WORDS=f"spectrum-pipelines {command} p", COMP_CWORD="2"
    )
    shown = subprocess.run([PROGRAM], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=20, check=True)
    assert shown.stdout.strip() == "file,p"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    if shell == "bash" and sys.platform == "darwin":
        pytest.skip("bash 3.2 has no completion of this kind")
    env = plain_environment(_SPECTRUM_PIPELINES_COMPLETE=f"{shell}_source")
    shown = subprocess.run([PROGRAM], env=env, capture_output=True, text=True, timeout=20, check=True)
    assert "spectrum-pipelines" in shown.stdout
