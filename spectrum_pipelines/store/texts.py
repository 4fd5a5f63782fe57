"""The texts that a run began with: the pipeline file, and the fragments that it includes."""

from collections.abc import Mapping

from msgspec import Struct

from spectrum_pipelines.errors import StateError
from spectrum_pipelines.pipeline.build import digest

_BACK = "put the file back as it was; a changed pipeline needs a new run"


class Texts(Struct, frozen=True, kw_only=True):
    """The text of the pipeline file, and those of its fragments by the names under which they are included."""

    pipeline: str
    fragments: Mapping[str, str] = {}

    @property
    def digest(self) -> str:
        """Names this version of a pipeline: `sha256:...`. A pipeline without fragments has the digest of version 0.1.0."""
        return digest(self.pipeline, self.fragments)


def checked(texts: Texts, expected: str, *, run_id: str, place: str) -> Texts:
    """The texts themselves, if they are what the run began with. Raises StateError."""
    if texts.digest != expected:
        raise StateError(f"{place} is not the pipeline that run {run_id} began with", hint=_BACK)
    return texts
