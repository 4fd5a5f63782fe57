"""Data on stdout: as JSON that nothing in it can break out of, and as lines in columns."""

import json
import shutil
import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

#: Whoever reads a pipe cuts for himself.
_UNBOUNDED = 10_000


def print_json(value: object) -> None:
    """Indented, ASCII only; records as objects with their own field names, enums as their words."""
    # `##vso[` is a command to Azure wherever it stands in a line; within JSON, `##` stands in strings only.
    text = json.dumps(_plain(value), indent=2).replace("##", "\\u0023\\u0023")
    sys.stdout.write(text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {it.name: _plain(getattr(value, it.name)) for it in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line, names and values in columns; what is None or empty is left out. Values may be foreign text."""
    from spectrum_pipelines.output.clean import clean  # noqa: PLC0415 - text only

    shown = [(name, clean(str(value))) for name, value in facts if value is not None and value != ""]
    column = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        sys.stdout.write(f"{name:<{column}}  {value}\n")
    sys.stdout.flush()


def width_of_stdout() -> int:
    """The cells of a line; as good as unbounded where no terminal is."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else _UNBOUNDED
