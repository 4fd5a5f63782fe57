"""Which kind of file a document is: a pipeline and a workspace are easily taken for each other on a command line."""

from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.errors import UserError


def has_keys_of_a_workspace(document: Document) -> bool:
    """The document has the keys of a workspace, which no pipeline has."""
    data = document.data
    return isinstance(data, dict) and {"users", "files"} <= data.keys() and "jobs" not in data


def refuse_a_workspace(document: Document) -> None:
    """Raise UserError for a workspace where a pipeline is needed: one sentence instead of a fault for each key."""
    if has_keys_of_a_workspace(document):
        name = document.source.name
        hint = f"name the pipeline, and start the server by `--local {name}`"
        raise UserError(f"{name} is a workspace of the embedded server, not a pipeline", hint=hint)


def refuse_a_pipeline(document: Document) -> None:
    """Raise UserError for a pipeline where a workspace is needed."""
    data = document.data
    if isinstance(data, dict) and "jobs" in data and not {"users", "files"} & data.keys():
        hint = "a workspace has `users` and `files`; `spectrum-pipelines init DIR` writes one of each kind"
        raise UserError(f"{document.source.name} is a pipeline, not a workspace of the embedded server", hint=hint)
