"""Text to a flat stream of YAML events, one cause at a time.

Why events: PyYAML's loaders recurse. On 25,000 nested brackets the C one overflows the C stack and takes the process with it, and
the pure one raises RecursionError. Below the event interface both are loops, so whoever consumes the events can count the depth
and stop. The C parser is about ten times faster; where PyYAML was built without it, the pure one takes over. So it does where the C
one gives up by itself: newer ones read ahead into a limit of their own, a thousand levels, before the consumer has seen them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import yaml
from yaml.events import Event, StreamEndEvent

from spectrum_pipelines.document.reading.fault import Fault, Unparsable
from spectrum_pipelines.document.reading.syntax import explain

_TOO_DEEP_FOR_C = "exceeded maximum nesting depth"


class EventParser(Protocol):
    """What both of PyYAML's parsers can do."""

    def get_event(self) -> Event | None:
        """The next event; after the end of the stream None."""
        ...


def fast_parser(text: str) -> EventParser:
    """The parser of libyaml, or the pure one where libyaml is missing."""
    try:
        from yaml._yaml import CParser  # noqa: PLC0415 - wheels have it, source builds may not
    except ImportError:
        return pure_parser(text)
    parser: EventParser = CParser(text)
    return parser


def pure_parser(text: str) -> EventParser:
    """PyYAML's own parser, some ten times slower."""
    parser: EventParser = yaml.SafeLoader(text)
    return parser


def events(text: str, parser: EventParser) -> Iterator[Event]:
    """All events of all documents in `text`. Raises Unparsable at the first place that is not YAML."""
    seen = 0
    try:
        while (event := parser.get_event()) is not None:
            yield event
            seen += 1
            if type(event) is StreamEndEvent:
                return
    except yaml.MarkedYAMLError as error:
        if error.problem == _TOO_DEEP_FOR_C:
            yield from islice(events(text, pure_parser(text)), seen, None)
            return
        raise Unparsable(explain(error, text)) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # The pure parser converts escapes such as "\UFFFFFFFF" without looking.
        fault = Fault(start=0, end=0, code="syntax", message="this is not YAML: an escape or directive is out of range")
        raise Unparsable(fault) from error
