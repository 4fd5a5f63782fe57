"""Addresses, links, streams and pipes that somebody else brought: each is answered in words, and nothing is sent or shown."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.command_line import LOGIN, PROGRAM, call, plain_environment

PIPELINE = "version: 1\nname: one\njobs: {a: {trigger: 1}}\nhttp: {retry: {limit: 0}}\n"

ADDRESSES = [
    "http://[", "http://[::::1]", "http://[v1.x]", "http://h:99999", "http://h:0", "http://h:x", "http://", "https:///x", "ftp://h",
    "1e999", "h:8080", "http://h/?x=1", "http://h#f", "http://h/../x", "http://h/a/%2e%2e/b", "http://h/..;/b", "http://h/a%5c..%5cb",
    "http://a b", "http://h\u00e4", "http://u:hunter2@h", "http://h\x7f",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(PIPELINE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_bad_address_is_blamed_on_the_option(folder: Path, address: str) -> None:
    for command in (["run", "p.yaml"], ["plan", "p.yaml", "--online"], ["job", "status", "1"]):
        for hosts in ({}, {"SPECTRUM_ALLOWED_HOSTS": "h"}):
            ended = call(*command, "--server", address, cwd=folder, env={**LOGIN, **hosts})
            assert ended.code == 2, (command, ended)
            assert "p.yaml:" not in ended.stderr
            assert "hunter2" not in ended.stderr + ended.stdout


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_bad_address_of_the_file_is_shown_at_its_line(folder: Path, address: str) -> None:
    (folder / "p.yaml").write_text(f"{PIPELINE}server:\n  url: {ascii(address)[1:-1]!r}\n".replace("'", '"'), "utf-8")
    ended = call("validate", "p.yaml", cwd=folder)
    assert ended.code == 1, ended
    assert "p.yaml:6:" in ended.stdout
    assert "hunter2" not in ended.stdout
    assert call("run", "p.yaml", cwd=folder, env=LOGIN).code == 2


PATHS = [
    "/rest/x/../../admin/api/users/1",
    "/rest/.",
    "/rest/%2e%2E/x",
    "/..;/x",
    "/a%2f..%2fb",
    "/a\\\\..\\\\b",
    "/a?b",
    "/a%252e",
]


@pytest.mark.parametrize("path", PATHS)
def test_the_path_of_the_sequence_leads_nowhere_else(folder: Path, path: str) -> None:
    (folder / "p.yaml").write_text(f'{PIPELINE}server:\n  sequence_path: "{path}"\n', "utf-8")
    ended = call("validate", "p.yaml", cwd=folder)
    assert ended.code == 1
    assert "p.yaml:6:18: error: `sequence_path`" in ended.stdout
    (folder / "p.yaml").write_text(f'{PIPELINE}server:\n  sequence_path: "${{env.P}}"\n', "utf-8")
    given = call(
        "run",
        "p.yaml",
        cwd=folder,
        env={**LOGIN, "P": path.replace("\\\\", "\\"), "SPECTRUM_URL": "http://127.0.0.1:1"},
    )
    assert given.code == 2
    assert "`sequence_path`" in given.stderr


def test_a_login_in_clear_is_told(folder: Path) -> None:
    (folder / "p.yaml").write_text(f"{PIPELINE}server: {{url: 'http://spectrum.example.com'}}\n", "utf-8")
    assert (
        "sends the login over the network to spectrum.example.com in clear"
        in call("validate", "p.yaml", cwd=folder).stdout
    )
    assert call("validate", "--strict", "p.yaml", cwd=folder).code == 1
    for local in ("http://localhost:8080", "http://127.0.0.1", "http://[::1]:80", "https://spectrum.example.com"):
        (folder / "p.yaml").write_text(f"{PIPELINE}server: {{url: '{local}'}}\n", "utf-8")
        assert call("validate", "--strict", "p.yaml", cwd=folder).code == 0, local
    ended = call("run", "p.yaml", "--server", "http://spectrum.invalid:1", cwd=folder, env=LOGIN)
    assert "sends the login over the network to spectrum.invalid in clear" in ended.stderr


PROXIES = [
    pytest.param({"HTTP_PROXY": "http://evil:1"}, True, id="a proxy that is not listed"),
    pytest.param({"http_proxy": "evil"}, True, id="without scheme and port"),
    pytest.param({"ALL_PROXY": "http://u:p@evil:1"}, True, id="for all schemes"),
    pytest.param({"HTTP_PROXY": "http://evil:1", "NO_PROXY": "spectrum.invalid"}, False, id="passed by"),
    pytest.param({"HTTPS_PROXY": "http://evil:1"}, False, id="of another scheme"),
    pytest.param({"HTTP_PROXY": "http://proxy.invalid:3128"}, False, id="listed"),
    pytest.param({"HTTP_PROXY": "http://["}, True, id="no proxy at all"),
]


@pytest.mark.parametrize(("proxies", "is_refused"), PROXIES)
def test_the_list_of_hosts_covers_the_proxy(folder: Path, proxies: dict[str, str], is_refused: bool) -> None:
    env = {**LOGIN, **proxies, "SPECTRUM_ALLOWED_HOSTS": "spectrum.invalid,proxy.invalid:3128"}
    ended = call("job", "status", "1", "--server", "http://spectrum.invalid:1", cwd=folder, env=env)
    assert ended.code == (2 if is_refused else 3), ended
    assert ("no credentials were sent" in ended.stderr) is is_refused


SECRETS = [
    "hunter2-is-the-password\n",
    "password: hunter2\n",
    "- hunter2\n",
    "a: b: hunter2\n",
    '{"hunter2": [1, 2}\n',
    PIPELINE + "x: hunter2\n",
]


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("form", ["text", "json", "github", "gitlab", "sarif"])
def test_a_link_out_of_the_checkout_is_told_and_not_quoted(tmp_path: Path, text: str, form: str) -> None:
    (tmp_path / "secret").write_text(text, "utf-8")
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)
    (checkout / "x.yaml").symlink_to("../secret")
    ended = call("validate", "--format", form, "x.yaml", cwd=checkout)
    assert ended.code == 1
    assert "hunter2" not in ended.stdout + ended.stderr
    assert "leads out of its checkout" in ended.stdout
    for command in (["run", "x.yaml"], ["plan", "x.yaml"]):
        ended = call(*command, cwd=checkout, env=LOGIN)
        assert ended.code == 2
        assert "hunter2" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "place", ["checkout", "checkout/folder", "."], ids=["its folder", "a folder of it", "elsewhere"]
)
def test_without_git_the_working_directory_is_the_checkout(tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").write_text("password: hunter2\n", "utf-8")
    checkout = tmp_path / "checkout"
    (checkout / "folder").mkdir(parents=True)
    named = tmp_path / place / "x.yaml"
    named.symlink_to(tmp_path / "secret")
    for cwd, name in ((checkout, os.path.relpath(named, checkout)), (checkout, str(named)), (Path("/"), str(named))):
        ended = call("validate", name, cwd=cwd)
        # `.`: the link stands beside the file that it leads to, outside of the working directory.
        assert ("hunter2" in ended.stdout, ended.code) == (place == ".", 1)


@pytest.mark.parametrize(
    "command", [["run", "p.yaml", "--local", "x.yaml"], ["run", "p.yaml", "--vars-file", "x.yaml"]]
)
@pytest.mark.parametrize("text", SECRETS)
def test_other_files_of_a_run_are_not_quoted_either(tmp_path: Path, command: list[str], text: str) -> None:
    (tmp_path / "secret").write_text(text, "utf-8")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "p.yaml").write_text(PIPELINE, "utf-8")
    (checkout / "x.yaml").symlink_to("../secret")
    ended = call(*command, cwd=checkout, env=LOGIN)
    assert ended.code == 2
    assert "hunter2" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("hunter2: 1\n", "gives values to one name of which no variable is declared", id="an unknown name"),
        pytest.param("n: hunter2\n", "the value of `n` from --vars-file must be a whole number", id="an unfit value"),
    ],
)
def test_of_a_vars_file_behind_a_link_neither_names_nor_values_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "secret.yaml").write_text(text, "utf-8")
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)
    declared = 'variables: {n: {type: integer, default: 1}}\njobs: {a: {trigger: "/x ${var.n}"}}\n'
    (checkout / "p.yaml").write_text(f"version: 1\nname: p\n{declared}", "utf-8")
    (checkout / "v.yaml").symlink_to("../secret.yaml")
    ended = call("plan", "p.yaml", "--vars-file", "v.yaml", cwd=checkout, env=LOGIN)
    assert ended.code == 2
    assert told in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr


def test_a_vars_file_of_another_kind_is_not_listed(folder: Path) -> None:
    """A pipeline, say: one sentence, and not each of its names."""
    (folder / "p.yaml").write_text(PIPELINE, "utf-8")
    ended = call("plan", "p.yaml", "--vars-file", "p.yaml", cwd=folder, env=LOGIN)
    assert ended.code == 2
    assert ended.stderr.count("--vars-file gives") == 1
    assert "is it the right file?" in ended.stderr


def test_a_link_that_leads_nowhere_is_called_that(folder: Path) -> None:
    (folder / "x.yaml").symlink_to("gone.yaml")
    ended = call("validate", "x.yaml", cwd=folder)
    assert "x.yaml is a link that leads nowhere" in ended.stdout + ended.stderr


def test_what_is_written_through_a_link_out_of_the_checkout_is_told(folder: Path) -> None:
    checkout = folder / "checkout"
    (checkout / ".git").mkdir(parents=True)
    (checkout / "p.yaml").write_text(PIPELINE, "utf-8")
    for name in ("r.json", "r.xml"):
        (checkout / name).symlink_to(folder / f"outside-{name}")
    (checkout / "inner.html").symlink_to("page.html")
    wishes = ("--report", "r.json", "--junit", "r.xml", "--html", "inner.html")
    ended = call("run", "p.yaml", *wishes, "--server", "http://127.0.0.1:1", cwd=checkout, env=LOGIN)
    told = [line for line in ended.stderr.splitlines() if "leads out of its checkout" in line]
    assert [line.split()[1] for line in told] == ["r.json", "r.xml"]
    assert str(folder / "outside-r.xml") in told[1]


@pytest.fixture(params=["a folder", "a repository"])
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkout with a link to a folder beside it, by which a pull request would reach what is not its own."""
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)
    (tmp_path / "victim").mkdir()
    if request.param == "a repository":
        (tmp_path / "victim" / ".git").mkdir()
    (checkout / "out").symlink_to("../victim")
    (checkout / "p.yaml").write_text(PIPELINE, "utf-8")
    return checkout


