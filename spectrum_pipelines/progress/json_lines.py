"""Progress for programs: each fact as one line of JSON, as it stands in the journal (`schemas/event.schema.json`)."""

import json
from typing import Any, TextIO

from spectrum_pipelines.engine.facts import Stamped
from spectrum_pipelines.engine.state.run import RunState
from spectrum_pipelines.pipeline.secrets import masked, secrets_of
from spectrum_pipelines.progress.base import Lines
from spectrum_pipelines.redaction import without
from spectrum_pipelines.store.codec import encode
from spectrum_pipelines.store.masking import masked_fact

# Words of ours: a secret that happens to be one of them must not make a line unreadable.
_WORDS = frozenset({"event", "time", "status", "cause", "by", "deletion"})


class JsonProgress:
    """`seq` is the number of the next line: 1 for a new run; a resumed one goes on behind its journal."""

    def __init__(self, stream: TextIO, *, seq: int = 1, is_held: bool = False) -> None:
        self._lines = Lines(stream, is_held=is_held)
        self._seq = seq

    def __call__(self, fact: Stamped, state: RunState) -> None:
        """Write the fact."""
        secrets = secrets_of(state.pipeline)
        line = encode(masked_fact(fact, without(secrets)) if secrets else fact, self._seq)
        self._seq += 1
        if secrets:
            line = json.dumps(_masked(json.loads(line), secrets))
        # Azure obeys `##vso[` wherever it stands in a log; `##` stands in JSON inside of strings only.
        self._lines.write(line.replace("##", "\\u0023\\u0023"))

    def tick(self, state: RunState, now_at: float) -> None:  # noqa: ARG002 - as every progress
        """Only facts are lines; say those that are held."""
        self._lines.flush()

    def close(self) -> None:
        """Say what is held."""
        self._lines.flush()


def _masked(value: Any, secrets: tuple[str, ...]) -> Any:
    match value:
        case str():
            return masked(value, secrets)
        case list():
            return [_masked(one, secrets) for one in value]
        case dict():
            return {key: one if key in _WORDS else _masked(one, secrets) for key, one in value.items()}
        case _:
            return value
