"""What a job does: one of six actions, one for each operation of the API that changes or judges something.

A value may hold a reference to another job's execution id, which is known only while the pipeline runs: a `Template`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NewType

from msgspec import Struct, field

#: `sales`, or `publish[emea]` for one combination of a matrix (`publish[emea,2026]` for two keys).
JobId = NewType("JobId", str)

Scalar = str | int | float | bool
#: What a variable holds.
Held = Scalar | tuple[Scalar, ...]


class IfMissing(Enum):
    """Whether "nothing there" is good enough for `wait_for`, `stop` and `delete_data`."""

    OK = "ok"
    FAIL = "fail"


class JobOutput(Struct, frozen=True, kw_only=True):
    """`${jobs.<id>.execution_id}`, `.success_count`, `.failure_count` or `.counters.<NAME>`: known only once that job has run.

    In a phrase `job` may be `load[${matrix.region}]`; in a pipeline that is ready to run it is one job.
    """

    job: JobId
    output: str = "execution_id"

    @property
    def counter(self) -> str | None:
        """The counter's name, where the output is one."""
        head, dot, name = self.output.partition(".")
        return name if dot and head == "counters" else None

    def __str__(self) -> str:
        return f"${{jobs.{self.job}.{self.output}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A scalar that waits for job outputs: literal text and references in order. A single reference keeps its type (int)."""

    parts: tuple[str | JobOutput, ...]

    def resolve(self, outputs: Mapping[JobOutput, int]) -> str | int:
        """Fill in the outputs. Raises KeyError for one that is not there (its job was skipped, say)."""
        if len(self.parts) == 1 and isinstance(only := self.parts[0], JobOutput):
            return outputs[only]
        return "".join(part if isinstance(part, str) else str(outputs[part]) for part in self.parts)

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


Value = Scalar | Template


class Trigger(Struct, frozen=True, kw_only=True):
    """Run one job. `target` is a path, uuid or file id, as text."""

    target: str | Template


class Sequence(Struct, frozen=True, kw_only=True):
    """The sequential trigger: these files and everything downstream, with workbook variables."""

    file_ids: tuple[Value, ...]
    variables: Mapping[str, Value] = field(default_factory=dict)


class WaitFor(Struct, frozen=True, kw_only=True):
    """Attach to the run in progress and judge its end."""

    target: str | Template
    if_missing: IfMissing = IfMissing.FAIL


class Check(Struct, frozen=True, kw_only=True):
    """Judge the last run without starting one."""

    target: str | Template


class Stop(Struct, frozen=True, kw_only=True):
    """Stop whatever runs there and see it confirmed."""

    target: str | Template
    if_missing: IfMissing = IfMissing.OK


class DeleteData(Struct, frozen=True, kw_only=True):
    """Mark the data of these runs for deletion."""

    data_ids: tuple[Value, ...]
    if_missing: IfMissing = IfMissing.FAIL


Action = Trigger | Sequence | WaitFor | Check | Stop | DeleteData

#: The YAML word of each action, which is also the report's.
ACTION_WORDS: Mapping[type, str] = {
    Trigger: "trigger",
    Sequence: "sequence",
    WaitFor: "wait_for",
    Check: "check",
    Stop: "stop",
    DeleteData: "delete_data",
}
