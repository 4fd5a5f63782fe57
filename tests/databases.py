"""A real PostgreSQL and a real PgBouncer for tests: in a temporary folder, on ports of their own, as a user who is not root.

They come from Debian's packages `postgresql` and `pgbouncer`. Where they are missing, the tests that need them are skipped, and
say so.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import trustme

OWNER, RUNNER = "keeper", "runner"
PASSWORDS = {OWNER: "owner-pa55-5ecret", RUNNER: "runner-pa55-5ecret"}
PATIENCE = 60.0
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def why_not() -> str | None:
    """What is missing, in a plain word; None if a database can be started here."""
    if _postgres() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql pgbouncer)"
    if shutil.which("pgbouncer") is None and not Path("/usr/sbin/pgbouncer").exists():
        return "PgBouncer is not installed (Debian: apt-get install pgbouncer)"
    if os.getuid() == 0 and _user() is None:
        return "PostgreSQL does not run as root, and there is no other user"
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return "psycopg is not installed (pip install 'spectrum-pipelines[postgres]')"
    return None


@cache
def _postgres() -> Path | None:
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("postgres")
    places += [Path(found).resolve().parent] if found else []
    return next((place for place in places if (place / "initdb").exists()), None)


@cache
def _user() -> str | None:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _as_user() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam(_user() or "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class DatabaseServer:
    """One PostgreSQL and one PgBouncer in front of it."""

    folder: Path
    port: int = field(default_factory=free_port)
    pooler_port: int = field(default_factory=free_port)
    pid: int = 0
    _pooler: subprocess.Popen[bytes] | None = None
    _databases: int = 0

    def begin(self) -> None:
        password = self.folder / "password"
        password.write_text(PASSWORDS[OWNER])
        self._certify()
        self._own()
        self._tool(
            "initdb",
            "-D",
            self.data,
            "-U",
            OWNER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale=C",
            f"--pwfile={password}",
        )
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{self.folder}'\n"
            )
            file.write("max_connections = 200\nshared_buffers = 16MB\n")
            file.write(
                f"ssl = on\nssl_cert_file = '{self.folder}/server.pem'\nssl_key_file = '{self.folder}/server.key'\n"
            )
        self.start()
        self.admin(f"CREATE ROLE {RUNNER} LOGIN PASSWORD '{PASSWORDS[RUNNER]}'")
        self._begin_pooler()

    @property
    def authority(self) -> Path:
        """The certificate of who has signed the server's."""
        return self.folder / "authority.pem"

    def _certify(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        certificate = authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "server.pem")
        certificate.private_key_pem.write_to_path(self.folder / "server.key")
        (self.folder / "server.key").chmod(0o600)

    def _own(self) -> None:
        if os.getuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, _user() or "nobody")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        self._tool("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", "60", "start")
        self.pid = int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self, mode: str = "immediate") -> None:
        self._tool("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def restart(self) -> None:
        """As a crash does it: no session ends well, nothing is written any more."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The server is there and says nothing."""
        self._signal_all(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def _signal_all(self, number: signal.Signals) -> None:
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.pid)], capture_output=True, text=True, check=False
        )
        for pid in (self.pid, *map(int, listed.stdout.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _begin_pooler(self) -> None:
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{name}" "{word}"\n' for name, word in PASSWORDS.items()))
        config = self.folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {self.pooler_port}\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
            f"default_pool_size = 6\nmax_client_conn = 300\nunix_socket_dir =\nlogfile = {self.folder}/pooler.log\n"
            "server_login_retry = 1\n"
        )
        self._own()
        program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self._pooler = subprocess.Popen([program, "-q", str(config)], **_QUIET, **_as_user())
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.pooler_port), 1):
                return
            time.sleep(0.02)
        raise AssertionError("PgBouncer did not start")

    def end(self) -> None:
        if self._pooler is not None:
            self._pooler.kill()
            self._pooler.wait()
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def admin(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        import psycopg  # noqa: PLC0415 - an extra

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=OWNER, password=PASSWORDS[OWNER], dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_schema(self) -> str:
        """The name of a schema that no other test has."""
        self._databases += 1
        return f"test_{self._databases}"

    def url(self, database: str = "postgres", *, user: str = OWNER, pooled: bool = False, **query: str) -> str:
        port = self.pooler_port if pooled else self.port
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"postgresql://{user}@127.0.0.1:{port}/{database}" + (f"?{asked}" if asked else "")

    def _tool(self, name: str, *arguments: object) -> None:
        place = _postgres()
        assert place is not None
        command = [str(place / name), *map(str, arguments)]
        # The server inherits these streams: a pipe would be waited for as long as it lives.
        subprocess.run(command, check=True, timeout=PATIENCE, cwd="/", env=_plain(), **_QUIET, **_as_user())

    def dump(self, database: str) -> str:
        """Everything that stands in a database."""
        place = _postgres()
        assert place is not None
        command = [str(place / "pg_dump"), "-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, database]
        env = {**_plain(), "PGPASSWORD": PASSWORDS[OWNER]}
        dumped = subprocess.run(command, check=True, capture_output=True, text=True, env=env)
        return dumped.stdout


def _plain() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}


@contextmanager
def database_server() -> Iterator[DatabaseServer]:
    """A server that ends with the block."""
    memory = Path("/dev/shm")  # a commit must mean disk, and a disk in memory is a fast one
    folder = Path(tempfile.mkdtemp(prefix="spectrum-pg-", dir=memory if os.access(memory, os.W_OK) else None))
    server = DatabaseServer(folder)
    try:
        server.begin()
        yield server
    finally:
        server.end()
