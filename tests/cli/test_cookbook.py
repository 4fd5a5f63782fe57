"""The cookbook of `pipelines/`: it names every file there, what it names is there, its recipes run, its commands work as pasted."""

import json
import re
import shlex
import shutil
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import trustme
import yaml

from tests.cli.command_line import LOGIN, PIPELINES, call, embedded, pasted
from tests.cli.front import Front

COOKBOOK = (PIPELINES / "README.md").read_text(encoding="utf-8")
LINKS = re.findall(r"\]\(([^)#]+)\)", COOKBOOK)


YAML = re.findall(r"^```yaml\n(.*?)^```", COOKBOOK, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", COOKBOOK, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cookbook")
    ignored = shutil.ignore_patterns("out", ".spectrum-local", "ci", "airflow")
    shutil.copytree(PIPELINES, place / "pipelines", ignore=ignored)
    return place


def test_it_names_every_pipeline_and_nothing_else() -> None:
    assert not [link for link in LINKS if not (PIPELINES / link).exists()]
    assert {it.name for it in PIPELINES.glob("*.yaml")} <= set(LINKS)


@pytest.mark.parametrize("line", commands())
def test_its_commands_work_as_pasted(line: str, folder: Path) -> None:
    program, *words = shlex.split(line)
    assert program == "spectrum-pipelines"
    found = [
        sorted(str(it.relative_to(folder)) for it in folder.glob(word)) if "*" in word else [word] for word in words
    ]
    ended = call(*(word for several in found for word in several), cwd=folder)
    assert ended.code == 0, ended.stderr


def test_its_pipeline_is_one_of_the_nightly(folder: Path) -> None:
    text = YAML[0]
    (folder / "pipelines/nightly/pasted.yaml").write_text(text, encoding="utf-8")
    assert call("validate", "--strict", "pipelines/nightly/pasted.yaml", cwd=folder).code == 0
    (folder / "pipelines/nightly/pasted.yaml").unlink()


#: The recipes by the names of their pipelines.
RECIPES = {re.findall(r"^name: (.*)$", text, re.MULTILINE)[0]: text for text in YAML[1:]}
ANYWHERE = {"SPECTRUM_URL": "https://spectrum.example.com"}


def blocks(heading: str) -> list[str]:
    """What a section of the cookbook pastes into a shell."""
    section = COOKBOOK.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [text for language, text in fenced if not language]


def targets(text: str, folder: Path, *more: str) -> Iterator[str | int]:
    """What a pipeline would run."""
    (folder / "asked.yaml").write_text(text, encoding="utf-8")
    planned = call("plan", "asked.yaml", "--format", "json", *more, cwd=folder, env=ANYWHERE)
    assert planned.code == 0, planned.stderr
    for job in json.loads(planned.stdout)["jobs"]:
        if job["action"] in {"trigger", "sequence"}:
            yield from job["target"] if isinstance(job["target"], list) else [job["target"]]


def workspace_of(names: Iterable[str | int]) -> str:
    """A workspace in which every target is there and succeeds with seven records."""
    files, free = [], iter(range(1000, 2000))
    for name in dict.fromkeys(names):
        number = name if isinstance(name, int) else next(free)
        path = name if isinstance(name, str) else f"/Workbooks/number {name}.wbk"
        known = {"business_date": "", "week_before": ""} if path.endswith(".wbk") else {}
        files.append({"id": number, "path": path, "variables": known, "simulate": {"records": 7}})
    users = [{"name": LOGIN["SPECTRUM_USERNAME"], "password": LOGIN["SPECTRUM_PASSWORD"]}]
    return yaml.safe_dump({"version": 1, "users": users, "files": files})