@pytest.mark.parametrize("file", ["p.yaml", "missing.yaml"])
def test_what_is_written_through_a_linked_folder_is_told(linked: Path, file: str) -> None:
    wishes = ("--report", "out/r.json", "--junit", "out/r.xml", "--html", "page.html")
    ended = call("run", file, *wishes, "--server", "http://127.0.0.1:1", cwd=linked, env=LOGIN)
    told = [line for line in ended.stderr.splitlines() if "leads out of its checkout" in line]
    assert [line.split()[1] for line in told] == ["out/r.json", "out/r.xml"]
    assert str(linked.parent / "victim" / "r.xml") in told[1]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["run", "p.yaml", "--state", "out/st", "--server", "http://127.0.0.1:1"], id="a run"),
        pytest.param(["runs", "--state", "out/st"], id="the list of the runs"),
        pytest.param(["init", "out/new"], id="a first pipeline"),
        pytest.param(["init", "out"], id="a first pipeline in the folder itself"),
    ],
)
def test_neither_state_nor_a_first_pipeline_goes_through_a_linked_folder(linked: Path, command: list[str]) -> None:
    ended = call(*command, cwd=linked, env=LOGIN)
    assert ended.code == 2
    assert "leads out of the checkout by a link" in ended.stderr
    assert (
        f"give that folder itself: {'init' if command[0] == 'init' else '--state'} {linked.parent}/victim"
        in ended.stderr
    )
    assert {it.name for it in (linked.parent / "victim").iterdir()} <= {".git"}


