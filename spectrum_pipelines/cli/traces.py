"""Traces, where OpenTelemetry's own variables ask for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from spectrum_pipelines import __version__
from spectrum_pipelines.app.trace import trace_headers
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.runner.loop import Observer


def endpoint_of(environ: Mapping[str, str]) -> str | None:
    """The URL to which traces are sent; None: nobody wants them."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if own := environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return own
    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{base.rstrip('/')}/v1/traces" if base else None


@contextmanager
def traced(environ: Mapping[str, str]) -> Iterator[tuple[Observer, ...]]:
    """The observers that a run gets for its traces. A missing package is told, and the run goes on without them."""
    endpoint = endpoint_of(environ)
    if endpoint is None:
        yield ()
        return
    try:
        from spectrum_pipelines.telemetry.export import Caller, exported  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        say("warning", f"no traces are sent: {error}; pip install 'spectrum-pipelines[otel]'")
        yield ()
        return
    traceparent = trace_headers(environ.get("TRACEPARENT")).get("traceparent")
    caller = None if traceparent is None else Caller(traceparent)
    with exported(endpoint, version=__version__, caller=caller) as observer:
        yield (observer,)
