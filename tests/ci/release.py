"""What is published: built twice, looked into, checked, and tried in an empty environment as a user would.

`python -m tests.ci.release` prints what it measured. `--tag v1.2.3` holds the tag against version and changelog; `--keep FOLDER`
keeps the two files; `--extras` installs each extra alone; `--links URL` is where the links of the package's page shall lead.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 50 * 2**20  # bytes that the core may take when it is installed
SCHEMAS = {it.name for it in (ROOT / "schemas").iterdir() if it.suffix in {".json", ".md"}}


class Unfit(Exception):
    """What is built must not be published."""


def version() -> str:
    """The one place where the version stands."""
    text = (ROOT / "spectrum_pipelines" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if match is None:
        raise Unfit("spectrum_pipelines/__init__.py has no version")
    return match[1]


def changelog() -> str:
    """What changed, newest first."""
    return (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")


def changelog_versions() -> list[str]:
    """The versions of the changelog, newest first."""
    return re.findall(r"^## (\d+\.\d+\.\d+)\b", changelog(), re.MULTILINE)


def check_tag(tag: str) -> None:
    """The tag names the version, and the changelog has an entry for it that speaks of a release."""
    if tag != f"v{version()}":
        raise Unfit(f"the tag {tag} is not the version {version()} of the package")
    if version() not in changelog_versions():
        raise Unfit(f".github/CHANGELOG.md has no entry for {version()}")
    if f"\n## {version()} (not released yet)" in changelog():
        raise Unfit(f".github/CHANGELOG.md says that {version()} is not released yet: write the day in its place")


def build(out: Path, links: str | None = None) -> list[Path]:
    """The source archive, and the wheel that is built from it. `links`: where the links of the README lead."""
    env = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or _time_of_the_commit()}
    with _readme_of(links):
        _do([sys.executable, "-m", "build", "-q", "--outdir", str(out)], cwd=ROOT, env=env)
    found = sorted(out.iterdir())
    if [it.suffix for it in found] != [".whl", ".gz"]:
        raise Unfit(f"built {[it.name for it in found]}")
    return found


@contextmanager
def _readme_of(links: str | None) -> Iterator[None]:
    """The README of the page that the package index shows: a link to a file of the repository would lead nowhere there."""
    readme = ROOT / "README.md"
    ours = readme.read_bytes()
    if links is not None:
        readme.write_text(with_links(ours.decode(), links), encoding="utf-8")
    try:
        yield
    finally:
        if links is not None:
            readme.write_bytes(ours)


_LINK = re.compile(r"\]\((?!https?://|#)([^)\s]+)\)")


def with_links(text: str, to: str) -> str:
    """Markdown whose links to files begin with an address."""
    return _LINK.sub(rf"]({to.rstrip('/')}/\1)", text)


def check_links(wheel: Path) -> None:
    """Every link of the package's page can be followed without the repository."""
    if lost := _LINK.findall(_metadata(wheel)):
        raise Unfit(f"{wheel.name}: these links of its page lead nowhere: {lost[:5]}")


def _metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [it for it in archive.namelist() if it.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


def _time_of_the_commit() -> str:
    shown = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return shown.stdout.strip() or "315532800"


def check_contents(wheel: Path, source: Path) -> None:
    """License and schemas are inside, tests and what lies about are not."""
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    with tarfile.open(source) as archive:
        sources = [name.partition("/")[2] for name in archive.getnames()]
    for name, names, schemas in ((wheel.name, inside, "spectrum_pipelines/schemas"), (source.name, sources, "schemas")):
        missing = {f"{schemas}/{it}" for it in SCHEMAS} - set(names)
        if missing:
            raise Unfit(f"{name} lacks {sorted(missing)}")
        if not any(Path(it).name == "LICENSE" for it in names):
            raise Unfit(f"{name} lacks LICENSE")
        strange = [
            it
            for it in names
            if re.match(r"(tests|pipelines|\.github|\.venv|\.hypothesis)(/|$)|.*(\.pyc|\.sqlite|\.csv\.gz)$", it)
        ]
        if strange:
            raise Unfit(f"{name} holds {strange[:5]}")
    modules = {it.relative_to(ROOT).as_posix() for it in (ROOT / "spectrum_pipelines").rglob("*.py")}
    forgotten = modules - set(inside)
    if forgotten:
        raise Unfit(f"{wheel.name} lacks modules: add their packages to pyproject.toml: {sorted(forgotten)[:5]}")


def installed(wheel: Path, folder: Path, extra: str = "") -> tuple[Path, int]:
    """The wheel in an environment of its own: its programs, and the bytes that it and what it needs take."""
    _do([sys.executable, "-m", "venv", str(folder)])
    programs = folder / "bin"
    _do([str(programs / "pip"), "uninstall", "-q", "-y", "setuptools"])
    packages = next((folder / "lib").glob("python*")) / "site-packages"
    before = _size(packages.rglob("*"))
    command = [str(programs / "pip"), "install", "-q", "--disable-pip-version-check", f"{wheel}{extra}"]
    _do(command)
    _do([str(programs / "pip"), "check"])
    return programs, _size(packages.rglob("*")) - before


def _size(paths: Iterable[Path]) -> int:
    return sum(it.stat().st_size for it in paths if it.is_file())


def try_install_it(wheel: Path, folder: Path) -> tuple[Path, int]:
    """README's "Install it" in an empty folder, with the wheel for the name. Gives the programs, and the bytes that they take."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Install it\n")[2].partition("\n## ")[0]
    (script,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    named = "'spectrum-pipelines[local]'"
    if named not in script:
        raise Unfit(f'README.md does not install {named} under "Install it"')
    env = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": os.environ.get("HOME", str(folder))}
    kept = {
        name: it
        for name, it in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_")) or "PROXY" in name.upper()
    }
    _do(
        ["bash", "-euc", script.replace(named, f"'{wheel}[local]'")],
        cwd=folder,
        env={**kept, **env, "SPECTRUM_PROGRESS": "none"},
    )
    if not (folder / "report.json").is_file():
        raise Unfit('README\'s "Install it" left no report')
    packages = next((folder / ".venv" / "lib").glob("python*")) / "site-packages"
    tools = re.compile(r"(pip|setuptools|_distutils_hack|pkg_resources|distutils-precedence)\b")
    used = [it for it in packages.rglob("*") if not tools.match(it.relative_to(packages).parts[0])]
    return folder / ".venv" / "bin", _size(used)


def try_quickstart(programs: Path, folder: Path) -> None:
    """README's first command, with what is installed and nothing of the sources but the files that it names."""
    shutil.copytree(ROOT / "pipelines", folder / "pipelines", ignore=shutil.ignore_patterns("out", ".spectrum*"))
    _do(
        [
            str(programs / "spectrum-pipelines"), "run", "pipelines/quickstart.yaml",
            "--local", "pipelines/workspace/workspace.yaml", "--report", "report.json",
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "SPECTRUM_PROGRESS": "none"},
    )  # fmt: skip
    if not (folder / "pipelines" / "workspace" / "out" / "delays.csv").is_file():
        raise Unfit("the quickstart exported nothing")


def check_image(wheel: Path, folder: Path) -> None:
    """What the Dockerfile copies is enough to build the same wheel."""
    text = (ROOT / "pipelines" / "ci" / "Dockerfile").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        *names, target = line.split()
        for name in names:
            place = folder / target.removeprefix("/src").lstrip("/")
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, place / name.rpartition("/")[2])
    out = folder / "out"
    _do([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(folder)])
    (built,) = out.iterdir()
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(built) as other:
        if difference := set(one.namelist()) ^ set(other.namelist()):
            raise Unfit(f"the image would be built from other files: {sorted(difference)[:5]}")


