"""Ids and counts as a command line gives them. An id is written in one way only, at every door, as in a pipeline file.

An id beyond its limits is refused by name of the limit. One with leading zeros is refused, too: whoever writes `007` may mean a
name, or digits that a script has padded, and what is deleted or started by the wrong id does not come back.
"""

import re
from typing import Any, TypeVar

import click

from spectrum_pipelines.spectrum import LARGEST_ID

Given = TypeVar("Given", str, tuple[str, ...], None)

_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
#: How many of something: more than anybody has.
MOST = 1_000_000_000


def read_id(text: str, what: str) -> int | None:
    """The id that the text is; None if it does not look like a number. Raises ValueError, whose text says what to write."""
    if not _DIGITS.fullmatch(text):
        return None
    digits = text.lstrip("0")
    if text.startswith("0") and digits and len(digits) <= len(str(LARGEST_ID)):
        raise ValueError(f"`{text[:40]}` has leading zeros: write `{digits}` for the {what} id.")
    if len(text) > len(str(LARGEST_ID)) or not 0 < int(text) <= LARGEST_ID:
        raise ValueError(f"`{text[:40]}` is no {what} id: ids are whole numbers from 1 to {LARGEST_ID}.")
    return int(text)


class _Id(click.IntRange):
    def __init__(self, what: str) -> None:
        super().__init__(1, LARGEST_ID)
        self._what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            found = read_id(str(value), self._what)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found is None:
            self.fail(
                f"`{value}` is no {self._what} id: ids are whole numbers from 1 to {LARGEST_ID}, such as 7.", param, ctx
            )
        return found


EXECUTION_ID = _Id("execution")
CONFIGURATION_ID = _Id("configuration")
FILE_ID = _Id("file")


def job_file(context: click.Context, parameter: click.Parameter, value: Given) -> Given:
    """Callback of a parameter that takes a path, a uuid or a file id, or several."""
    given: tuple[str, ...] = (value,) if isinstance(value, str) else value or ()
    for text in given:
        try:
            read_id(text, "file")
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None
    return value
