"""One line that GitHub Actions obeys, and nothing else on it: https://docs.github.com/actions, "Workflow commands"."""

from collections.abc import Iterable, Mapping

from spectrum_pipelines.words.clean import clean


def workflow_command(level: str, properties: Mapping[str, object], lines: Iterable[str]) -> str:
    """Write `::level file=...,line=...::message`. The properties are cleaned here, the lines of the message before."""
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {told}::{_escaped(chr(10).join(lines))}"


def _escaped(text: str) -> str:
    """GitHub's escapes, which keep a message from ending its line and beginning a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(clean(text)).replace(":", "%3A").replace(",", "%2C")