def _do(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    shown = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if shown.returncode:
        raise Unfit(
            f"{' '.join(command[:6])} ended with {shown.returncode}:\n{shown.stdout[-3000:]}{shown.stderr[-3000:]}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help="hold this tag against version and changelog")
    parser.add_argument("--keep", type=Path, help="keep the two files there")
    parser.add_argument("--extras", action="store_true", help="install each extra alone, too; takes minutes")
    parser.add_argument("--links", metavar="URL", help="where the repository's files are shown, e.g. .../blob/v1.2.3")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        try:
            if asked.tag:
                check_tag(asked.tag)
            found = _checked(Path(name), asked.links)
            if asked.extras:
                check_extras(found[0], Path(name))
        except Unfit as error:
            print(f"unfit for a release: {error}", file=sys.stderr)  # noqa: T201 - a program
            return 1
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            for one in found:
                shutil.copy2(one, asked.keep / one.name)
    return 0


def _checked(folder: Path, links: str | None) -> list[Path]:
    (wheel, source), again = build(folder / "one", links), build(folder / "two", links)
    check_the_same([wheel, source], again)
    check_contents(wheel, source)
    _do([sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(source)])
    if links is not None:
        check_links(wheel)
    (folder / "image").mkdir()
    check_image(wheel, folder / "image")
    _say("the image would be built from the same files")
    _, core = installed(wheel, folder / "core")
    _say(f"core: {core / 2**20:.1f} MiB installed")
    check_size(core)
    (folder / "user").mkdir()
    programs, local = try_install_it(wheel, folder / "user")
    _say(f'README\'s "Install it" ran; with the embedded server: {local / 2**20:.1f} MiB installed')
    try_quickstart(programs, folder / "user")
    _say("the quickstart ran, installed from the wheel")
    return [wheel, source]


def extras(wheel: Path) -> list[str]:
    """Those that users may ask for."""
    return sorted(set(re.findall(r"^Provides-Extra: (\S+)$", _metadata(wheel), re.MULTILINE)) - {"dev"})


def check_extras(wheel: Path, folder: Path) -> None:
    """Each extra can be installed without the others, and what it brings fits together."""
    for extra in extras(wheel):
        programs, size = installed(wheel, folder / f"extra-{extra}", f"[{extra}]")
        _do([str(programs / "spectrum-pipelines"), "--version"])
        _say(f"with the extra {extra} alone: {size / 2**20:.1f} MiB installed")


def check_the_same(first: list[Path], second: list[Path]) -> None:
    """Two builds of the same sources are the same bytes."""
    for one, other in zip(first, second, strict=True):
        digest = hashlib.sha256(one.read_bytes()).hexdigest()
        if digest != hashlib.sha256(other.read_bytes()).hexdigest():
            raise Unfit(f"{one.name}: two builds of the same sources differ")
        _say(f"{one.name}: {one.stat().st_size:,} bytes, sha256 {digest}, the same twice")


def check_size(core: int) -> None:
    """The core stays small."""
    if core > LIMIT:
        raise Unfit(f"the core takes {core / 2**20:.1f} MiB, more than {LIMIT / 2**20:.0f}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a program


if __name__ == "__main__":
    sys.exit(main())
