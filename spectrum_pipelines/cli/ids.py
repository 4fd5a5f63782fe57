"""Ids and counts as a command line gives them: beyond their limits they are refused, by name of the limit."""

from typing import TypeVar

import click

from spectrum_pipelines.spectrum import LARGEST_ID

Given = TypeVar("Given", str, tuple[str, ...], None)

#: The id of an execution, a configuration, a file or of data.
ID = click.IntRange(1, LARGEST_ID)
#: How many of something: more than anybody has.
MOST = 1_000_000_000


def job_file(context: click.Context, parameter: click.Parameter, value: Given) -> Given:
    """Callback of a parameter that takes a path, a uuid or a file id, or several."""
    given: tuple[str, ...] = (value,) if isinstance(value, str) else value or ()
    for text in given:
        if text.isascii() and text.isdigit() and (len(text) > len(str(LARGEST_ID)) or int(text) > LARGEST_ID):
            raise click.BadParameter(f"A file id is at most {LARGEST_ID}.", context, parameter)
    return value