def test_a_linked_folder_within_the_checkout_is_a_folder_like_any_other(linked: Path) -> None:
    (linked / "real").mkdir()
    (linked / "inner").symlink_to("real")
    assert call("init", "inner/new", cwd=linked).code == 0
    assert call("runs", "--state", "inner/st", cwd=linked).code == 0


def test_a_link_within_the_checkout_is_a_file_like_any_other(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "real.yaml").write_text(PIPELINE + "nmae: 1\n", "utf-8")
    (tmp_path / "x.yaml").symlink_to("real.yaml")
    assert "nmae: 1" in call("validate", "x.yaml", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    "command",
    [
        ["validate", "pipe"],
        ["run", "pipe"],
        ["plan", "pipe"],
        ["report", "./pipe"],
        ["run", "p.yaml", "--vars-file", "pipe"],
    ],
    ids=" ".join,
)
def test_a_pipe_is_not_waited_for(folder: Path, command: list[str]) -> None:
    os.mkfifo(folder / "pipe")
    ended = call(*command, cwd=folder, env={**LOGIN, "SPECTRUM_URL": "http://127.0.0.1:1"})
    assert ended.code == 2
    assert "named pipe" in ended.stderr or "regular file" in ended.stderr, ended


COMMANDS = [
    ["validate", "\u00fc.yaml"], ["validate", "bad.yaml"], ["plan", "\u00fc.yaml"], ["plan", "--format", "json", "\u00fc.yaml"],
    ["plan", "--format", "mermaid", "\u00fc.yaml"], ["plan", "--format", "dot", "\u00fc.yaml"], ["runs"], ["report", "\u00fc"],
    ["run", "\u00fc.yaml", "--server", "http://127.0.0.1:1"],
]  # fmt: skip


