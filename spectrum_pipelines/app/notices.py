"""What a front end is told while something goes on, beside the facts of a run and its report."""

from collections.abc import Sequence
from typing import Protocol

from spectrum_pipelines.document.diagnostic import Diagnostic
from spectrum_pipelines.document.source import Source


class Notices(Protocol):
    """Takes what a person should know. Every text may quote foreign text, so it is cleaned where it is printed."""

    def note(self, text: str, *, hint: str | None = None) -> None:
        """Something that explains what goes on."""
        ...

    def warning(self, text: str, *, hint: str | None = None) -> None:
        """Something that is probably not what was meant."""
        ...

    def next(self, command: str) -> None:
        """The command to type next."""
        ...

    def findings(self, found: Sequence[Diagnostic], shown: Sequence[Source]) -> None:
        """The warnings of a file that can be used all the same. `shown` are its texts as they may be quoted."""
        ...

    def asked_again(self, text: str) -> None:
        """A question to Spectrum got lost and is asked again."""
        ...


class Silence:
    """Notices for a program that looks at values only."""

    def note(self, text: str, *, hint: str | None = None) -> None:
        """Say nothing."""

    def warning(self, text: str, *, hint: str | None = None) -> None:
        """Say nothing."""

    def next(self, command: str) -> None:
        """Say nothing."""

    def findings(self, found: Sequence[Diagnostic], shown: Sequence[Source]) -> None:
        """Say nothing."""

    def asked_again(self, text: str) -> None:
        """Say nothing."""
