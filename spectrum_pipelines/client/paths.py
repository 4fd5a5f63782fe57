"""The URIs of the vendor's page, built from a server URL that is checked once.

A file is named by id, uuid or path, and the path goes into the URI as it is: slashes stay slashes because some servers refuse
`%2F`, everything else is percent-encoded. A `..` cannot be encoded away (servers and HTTP libraries alike decode and resolve it),
hence refused.
"""

from functools import lru_cache
from urllib.parse import quote, urlsplit

from spectrum_pipelines.address import leads_elsewhere, read_address
from spectrum_pipelines.errors import Refused
from spectrum_pipelines.spectrum import ConfigurationId, DataReference, ExecutionId, FileReference

SEQUENCE_PATH = "/api/job-execution/trigger"


def base_url(server: str) -> str:
    """The server URL without a trailing slash; a base path is kept. Raises UserError, never showing a password."""
    return read_address(server).base


def origin_of(url: str) -> str:
    """Scheme, host and port of an absolute URL."""
    return "/".join(url.split("/", 3)[:3])


@lru_cache(maxsize=64)
def shown(url: str) -> str:
    """A URL as a message may show it: scheme, host, port and path. For broken ones a placeholder."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
        host = parts.hostname or ""
    except ValueError:
        return "(an unreadable URL)"
    host = f"[{host}]" if ":" in host else host
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    text = f"{scheme}{host}{port}{parts.path}"
    # A redirect's target is foreign text: it may hold escape sequences.
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def file_segments(reference: FileReference) -> str:
    """`/Data/My orders.imp` as `Data/My%20orders.imp`. Raises Refused for a name that no server could hold."""
    segments = [segment for segment in reference.split("/") if segment]
    if not segments:
        raise Refused("an empty file reference", hint="name the file by its id, its uuid or its path")
    if any(segment.strip() in {".", ".."} for segment in segments):
        raise Refused(f"{reference!r}: a path may not hold '.' or '..'", hint="write the full path of the file")
    try:
        return "/".join(quote(segment, safe="") for segment in segments)
    except UnicodeEncodeError:
        raise Refused(f"{reference!r} is not valid Unicode", hint="name the file by its id or uuid") from None


def status(base: str, reference: FileReference) -> str:
    """GET: the latest execution of a file."""
    return f"{base}/api/job-execution/{file_segments(reference)}/status"


def trigger(base: str, reference: FileReference) -> str:
    """POST: run a file's job."""
    return f"{base}/api/job-execution/{file_segments(reference)}/trigger"


def stop(base: str, reference: FileReference) -> str:
    """POST: stop whatever runs of a file."""
    return f"{base}/api/job-execution/{file_segments(reference)}/stop"


def sequence(base: str, path: str) -> str:
    """POST: the sequential trigger. Its path is missing on the vendor's page, hence a setting; it may stand already encoded."""
    if leads_elsewhere(path):
        raise Refused(
            "the path of the sequential trigger holds `.` or `..`", hint="write `server.sequence_path` in full"
        )
    return f"{base}/{quote(path.lstrip('/'), safe='/%:@!$&()*+,;=~?')}"


def history(base: str, configuration: ConfigurationId, *, start: int, length: int) -> str:
    """GET: past executions of a job configuration, newest first."""
    return f"{base}/rest/job-configuration/job-history/{configuration:d}?start={start:d}&length={length:d}"


def details(base: str, execution: ExecutionId) -> str:
    """GET: one execution."""
    return f"{base}/rest/job-execution/job-details/{execution:d}"


def list_running(base: str) -> str:
    """GET: every active job of the server."""
    return f"{base}/api/job-execution/list-running"


def data(base: str, data: DataReference) -> str:
    """DELETE: the data of a run, by its id or by the name of its file. The vendor's page wants `+` for spaces, here alone."""
    if isinstance(data, int):
        return f"{base}/rest/data/{data:d}"
    return f"{base}/rest/data/{file_segments(FileReference(data)).replace('%20', '+')}"
