"""What in a pipeline file is secret, and how a secret is kept out of a text."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.document.source import Source
from spectrum_pipelines.pipeline.fill.places import phrases
from spectrum_pipelines.pipeline.fill.reference import EnvironmentReference, read_phrase
from spectrum_pipelines.pipeline.form.matrix import as_text
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.model.action import Scalar
from spectrum_pipelines.pipeline.model.pipeline import Pipeline, Variable
from spectrum_pipelines.pipeline.rules.settings import holds_login
from spectrum_pipelines.redaction import MASK, looks_secret, without

__all__ = ["MASK", "hidden_values", "masked", "masked_value", "secret_paths", "secret_texts", "secrets_of"]

_TOLD = ("type", "description", "required", "secret")


def shown_sources(document: Document) -> tuple[Source, ...]:
    """The files of a document without the values of secrets: for excerpts."""
    return tuple(part.masked(secret_paths(document, part)) for part in document.parts)


def secret_paths(document: Document, part: Document | None = None) -> Callable[[Path], bool]:
    """Tell which scalars of a file must be neither quoted nor shown in an excerpt.

    Values of secret variables, wherever they are written, and addresses with a login. For `schema.check` and `Document.masked`. The
    values are those of one `part` of the document, where one is given.
    """
    data = mapping(document.data)
    # Anything but a plain `false` counts: an ill-typed `secret: yes` was meant.
    secret = {
        name for name, it in mapping(data.get("variables")).items() if mapping(it).get("secret") not in (None, False)
    }

    def is_secret(path: Path) -> bool:
        inner = path[2:] if path[:1] == ("environments",) else path
        match inner:
            case ("variables", name, *rest):
                return name in secret and not (rest and rest[0] in _TOLD)
            case ("server", "url"):
                return holds_login(_value_at(mapping((part or document).data), path))
            case _:
                return False

    return is_secret


def _value_at(data: Mapping[str, object], path: Path) -> object:
    value: object = data
    for key in path:
        value = mapping(value).get(str(key))
    return value


def secret_texts(variables: Iterable[Variable], *, hidden: Iterable[str] = ()) -> tuple[str, ...]:
    """The values that no output may hold, the longest first, so that a secret within a secret leaves nothing behind."""
    texts = {as_text(it) for variable in variables if variable.secret for it in _forms(variable)} | {*hidden}
    return tuple(sorted((text for text in texts if text), key=len, reverse=True))


def _forms(variable: Variable) -> Iterable[Scalar]:
    return (
        (*variable.value, variable.recorded)
        if isinstance(variable.value, tuple)
        else (variable.value, variable.recorded)
    )


def secrets_of(pipeline: Pipeline) -> tuple[str, ...]:
    """The values that no output of a run may hold: its secret variables, and what it takes from a secret-like environment."""
    return secret_texts(pipeline.variables.values(), hidden=pipeline.hidden)


def hidden_values(data: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, ...]:
    """What references of a file take from environment variables whose names say that they hold a secret."""
    names = {
        part.name
        for _, text in phrases(data)
        for part in read_phrase(text)
        if isinstance(part, EnvironmentReference) and looks_secret(part.name)
    }
    return tuple(sorted({environment[name] for name in names if environment.get(name)}))


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret replaced by `***`, in whatever spelling it stands there."""
    return without(secrets)(text)


def masked_value(value: Scalar, secrets: tuple[str, ...]) -> Scalar:
    """A scalar that may be shown; it keeps its type if it holds no secret."""
    text = as_text(value)
    shown = masked(text, secrets)
    return value if shown == text else shown
