"""A TCP proxy that does to the n-th connection what a network does: cut, reset, drip, hang, truncate. Seeded, so it replays."""

import random
import socket
import struct
import threading
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from tests.faults.spectrum_server import PATIENCE

WHOLE, CUT, RESET, DRIP, HANG, TRUNCATE, REFUSE = "whole", "cut", "reset", "drip", "hang", "truncate", "refuse"
DEEDS = (CUT, RESET, DRIP, HANG, TRUNCATE, REFUSE)


class FaultProxy:
    """In front of `url`. Of each connection it draws what happens to the first answer on it; `share` are harmed."""

    def __init__(self, url: str, *, seed: int, share: float = 0.4) -> None:
        self._far = (urlsplit(url).hostname, urlsplit(url).port)
        self._random = random.Random(seed)
        self._share = share
        self._closing = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.done: list[str] = []
        self._begin(self._accept)

    def _begin(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                deed = self._random.choice(DEEDS) if self._random.random() < self._share else WHOLE
                self.done.append(deed)
                self._sockets.append(near)
                if deed == REFUSE:
                    _reset(near)
                else:
                    self._begin(self._relay, near, deed)

    def _relay(self, near: socket.socket, deed: str) -> None:
        with suppress(OSError), near, socket.create_connection(self._far, timeout=PATIENCE) as far:
            self._sockets.append(far)
            self._begin(_pump, near, far)
            while data := far.recv(65536):
                if not self._pass_on(near, data, deed):
                    return

    def _pass_on(self, near: socket.socket, data: bytes, deed: str) -> bool:
        match deed:
            case "cut":
                near.shutdown(socket.SHUT_RDWR)
            case "reset":
                _reset(near)
            case "hang":
                self._closing.wait(1.0)
            case "truncate":
                near.sendall(data[: len(data) // 2])
                near.shutdown(socket.SHUT_RDWR)
            case "drip":
                for byte in data:
                    near.sendall(bytes([byte]))
                    self._closing.wait(0.002)
                return True
            case _:
                near.sendall(data)
                return True
        return False

    def close(self) -> None:
        self._closing.set()
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reset(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()


def _pump(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while data := near.recv(65536):
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)
