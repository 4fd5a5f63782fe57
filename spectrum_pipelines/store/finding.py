"""What `state check` looked at, and how it found it."""

from msgspec import Struct


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `hint` says what to do where it is not as it should be."""

    what: str
    is_good: bool
    hint: str | None = None