@pytest.mark.parametrize(
    "encoding", [{"PYTHONIOENCODING": "ascii"}, {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}]
)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_any_text_fits_any_stream(tmp_path: Path, command: list[str], encoding: dict[str, str]) -> None:
    named = PIPELINE.replace(
        "one", '"n\u00e4chtlich \u65e5\u672c"\ndescription: "\\u2713 \U0001f600"\ninclude: [\u00f6/\u00e4.yaml]'
    )
    (tmp_path / "\u00f6").mkdir()
    (tmp_path / "\u00f6" / "\u00e4.yaml").write_text("fail_fast: true\n", "utf-8")
    (tmp_path / "\u00fc.yaml").write_text(named, "utf-8")
    (tmp_path / "bad.yaml").write_text(f"{PIPELINE}\u00e4: \u00f6\n", "utf-8")
    environment = {**plain_environment(), **LOGIN, **encoding}
    ended = subprocess.run(
        [PROGRAM, *command], cwd=tmp_path, env=environment, capture_output=True, timeout=20, check=False
    )
    assert ended.returncode in {0, 1, 2, 3}, ended
    assert b"bug:" not in ended.stderr
    if "plan" in command:
        assert ended.returncode == 0, ended


def test_a_password_of_any_bytes_logs_in_with_these_bytes(folder: Path) -> None:
    environment = {**os.environb, **{os.fsencode(k): os.fsencode(v) for k, v in plain_environment().items()}}
    environment |= {
        b"SPECTRUM_USERNAME": b"me",
        b"SPECTRUM_PASSWORD": b"p\xe4ss-w\xf6rd",
        b"SPECTRUM_URL": b"http://127.0.0.1:1",
    }
    for command in (["run", "p.yaml"], ["job", "status", "1"]):
        ended = subprocess.run(
            [PROGRAM, *command], cwd=folder, env=environment, capture_output=True, timeout=20, check=False
        )
        assert ended.returncode == 3, ended
        assert b"bug:" not in ended.stderr


WORKSPACE = "version: 1\nusers: [{name: a, password: a}]\nfiles: [{id: 1, path: /a.wbk, simulate: {}}]\n"
SPOILT = [
    ("run_started", "only"),
    ("run_started", "variables"),
    ("triggered", "executions"),
    ("run_ended", "exit_code"),
]


@pytest.mark.parametrize(("event", "field"), SPOILT)
def test_half_a_character_in_a_journal_is_a_fault_of_that_run_alone(folder: Path, event: str, field: str) -> None:
    (folder / "w.yaml").write_text(WORKSPACE, "utf-8")
    run = ["run", "p.yaml", "--local", "w.yaml"]
    assert call(*run, "--run-key", "K", cwd=folder).code == 0
    (journal,) = (folder / ".spectrum-pipelines").glob("runs/*/journal.jsonl")
    facts = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    spoilt = [fact | ({field: "\ud800"} if fact["event"] == event else {}) for fact in facts]
    journal.write_text("".join(f"{json.dumps(fact)}\n" for fact in spoilt), "utf-8")
    for command in (["report", journal.parent.name], ["resume", journal.parent.name, "--local", "w.yaml"]):
        ended = call(*command, cwd=folder)
        assert ended.code == 2, ended
        assert "journal.jsonl, line" in ended.stderr
    assert call(*run, "--run-key", "K", cwd=folder).code in {0, 2}
    for command in (["runs"], ["runs", "prune", "--older-than", "1d", "--keep", "0"], run):
        ended = call(*command, cwd=folder)
        assert ended.code == 0, ended
