"""Sends the spans of runs to a collector over OTLP/HTTP, beside the run and never in its way.

A collector that is away costs three seconds at the end, and no exit code: the sending has a thread of its own, and what has not
left by then is dropped.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.runner.loop import Observer
from spectrum_pipelines.telemetry.spans import Attributes, Span, Spans

#: Seconds that the end of a run may wait for a collector.
_FAREWELL = 3.0
#: Spans that wait to be sent: more than ten thousand jobs with an execution each.
_QUEUE = 65_536


class Caller:
    """The span under which a run is made: `TRACEPARENT` of the process."""

    def __init__(self, traceparent: str) -> None:
        _, trace, span, flags = traceparent.split("-")
        self.trace_id = int(trace, 16)
        self.span_id = int(span, 16)
        self.flags = int(flags, 16)


@contextmanager
def exported(endpoint: str, *, version: str, caller: Caller | None) -> Iterator[Observer]:
    """An observer that sends to the traces endpoint at this URL; what is left is sent when the context ends."""
    logger = logging.getLogger("opentelemetry")  # it would tell people of each attempt that failed
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    ids = _Ids()
    provider = TracerProvider(
        resource=Resource.create({"service.name": "spectrum-pipelines", "service.version": version}),
        id_generator=ids,
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_FAREWELL)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=_QUEUE))
    tracer = provider.get_tracer("spectrum-pipelines", version)
    spans = Spans()

    def observe(fact: Stamped, state: RunState) -> None:
        for span in spans.told(fact, state):
            ids.trace_id, ids.span_id = span.trace_id, span.span_id
            made = tracer.start_span(
                span.name,
                context=_under(span, caller),
                kind=SpanKind.SERVER if span.parent_id is None else SpanKind.INTERNAL,
                attributes=_told(span.attributes),
                start_time=_nanoseconds(span.start),
            )
            for event in span.events:
                made.add_event(event.name, _told(event.attributes), _nanoseconds(event.at))
            if span.failed is not None:
                made.set_status(Status(StatusCode.ERROR, span.failed))
            made.end(_nanoseconds(span.end))

    try:
        yield observe
    finally:
        farewell = threading.Thread(target=provider.shutdown, name="traces", daemon=True)
        farewell.start()
        farewell.join(_FAREWELL)


class _Ids(IdGenerator):
    """Gives the ids that the span at hand must have."""

    trace_id = 0
    span_id = 0

    def generate_span_id(self) -> int:
        """The id of the span."""
        return self.span_id

    def generate_trace_id(self) -> int:
        """The id of the trace, for a span without a parent."""
        return self.trace_id


def _under(span: Span, caller: Caller | None) -> Context:
    """The context of the parent; an empty one for a run that nobody traced before, and for one that another trace goes on with."""
    ours = caller if caller is not None and caller.trace_id == span.trace_id else None
    if span.parent_id is None and ours is None:
        return Context()
    parent = ours.span_id if span.parent_id is None and ours is not None else span.parent_id
    assert parent is not None
    flags = TraceFlags.SAMPLED if ours is None else ours.flags
    context = SpanContext(span.trace_id, parent, is_remote=True, trace_flags=TraceFlags(flags))
    return set_span_in_context(NonRecordingSpan(context), Context())


def _told(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {key: value for key, value in attributes.items() if value is not None}


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000) * 1000
