"""Airflow's connection of type `spectrum`: host, login and password as usual, the rest in the extra fields."""

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.providers.common.compat.sdk import BaseHook

from spectrum_pipelines.airflow import CONNECTION_FIELDS, CONNECTION_LABELS, CONNECTION_PLACEHOLDERS
from spectrum_pipelines.airflow.pages import Pages
from spectrum_pipelines.clock import SystemClock
from spectrum_pipelines.errors import UserError
from spectrum_pipelines.pipeline.model.pipeline import Http, Server
from spectrum_pipelines.spectrum import FileReference

if TYPE_CHECKING:
    from spectrum_pipelines import Connection
    from spectrum_pipelines.app.connection import Line


class Access(NamedTuple):
    """What Airflow's connection says: how to reach the server, where journals are kept, and where pages of runs are served."""

    connection: "Connection"
    state: str | None
    state_password: str | None
    pages: Pages | None


class SpectrumHook(BaseHook):
    """Makes a `spectrum_pipelines.Connection` of Airflow's connection `conn_id`.

    Schema, host and port are the address (`https` without a schema); `login` and `password` go with every request. Extra fields:
    `path` (a base path behind the host), `ca_bundle`, `client_cert`, `client_key` (files), `insecure` (true: any certificate),
    `timezone` (of the server's dates), `state` (where journals are kept: a folder or a postgresql:// URL), `state_password`,
    `reports` and `reports_url` (a folder for the pages of runs, and where it is served).
    """

    conn_name_attr = "conn_id"
    default_conn_name = "spectrum_default"
    conn_type = "spectrum"
    hook_name = "Datameer Spectrum"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The extra fields of the connection form."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget  # noqa: PLC0415 - in Airflow's web server only
        from flask_babel import lazy_gettext  # noqa: PLC0415
        from wtforms import BooleanField, PasswordField, StringField  # noqa: PLC0415

        text, password = BS3TextFieldWidget(), BS3PasswordFieldWidget()
        made: dict[str, Any] = {
            "insecure": lambda label: BooleanField(label, default=False),
            "state_password": lambda label: PasswordField(label, widget=password),
        }
        plain = lambda label: StringField(label, widget=text)  # noqa: E731 - beside the two others
        return {name: made.get(name, plain)(lazy_gettext(label)) for name, label in CONNECTION_FIELDS.items()}

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """How the connection form shows the fields that every connection has."""
        return {
            "hidden_fields": [],
            "relabeling": CONNECTION_LABELS,
            "placeholders": CONNECTION_PLACEHOLDERS,
        }

    def get_conn(self) -> "Connection":
        """The connection, for every function of `spectrum_pipelines` that takes one. Raises UserError for what it lacks."""
        return self.access().connection

    def access(self) -> Access:
        """The connection, and the fields about state and reports. One look-up. Raises UserError for what it lacks."""
        from spectrum_pipelines import Connection  # noqa: PLC0415 - requests, when a task runs

        found = self.get_connection(self.conn_id)
        extra: dict[str, Any] = dict(found.extra_dejson)
        if not found.host:
            raise UserError(f"the connection `{self.conn_id}` has no host", hint="give the host of the Spectrum server")
        cert, key = extra.get("client_cert") or None, extra.get("client_key") or None
        verify: bool | str = not _is_true(extra.get("insecure")) and (extra.get("ca_bundle") or True)
        connection = Connection(
            _address(found.schema, found.host, found.port, str(extra.get("path") or "")),
            username=found.login or "",
            password=found.password or "",
            verify=verify,
            client_cert=(cert, key) if cert and key else cert,
            timezone=extra.get("timezone") or None,
        )
        folder, url = extra.get("reports"), extra.get("reports_url")
        if bool(folder) != bool(url):
            raise UserError(
                f"the connection `{self.conn_id}` has one of `reports` and `reports_url`",
                hint="give both: the folder that tasks write to, and the URL under which it is served",
            )
        return Access(
            connection,
            state=extra.get("state") or None,
            state_password=extra.get("state_password") or None,
            pages=Pages(Path(folder), url) if folder and url else None,
        )

    def test_connection(self) -> tuple[bool, str]:
        """Ask the server once for its active jobs, for the button "Test" of the form; returns whether that worked, and a text."""
        from spectrum_pipelines.errors import SpectrumPipelinesError  # noqa: PLC0415

        try:
            active = list_active(self.get_conn())
        except SpectrumPipelinesError as error:
            return False, error.message
        return True, f"{len(active)} active jobs"


def list_active(connection: "Connection") -> frozenset[int]:
    """The execution ids of everything that waits or runs on the server. Raises ClientError and UserError."""
    with ExitStack() as stack:
        return frozenset(job.execution_id for job in _line(connection, stack).api.list_running())


def stop_executions(connection: "Connection", execution_ids: Iterable[int]) -> list[int]:
    """Stop those of the executions that run now; returns their ids. Raises ClientError and UserError.

    A stop acts on a file: what runs there is looked at right before, and the execution of somebody else is left alone.
    """
    ours = frozenset(execution_ids)
    with ExitStack() as stack:
        api = _line(connection, stack).api
        stopped = []
        for job in api.list_running():
            file = job.uuid if job.file_id is None else job.file_id
            if job.execution_id in ours and file is not None:
                api.stop(FileReference(str(file)))
                stopped.append(int(job.execution_id))
        return stopped


def _line(connection: "Connection", stack: ExitStack) -> "Line":
    from spectrum_pipelines.app.connection import open_line  # noqa: PLC0415 - requests, when a task runs

    return open_line(connection, server=Server(url=connection.url), http=Http(), clock=SystemClock(), stack=stack)


def _address(scheme: str | None, host: str, port: int | None, path: str) -> str:
    if "://" in host:
        return host if port is None else f"{host.rstrip('/')}:{port}"
    where = host if port is None else f"{host}:{port}"
    return f"{scheme or 'https'}://{where}/{path.strip('/')}".rstrip("/")


def _is_true(value: object) -> bool:
    return value is True or str(value).strip().lower() in {"1", "true", "yes", "on"}
