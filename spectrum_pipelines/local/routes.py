"""The routes of the API: the calls of the vendor's page, and the older calls that clients in the field still use."""

import sqlite3
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import wire
from .catalog import Catalog, number_of, visible
from .deletion import Deletions
from .execution import Execution
from .layout import Page
from .ledger import Ledger
from .model import File, Workspace
from .plan import RefusedPlanError, order
from .request import BadRequestError, body_of, query_number, sequence_of
from .scheduler import Scheduler

Endpoint = Callable[[Request], Awaitable[Response]]
SEQUENCE = "/api/job-execution/trigger"


class Api:
    """The handlers of the calls. Each handler runs on the event loop and waits for nothing but its body."""

    def __init__(self, workspace: Workspace, ledger: Ledger, scheduler: Scheduler, deletions: Deletions) -> None:
        self._files = Catalog(workspace.files)
        self._ledger = ledger
        self._scheduler = scheduler
        self._deletions = deletions
        self._workspace = workspace

    def app(self) -> Starlette:
        """Build the routes. An unknown call gets a failure body, too."""
        routes = [
            Route("/api/job-execution/list-running", self.list_running, methods=["GET"]),
            Route(SEQUENCE, self.trigger_sequence, methods=["POST"]),
            Route("/api/job-execution/{target:path}/status", self.status, methods=["GET"]),
            Route("/api/job-execution/{target:path}/trigger", self.trigger, methods=["POST"]),
            Route("/api/job-execution/{target:path}/stop", self.stop, methods=["POST"]),
            Route("/rest/job-configuration/job-history/{id}", self.history, methods=["GET"]),
            Route("/rest/job-execution/job-details/{id}", self.details, methods=["GET"]),
            Route("/rest/data/{id:path}", self.delete, methods=["DELETE"]),
            Route("/rest/job-configuration/job-status/{id}", self.old_status, methods=["GET"]),
            Route("/rest/jobs/list-running", self.list_running, methods=["GET"]),
            Route("/rest/job-execution", self.old_trigger, methods=["POST"]),
            Route("/rest/job-execution/job-kill/{id}", self.old_kill, methods=["POST"]),
        ]
        refusals = {
            HTTPException: _unknown,
            BadRequestError: _bad,
            RefusedPlanError: _bad,
            sqlite3.Error: _unwritten,
            Exception: _broken,
        }
        return Starlette(routes=routes, exception_handlers=refusals)

    async def status(self, request: Request) -> Response:
        """Show the latest execution of a file."""
        file = self._target(request)
        if file is None:
            return self._missing(wire.MISSING_FILE)
        execution = self._ledger.latest(file.id)
        if execution is None:
            return Page(wire.never_run())
        return Page(wire.status(execution, *self._scheduler.progress(execution)))

    async def trigger(self, request: Request) -> Response:
        """Start a file."""
        file = self._target(request)
        return self._missing(wire.MISSING_FILE) if file is None else self._start(file, request)

    async def stop(self, request: Request) -> Response:
        """Stop a file's execution. The answer has no body, as on the page."""
        file = self._target(request)
        if file is None:
            return self._missing(wire.MISSING_FILE)
        if self._scheduler.stop(file):
            return Response()
        return Page(wire.failure("The job isn’t running"), 409)  # noqa: RUF001 - as the page writes it

    async def trigger_sequence(self, request: Request) -> Response:
        """Start files and all files downstream."""
        asked = sequence_of(await body_of(request))
        user = request.scope["user"]
        if any(self._files.file(one, user) is None for one in asked.file_ids):
            return self._missing(wire.MISSING_FILE)
        files = order(self._workspace.files, asked.file_ids)
        if any(visible(one, user) is None for one in files):
            return self._missing(wire.MISSING_FILE)
        executions = self._scheduler.trigger_sequence(files, user, asked.variables)
        return Page(wire.plan(zip(files, executions, strict=True)))

    async def list_running(self, request: Request) -> Response:
        """Show the executions that have not ended, of files that the user may see."""
        user = request.scope["user"]
        seen = ((self._files.file(one.file_id, user), one) for one in self._ledger.active())
        rows = [wire.active(file, one, self._scheduler.progress(one)[1]) for file, one in seen if file]
        return Page(rows)

    async def history(self, request: Request) -> Response:
        """Show a page of a file's history."""
        file = self._configuration(request.path_params["id"], request)
        if file is None:
            return self._missing(wire.missing("JobConfiguration", request.path_params["id"]))
        start, length = query_number(request, "start", 0), query_number(request, "length", 10)
        return Page(wire.history(self._ledger.page(file.id, start, length)), width=4)

    async def details(self, request: Request) -> Response:
        """Show one execution."""
        found = self._execution(request)
        if found is None:
            return self._missing(wire.missing("JobExecution", request.path_params["id"]))
        return Page(wire.details(*found))

    async def delete(self, request: Request) -> Response:
        """Delete the data of an execution. The data id is the execution id; a path or name stands for the file's newest data."""
        found = self._execution(request) or self._newest(request)
        if found is None or not self._deletions.has_data(*found):
            return self._missing(wire.missing("Data", request.path_params["id"]))
        return Page({"status": self._deletions.delete(*found)})

    async def old_status(self, request: Request) -> Response:
        """Show the latest execution by configuration id."""
        file = self._configuration(request.path_params["id"], request)
        if file is None:
            return self._missing(wire.missing("JobConfiguration", request.path_params["id"]))
        return Page(wire.old_status(self._ledger.latest(file.id)))

    async def old_trigger(self, request: Request) -> Response:
        """Start a file by configuration id."""
        number = query_number(request, "configuration")
        file = self._configuration(str(number), request)
        return self._missing(wire.missing("JobConfiguration", number)) if file is None else self._start(file, request)

    async def old_kill(self, request: Request) -> Response:
        """Stop one execution. An ended execution stays as it is."""
        found = self._execution(request)
        if found is None:
            return self._missing(wire.missing("JobExecution", request.path_params["id"]))
        if found[1].is_active:
            self._scheduler.kill(found[1])
        return Response()

    def _start(self, file: File, request: Request) -> Response:
        return Page(wire.triggered(self._scheduler.trigger(file, request.scope["user"])))

    def _target(self, request: Request) -> File | None:
        target = _raw(request, "/api/job-execution/").rpartition("/")[0]
        return self._files.named(target, request.scope["user"])

    def _configuration(self, text: str, request: Request) -> File | None:
        number = number_of(text)
        return None if number is None else self._files.configuration(number, request.scope["user"])

    def _execution(self, request: Request) -> tuple[File, Execution] | None:
        number = number_of(request.path_params["id"])
        execution = None if number is None else self._ledger.get(number)
        file = execution and self._files.file(execution.file_id, request.scope["user"])
        return (file, execution) if file and execution else None

    def _newest(self, request: Request) -> tuple[File, Execution] | None:
        raw = _raw(request, "/rest/data/")
        user = request.scope["user"]
        if number_of(raw) is not None:  # a data id, not a file's
            return None
        file = self._files.named(raw, user) or self._files.called(raw, user)
        runs = self._ledger.newest_first(file.id) if file else ()
        return next(((file, one) for one in runs if file and self._deletions.has_data(file, one)), None)

    def _missing(self, reason: str) -> Response:
        return Page(wire.failure(reason), self._workspace.failure_code)


def _raw(request: Request, prefix: str) -> str:
    # Not the decoded path of the framework: there a %2B and a + are already the same.
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii", "replace").removeprefix(prefix)


async def _unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Page(wire.failure(f"{request.method} {request.url.path} is not a call of this API"), error.status_code)


async def _bad(_: Request, error: Exception) -> Response:
    return Page(wire.failure(str(error)), error.code if isinstance(error, BadRequestError) else 400)


async def _unwritten(_: Request, error: Exception) -> Response:
    return Page(wire.failure(f"The server cannot keep its state: {error}"), 500)


async def _broken(_: Request, error: Exception) -> Response:
    return Page(wire.failure(f"Internal error: {type(error).__name__}"), 500)
