"""Where the locks of concurrency groups are: one place for each user, whatever the state folder."""

import os
import pwd
from contextlib import suppress
from pathlib import Path

#: Below the folder for the state of a user's programs, as XDG has it.
LOCKS = Path("spectrum-pipelines", "locks")


def home_of_user() -> str | None:
    """The home of this process's user, without a look at the environment: a service or a container may have no HOME."""
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_dir
    return None


def group_locks_of_user() -> Path | None:
    """The place where the environment says nothing else; None for a user without a home."""
    home = home_of_user()
    return Path(home) / ".local" / "state" / LOCKS if home and Path(home).is_absolute() else None
