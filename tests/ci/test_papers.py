"""The papers for contributors: what they name is there."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spectrum_pipelines
from tests.ci import release
from tests.ci.release import Unfit, changelog_versions, check_contents, check_size, check_tag, version, with_links
from tests.cli.command_line import ROOT

CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROOMS = {
    "cli",
    "app",
    "document",
    "pipeline",
    "plan",
    "engine",
    "runner",
    "client",
    "store",
    "report",
    "render",
    "progress",
}


def named() -> list[str]:
    words = [word for text in re.findall(r"`([^`\n]+)`", CONTRIBUTING) for word in text.split()]
    return sorted({word for word in words if re.fullmatch(r"[\w./-]+(/|\.(py|md|yml|yaml|json|toml))", word)})


@pytest.mark.parametrize("name", named())
def test_every_file_and_folder_that_contributing_names_is_there(name: str) -> None:
    inside = ROOT / "spectrum_pipelines"
    places = [ROOT / name, inside / name, *(inside / room / name for room in ROOMS)]
    by_example = {"nightly.yaml", "fold.py"}
    assert name in by_example or any(it.exists() for it in places), (
        f"CONTRIBUTING.md names {name}, which is not there (any more)"
    )


def test_the_walk_goes_through_every_room() -> None:
    walk = CONTRIBUTING.partition("## The walk")[2].partition("\n## ")[0]
    rooms = {it.name for it in (ROOT / "spectrum_pipelines").iterdir() if (it / "__init__.py").is_file()}
    assert {room for room in rooms if f"{room}/" not in walk} <= {"words", "airflow", "schemas"}


def test_the_version_is_the_same_everywhere() -> None:
    assert spectrum_pipelines.__version__ == importlib.metadata.version("spectrum-pipelines") == version()
    newest, ours = (tuple(map(int, it.split("."))) for it in (changelog_versions()[0], version()))
    assert newest >= ours


def test_a_release_is_refused_that_is_not_what_its_tag_says_or_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    released = release.changelog().replace("(not released yet)", "(2026-12-01)")
    monkeypatch.setattr(release, "changelog", lambda: released)
    check_tag(f"v{version()}")
    monkeypatch.setattr(release, "changelog", lambda: released.replace("(2026-12-01)", "(not released yet)"))
    with pytest.raises(Unfit, match="not released yet"):
        check_tag(f"v{version()}")
    monkeypatch.setattr(release, "changelog", str)
    with pytest.raises(Unfit, match="no entry"):
        check_tag(f"v{version()}")
    with pytest.raises(Unfit, match="not the version"):
        check_tag("v99.0.0")
    with pytest.raises(Unfit, match="takes 51"):
        check_size(51 * 2**20)


def test_the_links_of_the_readme_lead_to_the_repository_on_the_page_of_the_package() -> None:
    text = "[a](schemas/README.md) [b](https://example.com/x) [c](#it-is-red)"
    assert with_links(text, "https://git.example.com/r/blob/v1/") == (
        "[a](https://git.example.com/r/blob/v1/schemas/README.md) [b](https://example.com/x) [c](#it-is-red)"
    )


def test_a_wheel_without_license_or_schemas_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    subprocess.run([sys.executable, "-m", "zipfile", "-c", "a.whl", "empty.py"], cwd=tmp_path, check=True)
    subprocess.run(["tar", "czf", "a.tar.gz", "empty.py"], cwd=tmp_path, check=True)
    with pytest.raises(Unfit, match="lacks"):
        check_contents(tmp_path / "a.whl", tmp_path / "a.tar.gz")
