"""The policy of `defaults` or of one job as it is written, and where."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.durations import parse_duration
from spectrum_pipelines.pipeline.model.policy import Policy

#: The keys of a policy as the file spells them, in the order of the model.
POLICY_KEYS = tuple(it.name for it in fields(Policy))


def seconds(value: Any) -> float | None:
    """A duration that is written out; None for `none`, for references and for what the schema refuses."""
    if not isinstance(value, str):
        return None
    try:
        return parse_duration(value)
    except ValueError:
        return None


class WrittenPolicy(Struct, frozen=True, kw_only=True):
    """The policy of `defaults` or of one job: its own keys over those that it inherits."""

    view: View
    path: Path
    own: Mapping[str, Any]
    inherited: Mapping[str, Any]

    def get(self, key: str) -> Any:
        """The value that counts, as written; None if nobody says it."""
        return self.own.get(key, self.inherited.get(key))

    def retry(self, key: str) -> Any:
        """The duration of a key within `retry`, if the file writes it out."""
        own = mapping(self.own.get("retry"))
        return own.get(key, mapping(self.inherited.get("retry")).get(key))

    def place(self, *paths: tuple[str, ...]) -> Path | None:
        """The first of the paths that this very place says."""
        for path in paths:
            value: Any = self.own
            for key in path:
                value = mapping(value).get(key)
            if value is not None:
                return (*self.path, *path)
        return None
