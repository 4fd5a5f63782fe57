"""Spreading a job out: every combination of the values of its matrix becomes a job of its own."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod

from spectrum_pipelines.document.numbers import text_of
from spectrum_pipelines.document.schema.wording import flow
from spectrum_pipelines.pipeline.model.action import Held, JobId, Scalar

#: One runner carries 10,000 jobs without trouble; a slip in a matrix should not ask for millions.
MOST_COMBINATIONS = 10_000

Matrix = Mapping[str, Sequence[Scalar]]
Combination = Mapping[str, Scalar]


def size(matrix: Matrix) -> int:
    """How many jobs it makes; 1 without a matrix. Nothing is spread out to count them."""
    return prod(len(values) for values in matrix.values())


def combinations(matrix: Matrix) -> Iterator[Combination]:
    """Each combination, the last key turning fastest. One empty combination without a matrix."""
    for values in product(*matrix.values()):
        yield dict(zip(matrix, values, strict=True))


def job_id(name: str, combination: Combination) -> JobId:
    """`publish[emea,2026]`, or the plain name without a matrix."""
    return JobId(f"{name}[{label(combination)}]" if combination else name)


def label(combination: Combination) -> str:
    """What stands in the brackets."""
    return ",".join(as_text(value) for value in combination.values())


def as_text(value: Held) -> str:
    """A value within a text, spelled as in YAML: `true`, not `True`; a number as it was written; a list as `[emea, apac]`."""
    match value:
        case tuple():
            return f"[{', '.join(flow(it) if isinstance(it, str) else as_text(it) for it in value)}]"
        case bool():
            return str(value).lower()
        case int() | float():
            return text_of(value)
        case _:
            return value
