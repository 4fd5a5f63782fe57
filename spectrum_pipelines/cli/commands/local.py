"""`local serve WORKSPACE`: the embedded Spectrum-compatible server."""

import ipaddress
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from spectrum_pipelines.cli.groups import TellingCommand, TellingGroup
from spectrum_pipelines.cli.options import option
from spectrum_pipelines.cli.printed import put
from spectrum_pipelines.cli.terminal import say
from spectrum_pipelines.errors import ExitCode

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK = 1.0  # seconds between two looks at whether the server still lives


@click.command("serve", cls=TellingCommand)
@click.argument("workspace", metavar="WORKSPACE", type=click.Path(path_type=Path))
@option("--host", of="LOCAL", default="127.0.0.1", show_default=True, help="The address to listen on.")
@option(
    "--port",
    of="LOCAL",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="The port to listen on.",
)
@option("--verbose", of="LOCAL", is_flag=True, help="Print each change of a run on stderr.")
def serve(workspace: Path, *, host: str, port: int, verbose: bool) -> int:
    """Serve a WORKSPACE file to any Spectrum client, until SIGINT or SIGTERM.

    The first line on stdout is `url`, and is written when calls are answered. Runs and tables are kept in `.spectrum-local` beside
    the workspace file, and are there again after a restart.

    \b
    Examples:
      spectrum-pipelines local serve pipelines/workspace/workspace.yaml
      spectrum-pipelines local serve demo/workspace.yaml --port 8080 --verbose
    """
    from spectrum_pipelines.app.embedded import start_server  # noqa: PLC0415 - the extra `local`

    with _held_signals() as held:
        log = (lambda line: say("server", line)) if verbose else None
        server, served = start_server(workspace, host=host, port=port, log=log)
        try:
            if not _is_loopback(host):
                say("warning", f"listening on {host}: whoever reaches it and knows a login may run its jobs")
            names = ", ".join(user.name for user in served.users)
            put(f"url     {server.url}\n")
            put(f"logins  {names} (the passwords are in {workspace})\n")
            asked = _heard(held)
            while not server.wait(0):
                if asked.wait(_LOOK):
                    return ExitCode.SUCCEEDED
        finally:
            server.close()
    say("error", "the server has ended by itself")
    return ExitCode.BUG


@contextmanager
def _held_signals() -> Iterator[set[signal.Signals]]:
    """Hold signals back to be waited for: in all threads, so before the first is started. `nohup` keeps its meaning."""
    held = {it for it in _ENDS if signal.getsignal(it) is not signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield held
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _heard(held: set[signal.Signals]) -> threading.Event:
    """An event that is set when one of these signals comes; they must be held back.

    A thread waits for them, because macOS has no wait for a signal that ends after a time.
    """
    asked = threading.Event()

    def wait() -> None:
        signal.sigwait(held)
        asked.set()

    if held:
        threading.Thread(target=wait, name="signals", daemon=True).start()
    return asked


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


command = TellingGroup(
    "local",
    help="The embedded Spectrum-compatible server: real data jobs on this machine, to try, test and rehearse.",
    commands=[serve],
)
