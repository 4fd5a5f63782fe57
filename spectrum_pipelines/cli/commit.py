"""The commit from which a pipeline file comes."""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def git_commit(file: Path, environ: Mapping[str, str]) -> str | None:
    """The commit that the file belongs to: as CI says, else from the git repository around it."""
    for name in ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION"):
        if environ.get(name):
            return environ[name]
    if not any((folder / ".git").exists() for folder in file.resolve().parents):
        return None
    try:
        asked = subprocess.run(  # noqa: S603 - a fixed command, no shell
            ["git", "-C", str(file.resolve().parent), "rev-parse", "HEAD"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=2,
            check=False,
            # Git sets GIT_DIR and its like for hooks: they lead to the repository of the hook, whatever file is asked about.
            env={name: value for name, value in environ.items() if not name.startswith("GIT_")},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None if asked.returncode == 0 else None