def typed(script: str, folder: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return pasted(script, cwd=folder, env={**LOGIN, "SPECTRUM_PROGRESS": "none", **env})


@pytest.mark.parametrize("name", RECIPES)
def test_its_recipes_are_valid_and_run(name: str, tmp_path: Path) -> None:
    text = RECIPES[name]
    (tmp_path / "pipeline.yaml").write_text(text, encoding="utf-8")
    checked = call("validate", "--strict", "pipeline.yaml", cwd=tmp_path, env=ANYWHERE)
    assert checked.code == 0, checked.stdout
    (tmp_path / "workspace.yaml").write_text(workspace_of(targets(text, tmp_path)), encoding="utf-8")
    ended = call("run", "pipeline.yaml", "--local", "workspace.yaml", cwd=tmp_path, env=ANYWHERE)
    assert ended.code == 0, ended.stderr


def test_a_night_that_failed_goes_on(folder: Path) -> None:
    (script,) = blocks("A nightly of thirty pipelines")
    dry, again = script.splitlines()
    with embedded(folder / "pipelines/workspace/workspace.yaml") as server:
        env = {**LOGIN, "SPECTRUM_URL": server.url, "SPECTRUM_STATE": "failed-night"}
        asked = ("pipelines/nightly/orders-publish.yaml", "-e", "test", "--report", "failed.json")
        failed = call("run", *asked, cwd=folder, env=env)
        assert failed.code == 1, "the workbook has never run"
        run_id = json.loads((folder / "failed.json").read_text("utf-8"))["run_id"]
        told = typed(dry.replace("RUN_ID", run_id), folder, env)
        assert (told.returncode, "ready" in told.stdout) == (0, True), told.stderr
        workbook = "/Simulated/quick.wbk"  # what `ready` looks at in the environment `test`
        assert call("job", "trigger", workbook, "--wait", cwd=folder, env=env).code == 0
        mended = typed(again.replace("RUN_ID", run_id), folder, env)
        assert mended.returncode == 0, mended.stderr


def test_a_night_by_cron_and_a_backfill(tmp_path: Path) -> None:
    cron, backfill = blocks("Every night, for yesterday")
    text = RECIPES["nightly-sales"]
    (tmp_path / "nightly.yaml").write_text(text, encoding="utf-8")
    days = [f"2026-11-{day}" for day in (20, 21, 22)]
    wanted = [it for day in ("yesterday", *days) for it in targets(text, tmp_path, "--var", f"business_date={day}")]
    (tmp_path / "workspace.yaml").write_text(workspace_of(wanted), encoding="utf-8")
    with embedded(tmp_path / "workspace.yaml") as server:
        env = {"SPECTRUM_URL": server.url}
        for script, triggered in ((cron, 2), (cron, 2), (backfill, 8)):
            ended = typed(script, tmp_path, env)
            assert ended.returncode == 0, ended.stderr
            assert len(server.executions()) == triggered, "a second call of a day triggers nothing anew"
    assert all(f"--run-key nightly-{days[0]}" not in line for line in backfill.splitlines()), (
        "the loop fills in the day"
    )


def test_test_and_production(tmp_path: Path) -> None:
    (script,) = blocks("Test and production")
    (tmp_path / "sales.yaml").write_text(RECIPES["sales"], encoding="utf-8")
    wanted = targets(RECIPES["sales"], tmp_path, "-e", "prod")
    (tmp_path / "workspace.yaml").write_text(workspace_of(wanted), encoding="utf-8")
    with embedded(tmp_path / "workspace.yaml") as server:
        ended = typed(script, tmp_path, {"SPECTRUM_URL": server.url})
        assert ended.returncode == 0, ended.stderr
        assert len(server.executions()) == 7, "three loads, three clean-ups, one export"


def test_housekeeping(tmp_path: Path) -> None:
    (script,) = blocks("Housekeeping")
    ended = typed(script, tmp_path, {})
    assert ended.returncode == 0, ended.stderr


def test_a_first_file_from_what_the_server_knows(tmp_path: Path) -> None:
    (line,) = re.findall(r"`(spectrum-pipelines init [^`]*)`", COOKBOOK)
    (tmp_path / "workspace.yaml").write_text(workspace_of(["/Data/Imports/orders.imp", 48]), encoding="utf-8")
    with embedded(tmp_path / "workspace.yaml") as server:
        env = {"SPECTRUM_URL": server.url}
        for file in ("/Data/Imports/orders.imp", "48"):
            assert call("job", "trigger", file, "--wait", cwd=tmp_path, env={**LOGIN, **env}).code == 0
        ended = typed(line, tmp_path, env)
        assert ended.returncode == 0, ended.stderr
        assert typed("spectrum-pipelines run nightly/*.yaml", tmp_path, env).returncode == 0


def test_proxies_certificates_and_secrets(tmp_path: Path) -> None:
    (script,) = blocks("Proxies, certificates, secrets")
    places = {
        "/etc/ssl/company.pem": "company.pem",
        "/vault/secrets/spectrum": "spectrum-secret",
        "/vault/secrets/api-key": "api-key",
        "ALLOWED_HOSTS=spectrum.example.com": "ALLOWED_HOSTS=localhost",
    }
    for ours, here in places.items():
        assert script.count(ours) == 1
        script = script.replace(ours, here)
    # What a shell would have set before the first run stands behind it on the page.
    exports = [line for line in script.splitlines() if line.startswith("export ")]
    runs = [line for line in script.splitlines() if line.startswith("spectrum-pipelines ")]
    assert len(exports) + len(runs) == len(script.splitlines())
    (tmp_path / "spectrum-secret").write_text(LOGIN["SPECTRUM_PASSWORD"] + "\n")
    (tmp_path / "api-key").write_text("k3y-of-the-api\n")
    (tmp_path / "nightly.yaml").write_text(
        "version: 1\nname: nightly\nserver: {url: '${env.SPECTRUM_URL}'}\n"
        "variables: {api_key: {type: string, required: true, secret: true}}\n"
        "jobs: {sales: {sequence: [51], variables: {business_date: '${var.api_key}'}}}\n"
    )
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "company.pem")
    client = authority.issue_cert("ci")
    client.cert_chain_pems[0].write_to_path(tmp_path / "ci.pem")
    client.private_key_pem.write_to_path(tmp_path / "ci.key")
    (tmp_path / "workspace.yaml").write_text(workspace_of([51]), encoding="utf-8")
    with embedded(tmp_path / "workspace.yaml") as server:
        for run, asks in zip(runs, (False, True), strict=True):
            env, context = {}, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            if asks:
                context.verify_mode = ssl.CERT_REQUIRED
                authority.configure_trust(context)
                env["SPECTRUM_CA_BUNDLE"] = (
                    "company.pem"  # the line of the page is about the client's certificate alone
                )
            with Front(server.url, tls=context).serving() as port:
                env["SPECTRUM_URL"] = f"https://localhost:{port}"
                ended = typed("\n".join(["unset SPECTRUM_PASSWORD", *exports, run]), tmp_path, env)
                assert ended.returncode == 0, ended.stderr
        assert len(server.executions()) == 2
        other = typed("\n".join([*exports, runs[0]]), tmp_path, {"SPECTRUM_URL": "https://elsewhere.example.com"})
        assert (other.returncode, "SPECTRUM_ALLOWED_HOSTS" in other.stderr) == (2, True), other.stderr


def test_every_command_of_the_cookbook_is_run() -> None:
    run_here = {
        "A nightly of thirty pipelines",
        "Every night, for yesterday", "Test and production", "Proxies, certificates, secrets", "Housekeeping",
    }  # fmt: skip
    headings = re.findall(r"^## (.*)$", COOKBOOK, re.MULTILINE)
    assert {it for it in headings if blocks(it)} == run_here
