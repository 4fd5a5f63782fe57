"""Help and misuse: what a person sees first."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from spectrum_pipelines.cli.main import COMMANDS, cli
from tests.cli.command_line import call


def every_command(
    group: click.Group = cli, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


EVERY = list(every_command())
LEAVES = [(path, command) for path, command in EVERY if not isinstance(command, click.Group)]


@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_help_of_a_command(path: tuple[str, ...], command: click.Command, tmp_path: Path) -> None:
    ended = call(*path, "--help", cwd=tmp_path)
    assert (ended.code, ended.stderr) == (0, "")
    assert f"Usage: spectrum-pipelines {' '.join(path)}" in ended.stdout
    assert call(*path, "-h", cwd=tmp_path) == ended
    assert all(len(line) <= 130 for line in ended.stdout.splitlines())
    assert "\b" not in ended.stdout


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_help_shows_how_a_command_is_typed(path: tuple[str, ...], command: click.Command, tmp_path: Path) -> None:
    shown = call(*path, "--help", cwd=tmp_path).stdout
    assert "Example" in shown
    assert f"spectrum-pipelines {' '.join(path)}" in shown.partition("Example")[2]


@pytest.mark.parametrize("width", [60, 100, 200])
@pytest.mark.parametrize(("path", "command"), EVERY, ids=[" ".join(path) for path, _ in EVERY])
def test_help_fits_the_screen(path: tuple[str, ...], command: click.Command, width: int, tmp_path: Path) -> None:
    lines = call(*path, "--help", cwd=tmp_path, env={"COLUMNS": str(width)}).stdout.splitlines()
    text = lines[lines.index("Options:") :]  # examples stand above, as they are pasted
    assert max(map(len, text)) <= min(width, 100)
    assert not [line for line in text if line.endswith(("-", "[env", "[env var:", "default:"))]


def test_the_help_of_run_shows_its_own_options_first() -> None:
    shown = call("run", "--help", cwd=Path(), env={"COLUMNS": "100"}).stdout
    heads = [line for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Options:", "Server and login:", "Values:", "Report and progress:"]
    assert shown.index("--run-key") < shown.index("--server") < shown.index("--var NAME") < shown.index("--junit")


#: What is said of one run or one execution is no setting of an environment.
_OF_ONE_CALL = {"var", "help", "dry_run", "never", "vouches"}


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_option_has_its_variable_and_its_help(path: tuple[str, ...], command: click.Command) -> None:
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in _OF_ONE_CALL:
            named = f"SPECTRUM_{max(parameter.opts, key=len).lstrip('-').upper().replace('-', '_')}"
            expected = {
                "SPECTRUM_SERVER": "SPECTRUM_URL",
                "SPECTRUM_WAIT": ["SPECTRUM_JOB_WAIT", "SPECTRUM_WAIT"],
                "SPECTRUM_TIMEOUT": ["SPECTRUM_JOB_TIMEOUT", "SPECTRUM_TIMEOUT"],
                "SPECTRUM_STATE_DIR": ["SPECTRUM_STATE", "SPECTRUM_STATE_DIR"],
            }.get(named, named)
            own = named.replace("SPECTRUM_", f"SPECTRUM_{path[0].upper()}_", 1)
            assert parameter.envvar in (expected, [own, named]), parameter.opts
            assert parameter.help or isinstance(parameter.type, click.Choice)


def test_the_table_of_commands_is_theirs() -> None:
    for name, told in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert command.name == name
        assert told.endswith(".")


MISUSES = [
    pytest.param(["validat", "x.yaml"], "Did you mean `validate`?", id="a slip in a command"),
    pytest.param(["frobnicate"], "There is no command `frobnicate`.", id="no such command"),
    pytest.param(["job", "statsu", "1"], "Did you mean `status`?", id="a slip in a command of job"),
    pytest.param(["local", "server", "x"], "Did you mean `serve`?", id="a slip in a command of local"),
    pytest.param(["validate", "--strcit", "x.yaml"], "--strict", id="a slip in an option"),
    pytest.param(["validate"], "FILE", id="no file"),
    pytest.param(["validate", "--format", "xml", "x.yaml"], "xml", id="no such format"),
    pytest.param(["schema", "pipelin"], "pipelin", id="no such schema"),
    pytest.param(["job", "details", "eleven"], "eleven", id="an id that is none"),
    pytest.param(["job", "details", "0"], "0", id="an id below one"),
    pytest.param(["job", "history"], "CONFIGURATION_ID or --file", id="history of nothing"),
    pytest.param(["job", "history", "7", "--file", "/x"], "CONFIGURATION_ID or --file", id="history of two things"),
    pytest.param(
        ["job", "trigger", "7", "--timeout", "3s"], "--timeout needs --wait", id="a time limit without a wait"
    ),
    pytest.param(["job", "trigger", "7", "--wait", "--timeout", "3"], "250ms, 30s or 1h30m", id="a time without unit"),
    pytest.param(["job", "sequence", "7", "--var", "x"], "NAME=VALUE", id="a variable without a value"),
    pytest.param(["local", "serve", "x.yaml", "--port", "70000"], "70000", id="no such port"),
    pytest.param(["local", "serve", "missing.yaml"], "does not exist", id="no such workspace"),
    pytest.param(["report"], "RUN_ID|FILE", id="a report of nothing"),
    pytest.param(["retry"], "list the runs with `spectrum-pipelines runs`", id="a retry of nothing"),
]


@pytest.mark.parametrize(("args", "told"), MISUSES)
def test_misuse_is_told_with_a_way_out(args: list[str], told: str, tmp_path: Path) -> None:
    ended = call(*args, cwd=tmp_path)
    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert told in ended.stderr
    assert "hint: " in ended.stderr


def test_no_command_shows_the_help(tmp_path: Path) -> None:
    ended = call(cwd=tmp_path)
    assert "Commands:" in ended.stdout + ended.stderr


def test_a_format_may_come_from_the_environment(tmp_path: Path) -> None:
    assert call("runs", cwd=tmp_path, env={"SPECTRUM_FORMAT": "json"}).stdout == "[]\n"


def test_a_time_limit_in_the_environment_is_for_those_who_wait(tmp_path: Path) -> None:
    ended = call("job", "trigger", "7", cwd=tmp_path, env={"SPECTRUM_TIMEOUT": "5m"})
    assert "no address of a Spectrum server" in ended.stderr
