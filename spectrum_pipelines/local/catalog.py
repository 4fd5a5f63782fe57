"""Finding files as callers name them: by id, uuid, path or configuration id, as far as the user may see them."""

from collections.abc import Iterable
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

from .model import ConfigurationId, File, FileId


class Catalog:
    """An index of the workspace. A file that the user may not see answers like a missing one."""

    def __init__(self, files: Iterable[File]) -> None:
        self._by_id = {one.id: one for one in files}
        self._by_uuid = {one.uuid.lower(): one for one in self._by_id.values()}
        self._by_path = {path_key(one.path): one for one in self._by_id.values()}
        self._by_configuration = {one.configuration_id: one for one in self._by_id.values()}

    def named(self, raw: str, user: str) -> File | None:
        """Find `<file-id>|<uuid>|<path>`, percent-encoded as it stood in the URI.

        A `+` is a space to the vendor and a plus to RFC 3986: a path that has the plus itself goes first.
        """
        for text in (unquote(raw), unquote_plus(raw)):
            found = self._by_number(text) or self._by_uuid.get(text.lower()) or self._by_path.get(path_key(text))
            if found:
                return visible(found, user)
        return None

    def called(self, raw: str, user: str) -> File | None:
        """Find the one file that the user sees under a bare name, with its ending or without; None for two of a name."""
        names = {path_key(unquote(raw)), path_key(unquote_plus(raw))}
        seen = (one for one in self._by_id.values() if visible(one, user))
        found = [one for one in seen if names & {path_key(one.name), path_key(one.path.rsplit("/", 1)[-1])}]
        return found[0] if len(found) == 1 else None

    def file(self, file_id: int, user: str) -> File | None:
        """Find a file by its id."""
        return visible(self._by_id.get(FileId(file_id)), user)

    def configuration(self, configuration_id: int, user: str) -> File | None:
        """Find a file by the id of its job configuration."""
        return visible(self._by_configuration.get(ConfigurationId(configuration_id)), user)

    def _by_number(self, text: str) -> File | None:
        number = number_of(text)
        return None if number is None else self._by_id.get(FileId(number))


def number_of(text: str) -> int | None:
    """Read an id of up to 18 ASCII digits: longer ones cannot exist, and would cost time to convert."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def path_key(path: str) -> str:
    """Make paths comparable: the leading slash may be missing, and an umlaut has two spellings in Unicode."""
    return normalize("NFC", path).strip("/")


def visible(file: File | None, user: str) -> File | None:
    """Hide a file from those who may not see it."""
    return file if file and (file.users is None or user in file.users) else None
