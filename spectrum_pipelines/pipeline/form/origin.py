"""Where each value of a job's policy comes from: the tool itself, `defaults`, the job, or an environment; with its line.

Worked out from the document when somebody asks (`plan` does), so that the model need not carry it.
"""

from collections.abc import Mapping
from enum import Enum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import fields

from spectrum_pipelines.document.parse import Document
from spectrum_pipelines.document.position import Path
from spectrum_pipelines.pipeline.form.overlay import mapping
from spectrum_pipelines.pipeline.form.view import View
from spectrum_pipelines.pipeline.model.action import JobId
from spectrum_pipelines.pipeline.model.policy import Policy, Retry

#: `timeout` ... `retry.limit` ...: the keys of a policy as the file spells them, in the order of the model.
POLICY_VALUES = tuple(it.name for it in fields(Policy) if it.name != "retry") + tuple(
    f"retry.{it.name}" for it in fields(Retry)
)


_GROUPS = frozenset(key.partition(".")[0] for key in POLICY_VALUES)


class Layer(Enum):
    """Where a value comes from: built in, the file, a fragment, an environment, the command line."""

    TOOL = "tool"
    DEFAULTS = "defaults"
    JOB = "job"


class Origin(Struct, frozen=True, kw_only=True):
    """`line` is None for the tool's own defaults; `environment` is named where the line stands in one, and `file` in a fragment."""

    layer: Layer
    line: int | None = None
    environment: str | None = None
    file: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the job itself says it."""
        return self.layer is Layer.JOB

    def __str__(self) -> str:
        if self.layer is Layer.TOOL:
            return "built in"
        within = f", environment {self.environment}" if self.environment else ""
        of = f" of {self.file}" if self.file else ""
        return f"line {self.line}{of}{within}"


class Origins:
    """The origins of one document under one environment."""

    def __init__(self, document: Document, environment: str | None) -> None:
        self._view = View(document, environment)

    def of(self, job: JobId, *, is_finally: bool) -> Mapping[str, Origin]:
        """Each of `POLICY_VALUES` and where it comes from: `defaults` itself for a job that says nothing."""
        path = ("finally" if is_finally else "jobs", job.partition("[")[0])
        own = self._within(path, Layer.JOB)
        return self.defaults | own if own else self.defaults

    @cached_property
    def defaults(self) -> dict[str, Origin]:
        """What holds for jobs that say nothing themselves."""
        return {key: Origin(layer=Layer.TOOL) for key in POLICY_VALUES} | self._within(("defaults",), Layer.DEFAULTS)

    def _within(self, path: Path, layer: Layer) -> dict[str, Origin]:
        found: dict[str, Origin] = {}
        body = mapping(self._view.data)
        for key in path:
            body = mapping(body.get(str(key)))
        if not _GROUPS & body.keys():
            return found
        for key in POLICY_VALUES:
            group, dot, name = key.partition(".")
            steps = (group, name) if dot else (group,)
            if (name in mapping(body.get(group))) if dot else (key in body):
                found[key] = self._origin((*path, *steps), layer)
        return found

    def _origin(self, path: Path, layer: Layer) -> Origin:
        where = self._view.origin(path)
        environment = str(where[1]) if where[0] == "environments" else None
        return Origin(layer=layer, line=self._view.line(path), environment=environment, file=self._view.file(path))
