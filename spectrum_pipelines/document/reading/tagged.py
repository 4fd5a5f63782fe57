"""What a scalar with or without an explicit tag means. Of tags, only YAML's own plain ones are known.

`!!python/object` and its like can run code in a careless loader, `!!binary`, `!!timestamp` and `!!set` would put types into the
data that no schema knows: all refused, by a list of what is allowed.
"""

import re

from yaml.events import CollectionStartEvent, ScalarEvent

from spectrum_pipelines.document.reading.scalars import BadScalar, Scalar, as_written, resolve

_CORE = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_scalar(event: ScalarEvent) -> Scalar | BadScalar:
    """The value of a scalar event; quoted, block and `!!str` scalars are text as they stand."""
    text: str = event.value
    if event.tag is None:
        if event.implicit[0]:
            return as_written(text)
        return _LONE_SURROGATE if not text.isascii() and _SURROGATE.search(text) else text
    if event.tag in {"!", f"{_CORE}str"}:
        return text
    wanted = _SCALARS.get(event.tag.removeprefix(_CORE))
    if wanted is None:
        return _unknown(event.tag)
    value = resolve(text)
    if isinstance(value, BadScalar):
        return value
    if type(value) in wanted:
        return float(text) if wanted == _SCALARS["float"] else value
    return BadScalar(
        code="tag", message=f"the value is not what its tag `{_short(event.tag)}` says", hint="remove the tag"
    )


def refuse_tag(event: CollectionStartEvent, kind: str) -> BadScalar | None:
    """A mapping (`map`) or list (`seq`) may say that it is one, and nothing else."""
    if event.tag is None or event.tag in {"!", _CORE + kind}:
        return None
    return _unknown(event.tag)


def _unknown(tag: str) -> BadScalar:
    hint = "remove the tag, or put quotes around the value if it is text"
    return BadScalar(code="tag", message=f"the tag `{_short(tag)}` is not allowed", hint=hint)


def _short(tag: str) -> str:
    return tag.replace(_CORE, "!!", 1) if tag.startswith(_CORE) else tag


_LONE_SURROGATE = BadScalar(
    code="bad-escape",
    message="an escape that is half of a character",
    hint="write the character itself, or its eight-digit form \\U0001F600",
)
