"""Enough of GitHub's runner to run a composite action: expressions, steps, outputs, the PATH, the cache, a cancelled job.

An expression may name only what the action declares or what an earlier step can have set: a slip of the pen is an error here, and
an empty text on GitHub.
"""

import io
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.ci.shells import Moment, Shown, step

_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|\|\||&&|==|!=|[!()]|[A-Za-z_][\w.-]*)")
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expression:
    """One `${{ }}`: its value under a context, and the functions that it calls."""

    text: str
    look_up: Callable[[str], str]
    functions: Mapping[str, bool]

    def value(self) -> str | bool:
        tokens = _TOKEN.findall(self.text)
        assert "".join(tokens) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", self.text), f"cannot read {self.text!r}"
        value = self._either(tokens)
        assert not tokens, f"{self.text!r}: {tokens} is left over"
        return value

    def _either(self, tokens: list[str]) -> str | bool:
        value = self._both(tokens)
        while tokens[:1] == ["||"]:
            tokens.pop(0)
            other = self._both(tokens)
            value = value or other
        return value

    def _both(self, tokens: list[str]) -> str | bool:
        value = self._compared(tokens)
        while tokens[:1] == ["&&"]:
            tokens.pop(0)
            other = self._compared(tokens)
            value = value and other
        return value

    def _compared(self, tokens: list[str]) -> str | bool:
        value = self._single(tokens)
        if tokens[:1] in (["=="], ["!="]):
            equal = tokens.pop(0) == "=="
            return (value == self._single(tokens)) is equal
        return value

    def _single(self, tokens: list[str]) -> str | bool:
        token = tokens.pop(0)
        if token == "!":
            return not self._single(tokens)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if tokens[:2] == ["(", ")"]:
            del tokens[:2]
            return self.functions[token]
        return self.look_up(token)


@dataclass(slots=True)
class Caches:
    """GitHub's cache of one repository: keys are written once; the newest one with a prefix is restored."""

    saved: dict[str, bytes] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)

    def save(self, key: str, root: Path, path: str) -> None:
        if key in self.saved or not (root / path).exists():
            return
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(root / path, arcname=path)
        self.saved[key] = packed.getvalue()

    def restore(self, keys: list[str], root: Path, path: str) -> None:
        for wanted in keys:
            found = [key for key in self.saved if key.startswith(wanted)]
            if found:
                key = wanted if wanted in found else found[-1]
                self.restored.append(key)
                with tarfile.open(fileobj=io.BytesIO(self.saved[key])) as archive:
                    archive.extractall("/" if path.startswith("/") else root, filter="data")
                return


@dataclass(frozen=True, slots=True)
class Job:
    """Where and as what an action is used. `env` is that of the step, and of the runner."""

    workspace: Path
    env: Mapping[str, str]
    caches: Caches = field(default_factory=Caches)
    run_id: str = "17"
    attempt: int = 1
    name: str = "load"
    index: int = 0
    path: tuple[Path, ...] = ()


@dataclass(slots=True)
class Done:
    """An action's end: its steps by name, its outputs, those of its steps."""

    steps: dict[str, Shown]
    outputs: dict[str, str]
    inside: dict[str, dict[str, str]]
    failed: bool
    used: list[str]


@dataclass(slots=True)
class _Going:
    action: Any
    inputs: dict[str, str]
    job: Job
    temp: Path
    root: Path
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    failed: bool = False
    canceled: bool = False

    def look_up(self, name: str) -> str:
        github = {
            "github.run_id": self.job.run_id,
            "github.run_attempt": str(self.job.attempt),
            "github.job": self.job.name,
            "strategy.job-index": str(self.job.index),
        }
        match name.split("."):
            case ["inputs", key]:
                return self.inputs[key]
            case ["steps", identifier, "outputs", key]:
                declared = [one["id"] for one in self.action["runs"]["steps"] if "id" in one]
                assert identifier in declared, name
                return self.outputs.get(identifier, {}).get(key, "")
        return github[name]

    def value(self, text: str) -> str | bool:
        functions = {
            "always": True,
            "cancelled": self.canceled,
            "failure": self.failed,
            "success": not self.failed and not self.canceled,
        }
        return Expression(text, self.look_up, functions).value()

    def filled(self, text: str) -> str:
        def shown(found: "re.Match[str]") -> str:
            value = self.value(found[1])
            return ("true" if value else "false") if isinstance(value, bool) else value

        return _HOLE.sub(shown, text)

    def wanted(self, condition: str | None) -> bool:
        text = condition or "success()"
        if not re.search(r"\b(always|cancelled|failure|success)\(\)", text):
            text = f"success() && ({text})" if "||" in text else f"success() && {text}"
        return bool(self.value(text))


def use(
    path: Path,
    inputs: Mapping[str, str],
    job: Job,
    temp: Path,
    *,
    skip: tuple[str, ...] = (),
    cancel: Moment | None = None,
) -> Done:
    """Use the action at `path` in a job. `cancel` cancels the job when it is true, in the step with the id `run`."""
    action = yaml.safe_load(path.read_text(encoding="utf-8"))
    declared = action["inputs"]
    assert inputs.keys() <= declared.keys(), "GitHub warns of inputs that an action does not declare"
    given = {name: str(inputs.get(name, one.get("default", ""))) for name, one in declared.items()}
    missing = [name for name, one in declared.items() if one.get("required") and not given[name]]
    assert not missing, missing
    temp.mkdir(parents=True, exist_ok=True)
    going = _Going(action, given, job, temp, path.parent, path=[str(it) for it in job.path])
    steps: dict[str, Shown] = {}
    used: list[str] = []
    for number, one in enumerate(action["runs"]["steps"]):
        if one["name"] in skip or not going.wanted(one.get("if")):
            continue
        if "uses" in one:
            used.append(one["uses"])
            _uses(going, one)
        else:
            shown = _run(going, one, number, cancel if one.get("id") == "run" else None)
            steps[one["name"]] = shown
            going.canceled |= cancel is not None and one.get("id") == "run"
            going.failed |= shown.code != 0
    outputs = {name: going.filled(one["value"]) for name, one in action["outputs"].items()}
    return Done(steps, outputs, going.outputs, going.failed, used)


def _uses(going: _Going, one: Mapping[str, Any]) -> None:
    given = {name: going.filled(str(value)) for name, value in one.get("with", {}).items()}
    caches, workspace = going.job.caches, going.job.workspace
    match one["uses"].partition("@")[0]:
        case "actions/cache/restore":
            caches.restore([given["key"], *given["restore-keys"].splitlines()], workspace, given["path"])
        case "actions/cache/save":
            caches.save(given["key"], workspace, given["path"])
        case "actions/setup-python":
            assert given["update-environment"] == "false", "the job's own Python stays"
            going.outputs[one["id"]] = {"python-path": sys.executable}
        case other:
            raise AssertionError(f"the tests know no {other}")


def _run(going: _Going, one: Mapping[str, Any], number: int, cancel: Moment | None) -> Shown:
    assert one["shell"] == "bash"
    script = going.temp / f"{number}.sh"
    script.write_text(one["run"], encoding="utf-8")
    files = {name: going.temp / f"{number}.{name}" for name in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.touch()
    env = {
        **going.job.env,
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(going.root),
        "GITHUB_WORKSPACE": str(going.job.workspace),
        "GITHUB_RUN_ID": going.job.run_id,
        "GITHUB_JOB": going.job.name,
        "RUNNER_TEMP": str(going.temp),
        **{name: str(file) for name, file in files.items()},
        "PATH": ":".join([*reversed(going.path), going.job.env["PATH"]]),
        # The step's own `env` comes last, and what is empty there is set, and empty.
        **{name: going.filled(str(value)) for name, value in one.get("env", {}).items()},
    }
    bash = shutil.which("bash") or "bash"
    shown = step(
        [bash, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=going.job.workspace, env=env, log=going.temp / f"{number}.log", cancel=cancel,
    )  # fmt: skip
    going.path += files["GITHUB_PATH"].read_text(encoding="utf-8").split()
    if "id" in one:
        going.outputs[one["id"]] = outputs(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
    return shown


def outputs(text: str) -> dict[str, str]:
    """What a file for GITHUB_OUTPUT says: `name=value`, or `name<<end`, lines, `end`."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, value = re.split(r"(<<|=)", line, maxsplit=1)
        if mark == "=":
            found[name] = value
            continue
        inside: list[str] = []
        for other in lines:
            if other == value:
                break
            inside.append(other)
        else:
            raise AssertionError(f"{name} has no end")
        found[name] = "\n".join(inside)
    return found
