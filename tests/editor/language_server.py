"""The YAML language server over its standard streams: what an editor asks it, and what it says."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 30.0  # seconds until a test gives up on an answer


def command() -> list[str] | None:
    """How to start it, by `YAML_LANGUAGE_SERVER` or the search path; None if it is not installed."""
    found = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
    return [found, "--stdio"] if found else None


@dataclass(frozen=True, slots=True)
class Opened:
    """A document of an editor: its name, and the diagnostics that came for it."""

    name: str
    diagnostics: list[dict[str, Any]]

    @property
    def messages(self) -> list[str]:
        return [str(it["message"]) for it in self.diagnostics]


class LanguageServer:
    """One session with any number of documents."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self._number = 0
        self._documents = 0
        threading.Thread(target=self._listen, daemon=True).start()
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities={})
        self._tell("initialized")

    def open(self, text: str) -> Opened:
        """Open a document of the folder under a name of its own, and wait for its diagnostics."""
        self._documents += 1
        name = f"pipeline-{self._documents}.yaml"
        document = {"uri": self._uri(name), "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", textDocument=document)
        while True:
            heard = self._heard.get(timeout=PATIENCE)
            if heard.get("method") == "textDocument/publishDiagnostics" and heard["params"]["uri"] == self._uri(name):
                return Opened(name, heard["params"]["diagnostics"])

    def ask(self, method: str, **params: Any) -> Any:
        """One request; whatever else comes in meanwhile is passed over."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            heard = self._heard.get(timeout=PATIENCE)
            if heard.get("id") == self._number and "method" not in heard:
                return heard["result"]

    def at(self, method: str, name: str, line: int, character: int) -> Any:
        """A request about a place; lines and characters count from 0."""
        place = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", textDocument={"uri": self._uri(name)}, position=place)

    def _uri(self, name: str) -> str:
        return (self._folder / name).as_uri()

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                stream.readline()
                message = json.loads(stream.read(int(header.split(b":")[1])))
                if "id" in message and "method" in message:  # a question of its own: it gets no settings
                    result: Any = [{}] * len(message.get("params", {}).get("items", [])) or None
                    self._send({"id": message["id"], "result": result})
                self._heard.put(message)


@contextmanager
def language_server(folder: Path) -> Iterator[LanguageServer]:
    """A server that is started for a folder, and ended afterwards."""
    started = command()
    assert started is not None
    with subprocess.Popen(started, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield LanguageServer(process, folder)
        finally:
            process.kill()
