"""Data on stdout: as JSON that nothing in it can break out of, and as lines in columns."""

import json
import sys
from collections.abc import Iterable
from enum import Enum
from typing import Any

from msgspec import Struct
from msgspec.structs import fields


def put(text: str) -> None:
    """Write to stdout, now. Whoever reads it may leave at any time, which changes no exit code. Raises OutputLost."""
    sys.stdout.write(text)
    sys.stdout.flush()


def put_bytes(data: bytes) -> None:
    """`put` for what is UTF-8, whatever the locale says. Raises OutputLost."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def print_json(value: object) -> None:
    """Indented, ASCII only; records as objects with their own field names, enums as their words."""
    # `##vso[` is a command to Azure wherever it stands in a line; within JSON, `##` stands in strings only.
    text = json.dumps(_plain(value), indent=2).replace("##", "\\u0023\\u0023")
    put(text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Struct):
        return {it.name: _plain(getattr(value, it.name)) for it in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line, names and values in columns; what is None or empty is left out. Both may be foreign text."""
    from spectrum_pipelines.words.clean import clean  # noqa: PLC0415 - text only
    from spectrum_pipelines.words.columns import padded, width_of  # noqa: PLC0415

    shown = [(clean(name), clean(str(value))) for name, value in facts if value is not None and value != ""]
    column = max((width_of(name) for name, _ in shown), default=0)
    put("".join(f"{padded(name, column)}  {value}\n" for name, value in shown))
