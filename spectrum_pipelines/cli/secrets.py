"""What this process knows to be secret before any pipeline says so: for commands without one, and for the texts of bugs."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from spectrum_pipelines.pipeline.fill.values import PREFIX
from spectrum_pipelines.redaction import Redact, looks_secret, without

#: Their names look like those of secrets, and their values are none.
_NO_SECRETS = frozenset({"SPECTRUM_RUN_KEY", "SPECTRUM_CLIENT_KEY"})
_FILE = "_FILE"
_SHORTEST = 6  # characters: what a name alone says of a shorter value would shred texts
_LARGEST = 65_536  # bytes of a file with a secret


def of_environment(environ: Mapping[str, str]) -> Redact:
    """Mask the values of all environment variables whose names say that they hold a secret."""
    return without(sorted(_secret_like(environ)))


def of_process(environ: Mapping[str, str], assigned: Iterable[str] = ()) -> Redact:
    """Mask everything that may be secret: also what is given for variables of a pipeline, as nobody knows which of them are.

    `assigned` are the values of `--var`. For the text of a bug, which may hold anything.
    """
    given = {value for name, value in environ.items() if name.startswith(PREFIX) and not name.endswith(_FILE)}
    files = {value for name, value in environ.items() if name.startswith("SPECTRUM_") and name.endswith(_FILE)}
    texts = {_text(Path(it)) for it in files}
    return without(sorted({*_secret_like(environ), *given, *texts, *assigned} - {""}))


def _secret_like(environ: Mapping[str, str]) -> Iterator[str]:
    # A password that is the name of its user, as in every demonstration, is told by the name.
    user = environ.get("SPECTRUM_USERNAME")
    for name, value in environ.items():
        is_said = looks_secret(name) and name not in _NO_SECRETS and not name.endswith(_FILE)
        if is_said and len(value) >= _SHORTEST and value != user:
            yield value


def _text(path: Path) -> str:
    with suppress(OSError, ValueError):
        if stat.S_ISREG(path.stat().st_mode) and path.stat().st_size <= _LARGEST:
            return path.read_text(encoding="utf-8").strip("\r\n")
    return ""
