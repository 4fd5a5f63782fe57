"""A fact and its time."""

from dataclasses import dataclass
from datetime import datetime

from spectrum_pipelines.engine.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A fact with its time: `at` on the run clock (what is decided by), `time` on the wall clock (what people read)."""

    at: float
    time: datetime
    event: Event
