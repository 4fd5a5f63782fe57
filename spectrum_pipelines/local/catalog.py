"""An index of the files by each name that a caller may use: id, uuid, path, configuration id."""

from collections.abc import Iterable
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

from .model import ConfigurationId, File, FileId


class Catalog:
    """The index. A file that the user may not see is missing for this user."""

    def __init__(self, files: Iterable[File]) -> None:
        self._by_id = {one.id: one for one in files}
        self._by_uuid = {one.uuid.lower(): one for one in self._by_id.values()}
        self._by_path = {path_key(one.path): one for one in self._by_id.values()}
        self._by_configuration = {one.configuration_id: one for one in self._by_id.values()}

    def named(self, raw: str, user: str) -> File | None:
        """Find `<file-id>|<uuid>|<path>`, percent-encoded as in the URI.

        A `+` means a space on the vendor's page and a plus in RFC 3986: a file with a plus in its path is found first.
        """
        for text in (unquote(raw), unquote_plus(raw)):
            found = self._by_number(text) or self._by_uuid.get(text.lower()) or self._by_path.get(path_key(text))
            if found:
                return visible(found, user)
        return None

    def called(self, raw: str, user: str) -> File | None:
        """Find a file by its bare name, with or without its ending; None if the user sees two files of this name."""
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
    """Read an id of up to 18 ASCII digits. Longer numbers are no ids, and take time to convert."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def path_key(path: str) -> str:
    """Make paths comparable: a leading slash may be missing, and Unicode spells an umlaut in two ways."""
    return normalize("NFC", path).strip("/")


def visible(file: File | None, user: str) -> File | None:
    """Return the file if the user may see it, else None."""
    return file if file and (file.users is None or user in file.users) else None
