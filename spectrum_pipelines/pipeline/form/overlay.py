"""Environments: what each says, and the data of a file with one of them merged over the top."""

from collections.abc import Mapping
from typing import Any

from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.pipeline.model.action import ACTION_WORDS

#: What an environment may change. It can add jobs, but no variables: which values a run can be given stands in one place.
OVERLAID = (
    *(
        "description",
        "server",
        "timezone",
        "variables",
        "defaults",
        "timeouts",
        "concurrency",
        "poll",
        "http",
        "fail_fast",
        "on_abort",
    ),
    *("jobs", "finally"),
)
NAMED = ("variables", "jobs", "finally")
ACTIONS = tuple(ACTION_WORDS.values())
#: Keys that belong to some actions only, and go with an action that takes another's place.
OF_ACTION = {
    "variables": ("sequence",),
    "if_missing": ("wait_for", "stop", "delete_data"),
    "expect": ("trigger", "sequence", "wait_for", "check"),
}


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def environments(document: Document) -> tuple[str, ...]:
    """The names that `-e` takes."""
    return tuple(mapping(mapping(document.data).get("environments")))


def overlay_of(document: Document, environment: str | None) -> Mapping[str, Any]:
    """What an environment says; empty for none."""
    if environment is None:
        return {}
    return mapping(mapping(mapping(document.data).get("environments")).get(environment))


def merged(data: Any, overlay: Mapping[str, Any]) -> Mapping[str, Any]:
    """Key by key; lists and values replace. What the file does not name is not added."""
    base = mapping(data)
    if not overlay:
        return base
    known = {key: value for key, value in overlay.items() if key in OVERLAID}
    for name in NAMED:
        if name in known:  # what is neither known nor a whole job is not added: the rule on environments reports it
            declared = mapping(base.get(name))
            known[name] = {
                key: value
                for key, value in mapping(known[name]).items()
                if key in declared or (name != "variables" and is_whole_job(value))
            }
            if name != "variables":
                base = {**base, name: {key: _yielding(it, known[name].get(key)) for key, it in declared.items()}}
    known["variables"] = {
        name: _value_for(mapping(base.get("variables"))[name], value)
        for name, value in mapping(known.get("variables")).items()
    }
    return _deep(base, known)


def is_whole_job(body: object) -> bool:
    """Whether an environment adds a job by this, rather than changes one."""
    return any(action in mapping(body) for action in ACTIONS)


def _yielding(body: Any, over: Any) -> Any:
    """A job without its action, and what belongs to that, where an environment gives it another."""
    taken = [action for action in ACTIONS if action in mapping(over)]
    if len(taken) != 1 or not isinstance(body, Mapping) or taken[0] in body:
        return body
    lost = {*ACTIONS, *(key for key, actions in OF_ACTION.items() if taken[0] not in actions)}
    return {key: value for key, value in body.items() if key not in lost}


def _value_for(declared: Any, value: Any) -> Any:
    """The short form in an environment gives a value to a variable; its type and its secrecy stay as they were declared."""
    if isinstance(declared, Mapping) and not isinstance(value, Mapping):
        return {"default": value, "required": False}
    if isinstance(value, Mapping) and not isinstance(declared, Mapping):
        return {"default": declared, **value}
    return value


def layered(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """One file over another: key by key, as an environment over the top; a later job takes the place of an earlier one."""
    declared = mapping(base.get("variables"))
    given = {
        name: _value_for(declared[name], value) if name in declared else value
        for name, value in mapping(over.get("variables")).items()
    }
    result = _deep(base, {**over, "variables": given} if given else over)
    for section in ("jobs", "finally"):
        if isinstance(over.get(section), Mapping) and isinstance(base.get(section), Mapping):
            result[section] = {**base[section], **over[section]}
    if "include" in base and "include" not in over:
        del result["include"]  # what a fragment includes has been read
    return result


def _deep(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _deep(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged
