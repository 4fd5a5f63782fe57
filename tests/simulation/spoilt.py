"""What a server may say wrongly: one field of one kind of answer, in one way.

Every field of the vendor's page stands here, and so does every answer as a whole.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

#: The fields of each answer. An empty name is the answer itself, or each of its entries.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "status": (
        "", "status", "file-id", "job-execution-id", "job-status", "start-time", "stop-time", "estimate-time", "job-progress",
    ),
    "list": (
        "", "jobStatus", "fileName", "jobName", "fileId", "uuid", "creationDate", "jobExecutionId", "dapJobConfigurationId",
        "estimatedTime", "startTime",
    ),
    "details": (
        "", "startTime", "stopTime", "jobStatus", "jobConfigurationId", "file", "file.id", "file.uuid", "successCount",
        "failureCount", "counters", "counters.IMPORT_RECORDS",
    ),
    "history": ("", "id", "jobStatus"),
    "trigger": ("", "status", "job-execution-id", "job-execution-user", "job-execution-trigger"),
    "sequence": (
        "", "status", "execution-plan", "execution-plan.job-configuration-name", "execution-plan.job-configuration-id",
        "execution-plan.trigger", "execution-plan.job-execution-id",
    ),
    "stop": ("",),
    "delete": ("", "status"),
}  # fmt: skip


class _Absent:
    def __repr__(self) -> str:
        return "absent"


class _Foreign:
    def __repr__(self) -> str:
        return "another file's"


ABSENT = _Absent()
FOREIGN = _Foreign()

#: What stands there instead.
VALUES: tuple[Any, ...] = (
    ABSENT, None, True, 0, -1, 1.5, 10**30, 1e308, "", "eleven", "\u202e::error::\x1b[31m", [], {}, [[]], {"id": {}},
    "Dec 31, 9999 11:59:59 PM", "0001-01-01T00:00:00Z", "99999999999999999999s", FOREIGN,
)  # fmt: skip

#: What another file has there.
_OF_ANOTHER_FILE: Mapping[str, Callable[[Any], Any]] = {
    "file-id": lambda execution: execution.file.id,
    "fileId": lambda execution: execution.file.id,
    "file.id": lambda execution: execution.file.id,
    "uuid": lambda execution: execution.file.uuid,
    "file.uuid": lambda execution: execution.file.uuid,
    "file": lambda execution: {"id": execution.file.id, "uuid": execution.file.uuid},
    "jobConfigurationId": lambda execution: execution.file.configuration_id,
    "dapJobConfigurationId": lambda execution: execution.file.configuration_id,
    "execution-plan.job-configuration-id": lambda execution: execution.file.configuration_id,
    "job-execution-id": lambda execution: execution.id,
    "jobExecutionId": lambda execution: execution.id,
    "execution-plan.job-execution-id": lambda execution: execution.id,
    "id": lambda execution: execution.id,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiler:
    """One field of one kind of answer is wrong, in this share of the answers."""

    operation: str
    field: str
    value: Any
    share: float = 1.0

    def spoil(self, answer: Any, another: Any, rng: random.Random) -> Any:
        """The answer with the wrong value. `another`: an execution of another file."""
        if rng.random() >= self.share:
            return answer
        value = self.value
        if value is FOREIGN:
            value = _OF_ANOTHER_FILE[self.field](another)
        if not self.field:
            return None if value is ABSENT else value
        return _with(answer, self.field.split("."), value)


def _with(answer: Any, path: list[str], value: Any) -> Any:
    if isinstance(answer, list):
        return [_with(one, path, value) for one in answer]
    if not isinstance(answer, Mapping):
        return answer
    name, *rest = path
    if rest:
        return {**answer, name: _with(answer[name], rest, value)} if name in answer else answer
    if value is ABSENT:
        return {key: kept for key, kept in answer.items() if key != name}
    return {**answer, name: value}


def spoilers() -> Iterator[Spoiler]:
    """Each field of each answer, wrong in each way."""
    for operation, fields in FIELDS.items():
        for field, value in product(fields, VALUES):
            if value is not FOREIGN or field in _OF_ANOTHER_FILE:
                yield Spoiler(operation=operation, field=field, value=value)
