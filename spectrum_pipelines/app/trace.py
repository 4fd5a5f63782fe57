"""W3C Trace Context: a run within a traced CI job is part of that trace.

CI systems and tracing wrappers put `TRACEPARENT` into the environment of a step. It is sent on with every request, as the header
`traceparent`, and its trace id stands in the report. What does not look like one is never sent: it came from somewhere else.
"""

import re
from collections.abc import Mapping

from spectrum_pipelines.cli.terminal import say

# Version, trace id, parent id and flags; all zeros and version ff are invalid by the standard.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def trace_headers(environ: Mapping[str, str]) -> dict[str, str]:
    """What goes with each request; empty without a valid trace context."""
    value = environ.get("TRACEPARENT", "")
    return {"traceparent": value} if _TRACEPARENT.fullmatch(value) else {}


def trace_id(environ: Mapping[str, str]) -> str | None:
    """The trace that this process belongs to. A context that cannot be one is said to be ignored."""
    value = environ.get("TRACEPARENT")
    if not value:
        return None
    found = _TRACEPARENT.fullmatch(value)
    if found is None:
        say("note", "TRACEPARENT is not a W3C trace context (00-<32 hex>-<16 hex>-<2 hex>) and is ignored")
        return None
    return found["trace"]
