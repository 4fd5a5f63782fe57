"""A server before the server: some requests get lost there, or it speaks TLS."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.cli.command_line import PATIENCE, hang_up


class Front:
    """Passes requests on to `far`, but for those that it `loses`."""

    def __init__(
        self, far: str, loses: Callable[[str], bool] = lambda _: False, tls: ssl.SSLContext | None = None
    ) -> None:
        host = urlsplit(far).netloc

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if loses(f"{self.command} {self.path}"):
                    hang_up(self)
                    return
                onward = HTTPConnection(host, timeout=PATIENCE)
                kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                onward.request(self.command, self.path, body=body, headers=kept)
                answer = onward.getresponse()
                content = answer.read()
                onward.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = _take  # noqa: N815 - the names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self._server.server_address[1]

    @contextmanager
    def serving(self) -> Iterator[int]:
        """Serve; gives the port."""
        with self._server:
            thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            yield self.port
            self._server.shutdown()
            thread.join(PATIENCE)
