"""W3C Trace Context: a run within a traced CI job is part of that trace.

CI systems and tracing wrappers hand on a `traceparent`. It is sent with every request, as the header of that name, and its trace id
stands in the report. What does not look like one is never sent: it came from somewhere else.
"""

import re
from collections.abc import Mapping

HEADER = "traceparent"

# Version, trace id, parent id and flags; all zeros and version ff are invalid by the standard.
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII
)


def trace_headers(traceparent: str | None) -> dict[str, str]:
    """What goes with each request; empty without a valid trace context."""
    return {HEADER: traceparent} if traceparent and _TRACEPARENT.fullmatch(traceparent) else {}


def trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace that the requests of a connection with these headers belong to."""
    found = _TRACEPARENT.fullmatch(headers.get(HEADER, ""))
    return found["trace"] if found else None
