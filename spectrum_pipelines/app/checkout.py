"""Names of files from the root of their repository, as CI systems name them, whatever folder of it the command runs in."""

from collections.abc import Mapping
from pathlib import Path

from spectrum_pipelines.words.clean import readable

#: Where a CI system has checked the repository out.
_CHECKOUTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "WORKSPACE")


def root(environ: Mapping[str, str]) -> Path:
    """Where CI says, else the git repository around the working directory, else that directory itself."""
    here = Path.cwd()
    told = next((environ[name] for name in _CHECKOUTS if environ.get(name)), None)
    if told is not None and here.is_relative_to(Path(told).resolve()):
        return Path(told).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def named_from(checkout: Path, name: str) -> str:
    """The name of a file from there; its full name if it is not inside."""
    # The folder is resolved and not the file: a link in the repository is annotated where it stands.
    path = Path(name)
    path = path.parent.resolve() / path.name
    named = path.relative_to(checkout) if path.is_relative_to(checkout) else path
    return readable(named.as_posix())
