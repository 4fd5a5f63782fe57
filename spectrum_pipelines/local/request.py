"""The reading of requests: bodies, and numbers in the query. A fault is a BadRequestError with the reason."""

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

from .catalog import number_of
from .lenient import as_json
from .model import FileId, Value, Variables

MAX_BODY: Final = 1 << 20  # bytes; ten thousand file ids take a tenth of it


class BadRequestError(Exception):
    """A fault of the caller. `code` is the HTTP code, the text is the reason."""

    def __init__(self, reason: str, code: int = 400) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The body of a sequential trigger."""

    file_ids: tuple[FileId, ...]
    variables: Variables


async def body_of(request: Request) -> bytes:
    """Read a body of at most MAX_BODY bytes, whatever the length header says."""
    read = bytearray()
    try:
        async for part in request.stream():
            read += part
            if len(read) > MAX_BODY:
                raise BadRequestError(f"The body is larger than {MAX_BODY} bytes", 413)
    except ClientDisconnect as error:
        raise BadRequestError("The body ended too early") from error
    return bytes(read)


def sequence_of(body: bytes) -> Sequence:
    """Read `{"variables": {...}, "fileIds": [...]}`; no other keys, `variables` may be missing.

    The body is JSON, or written as the example on the vendor's page: bare keys, a comma after the last item.
    """
    data = _json(body)
    if not isinstance(data, dict):
        raise BadRequestError('The body has to be an object like {"variables": {}, "fileIds": [4]}')
    if strange := sorted(data.keys() - {"variables", "fileIds"}):
        raise BadRequestError(f"Unknown key '{strange[0]}': the body takes 'variables' and 'fileIds'")
    return Sequence(file_ids=_file_ids(data.get("fileIds")), variables=_variables(data.get("variables", {})))


def query_number(request: Request, name: str, default: int | None = None) -> int:
    """Read a number from the query string. Without a default the number must be there."""
    text = request.query_params.get(name)
    if text is None and default is not None:
        return default
    number = number_of(text or "")
    if number is None:
        raise BadRequestError(f"Parameter '{name}' has to be a non-negative number")
    return number


def _json(body: bytes) -> Any:
    try:
        try:
            return json.loads(body, parse_constant=_refuse_constant)
        except json.JSONDecodeError:
            return json.loads(as_json(body.decode()), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequestError("The body is not valid JSON") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _file_ids(data: Any) -> tuple[FileId, ...]:
    if not isinstance(data, list) or not data or not all(type(one) is int for one in data):
        raise BadRequestError("'fileIds' has to be a list of at least one file id")
    return tuple(dict.fromkeys(data))


def _variables(data: Any) -> Variables:
    if not isinstance(data, dict) or not all(isinstance(one, Value) for one in data.values()):
        raise BadRequestError("'variables' has to be an object of names and strings, numbers or booleans")
    return data
