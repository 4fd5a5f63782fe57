"""A fact and its time."""

from datetime import datetime

from msgspec import Struct

from spectrum_pipelines.engine.events import Event


class Stamped(Struct, frozen=True, kw_only=True):
    """A fact with its time: `at` on the run clock (what is decided by), `time` on the wall clock (what people read)."""

    at: float
    time: datetime
    event: Event
