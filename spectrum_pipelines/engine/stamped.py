"""A fact and its time."""

from datetime import datetime

from spectrum_pipelines.engine.events import Event
from spectrum_pipelines.record import record


@record
class Stamped:
    """A fact with its time: `at` on the run clock (what is decided by), `time` on the wall clock (what people read)."""

    at: float
    time: datetime
    event: Event
