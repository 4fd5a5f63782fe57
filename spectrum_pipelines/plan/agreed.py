"""`plan --format json` is what people agree on, `run --plan FILE` holds a run to it.

The digest of a plan covers everything that would be done, with its values filled in. It leaves out where the server is, which is
looked at by itself, and what was said of it. A plan may be made where the server cannot be reached. Secrets stand masked in a plan:
that one has changed since does not show.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spectrum_pipelines.errors import UserError
from spectrum_pipelines.files import ODD_SHAPE, in_words, read_capped
from spectrum_pipelines.plan.earlier import with_earlier_bounds

#: Stands for the embedded server, whose port nobody knows before it runs.
EMBEDDED = "http://127.0.0.1"
_MAX_BYTES = 256_000_000
_SHOWN = 12
_LONGEST = 60  # characters of a value
_AGAIN = "write it with `spectrum-pipelines plan FILE --format json`, and the same -e, --var, --vars-file and --only"
#: Not part of what would be done: how the file was named, where the server is, what it said, and the digest itself.
_ASIDE = frozenset({"server", "online", "plan_digest", "pipeline.file"})


def plan_digest(data: Mapping[str, Any]) -> str:
    """Name what would be done: the plan without the server's address, which a restarted test server changes.

    Its bounds are not part of that, and stand there as they always did: a plan keeps its name from version to version.
    """
    kept = {key: value for key, value in with_earlier_bounds(data).items() if key != "server"}
    return "sha256:" + hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def with_digest(data: Mapping[str, Any]) -> dict[str, Any]:
    """A plan with the digest that `run --plan` looks at."""
    return {"plan_version": data["plan_version"], "plan_digest": _digest(data), **data}


def hold_to(path: Path, data: Mapping[str, Any]) -> None:
    """Refuse a run that is not the planned one, and say what differs. `data` is the plan of now. Raises UserError."""
    agreed = _read(path)
    try:
        digest = _digest(agreed)
    except ODD_SHAPE:  # the file may have been written by anybody
        digest = None
    if digest is None or digest != agreed.get("plan_digest"):
        raise UserError(f"{path} was changed since it was written, or has lost its `plan_digest`", hint=_AGAIN)
    if _digest(data) == agreed["plan_digest"]:
        _hold_to_server(path, agreed.get("server"), data.get("server"))
        return
    changes = list(_changes("", with_earlier_bounds(_plain(agreed)), with_earlier_bounds(_plain(data))))
    more = (f"... and {len(changes) - _SHOWN:,} more",) if len(changes) > _SHOWN else ()
    raise UserError(
        f"this is not what was planned in {path}; nothing was triggered",
        details=(*changes[:_SHOWN], *more),
        hint="put file and variables back, or plan again and have the new plan agreed on",
    )


def _hold_to_server(path: Path, agreed: object, now: object) -> None:
    """The server is part of what people agree on. A plan that was made without an address holds nobody to one.

    An embedded server is named without its port, which changes each time.
    """
    if not isinstance(agreed, str) or agreed == now:
        return
    if agreed == EMBEDDED and isinstance(now, str) and now.startswith(f"{EMBEDDED}:"):
        return
    raise UserError(
        f"{path} was planned for the server {agreed}, not for {now}; nothing was triggered",
        hint="give that server, or plan again with this one and have the new plan agreed on",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_capped(path, _MAX_BYTES))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {in_words(error)}", hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON", hint=_AGAIN) from error
    if not isinstance(data, dict) or data.get("plan_version") != 1 or not isinstance(data.get("pipeline"), dict):
        raise UserError(f"{path} is not a plan of this version", hint=_AGAIN)
    return data


def _digest(data: Mapping[str, Any]) -> str:
    return plan_digest(_plain(data))


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in data.items() if key not in _ASIDE}
    kept["pipeline"] = {key: value for key, value in data["pipeline"].items() if f"pipeline.{key}" not in _ASIDE}
    return kept


def _changes(where: str, before: Any, after: Any) -> Iterator[str]:
    """`jobs.sales.target: 51 -> 52`, in the order of the plan; jobs by their ids."""
    before, after = _by_id(before), _by_id(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{where}.{key}" if where else str(key)
            if key not in after:
                yield f"{inner}: is gone"
            elif key not in before:
                yield f"{inner}: is new"
            else:
                yield from _changes(inner, before[key], after[key])
    elif json.dumps(before) != json.dumps(after):
        yield f"{where}: {_shown(before)} -> {_shown(after)}"


def _by_id(value: Any) -> Any:
    if isinstance(value, list) and value and all(isinstance(it, dict) and "id" in it for it in value):
        return {it["id"]: it for it in value}
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
