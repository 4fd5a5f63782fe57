"""What a transport logs in with, and everything that it must therefore never show."""

import threading

from spectrum_pipelines.redaction import Redact, basic_token, plain, redactor


class Credentials:
    """The login of the next call, and a memory of every login ever used: the old ones stay redacted."""

    def __init__(self, auth: tuple[str, str] | None) -> None:
        self._lock = threading.Lock()
        self._hidden: tuple[tuple[str, str], ...] = ()
        self._redact: Redact = plain
        self.log_in(auth)

    def log_in(self, auth: tuple[str, str] | None) -> None:
        """(user, password), or None for a server that asks for nothing."""
        if auth is not None:
            self.hide(auth)
        self.headers = {} if auth is None else {"Authorization": f"Basic {basic_token(*auth)}"}

    def hide(self, login: tuple[str, str]) -> None:
        """Redact a login that is not ours to send, such as a proxy's."""
        with self._lock:  # two at a time could forget one of them
            self._hidden = (*self._hidden, login)
            self._redact = redactor(*self._hidden)

    def redact(self, text: str) -> str:
        """The text without any password or token."""
        return self._redact(text)
