"""The first lines of the program, before the command line is imported."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Import the command line and run it. Ctrl-C before it can answer ends the process without a word: nothing has begun."""
    answer = signal.getsignal(signal.SIGINT)
    if answer is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from spectrum_pipelines.cli.main import main as command_line  # noqa: PLC0415 - a quarter of a second on a busy machine

    if answer is signal.default_int_handler:
        signal.signal(signal.SIGINT, answer)
    command_line()
