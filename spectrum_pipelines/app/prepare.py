"""What must be in place before a run goes on in this process: its lease, its group, its line to the server."""

import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from spectrum_pipelines.app.connection import Line, Reach, open_line
from spectrum_pipelines.app.front import Front
from spectrum_pipelines.errors import ClientError, ConflictError, ExitCode
from spectrum_pipelines.pipeline.model.pipeline import Pipeline, Server
from spectrum_pipelines.pipeline.secrets import secrets_of
from spectrum_pipelines.redaction import without
from spectrum_pipelines.store.guarding import connect_timeout_under
from spectrum_pipelines.store.holder import Holder, Who
from spectrum_pipelines.store.interface import Lease, Store, group_lease
from spectrum_pipelines.store.leasing import OnWait, take_group, take_run
from spectrum_pipelines.words.wording import span_in_words

#: What to do with a run key whose run has ended: give its report, go on from what failed, or begin anew.
WhenEnded = Literal["report", "retry", "again"]

#: Seconds between two looks for a server that is away, and between two looks for an abort meanwhile.
_PAUSE = 2.0
_GLANCE = 0.1
_SHORTEST_LOOK = 1.0  # seconds that a question to a server has, also when the wait is nearly over

SECRET = "***"  # noqa: S105 - what stands in place of one


class Circumstances(Struct, frozen=True, kw_only=True):
    """What a run records of how it was begun.

    `state` is the place of its store and `workspace` that of an embedded server, as a command about the run must name them; None
    where it need not. `origin` says what began it: a DAG and its run, the URL of a CI job.
    """

    git_commit: str | None = None
    workspace: str | None = None
    state: str | None = None
    origin: dict[str, str] = field(default_factory=dict)


def ourselves() -> Who:
    """The process of now, as others shall see it."""
    return Who(pid=os.getpid(), host=socket.gethostname())


def take_lease(store: Store, run_id: str, front: Front) -> Lease:
    """The lease of a run. Raises ConflictError naming who holds it, Interruption and StateError."""
    return take_run(
        store,
        run_id,
        ourselves(),
        clock=front.clock,
        on_wait=waits(front, f"run {run_id}"),
        stopping=lambda: front.abort.is_requested,
    )


def join_group(pipeline: Pipeline, store: Store, run_id: str, front: Front, stack: ExitStack) -> Lease | None:
    """Be the only run of the pipeline's group; its lease, None if there is no group.

    Raises ConflictError, Interruption if an abort ends the wait, and StateError.
    """
    concurrency = pipeline.concurrency
    if concurrency.group is None:
        return None
    if (caveat := store.caveat(group_lease(concurrency.group))) is not None:
        front.notices.warning(caveat)
    lease = take_group(
        store,
        concurrency.group,
        concurrency.behavior,
        ourselves(),
        run_id=run_id,
        clock=front.clock,
        timeout=concurrency.timeout,
        on_wait=waits(front, f"concurrency group `{concurrency.group}`"),
        stopping=lambda: front.abort.is_requested,
    )
    if lease is None:
        front.abort.check()
        raise ConflictError(f"stopped waiting for concurrency group `{concurrency.group}`")
    return stack.enter_context(lease)


def waits(front: Front, what: str) -> OnWait:
    """Say that something is waited for, and who holds it."""

    def on_wait(holder: Holder | None, waited: float) -> None:
        front.notices.note(f"waiting for {what} for {span_in_words(waited)}, held by {holder or 'another run'}")

    return on_wait


def line_to(
    pipeline: Pipeline,
    reach: Reach,
    front: Front,
    stack: ExitStack,
    *,
    server: Server | None = None,
    lease: Lease | None = None,
) -> Line:
    """A line to the pipeline's server, whose texts lose the pipeline's secrets as they come in. Raises UserError.

    Under a `lease` no request takes longer to leave than the lease allows for.
    """
    http = pipeline.http
    if lease is not None:
        http = replace(http, connect_timeout=connect_timeout_under(lease, http.connect_timeout))
    return open_line(
        reach(server or pipeline.server),
        server=pipeline.server,
        http=http,
        clock=front.clock,
        stack=stack,
        redact=without_secrets(pipeline),
        stopping=lambda: front.abort.is_requested,
        on_retry=front.notices.asked_again,
    )


def await_server(line: Line, seconds: float, front: Front) -> None:
    """Wait as long as this for a server that cannot be reached; every other answer, a refused login too, ends the wait at once.

    Raises the last ClientError where the server stays away, and Interruption if an abort ends the wait.
    """
    ends = front.clock.monotonic() + seconds
    told = False
    while True:
        try:
            line.api.knock(deadline=max(_SHORTEST_LOOK, ends - front.clock.monotonic()))
        except ClientError as error:
            if error.exit_code is not ExitCode.UNREACHABLE:
                return  # the pre-flight meets it again, and says what it is
            if front.clock.monotonic() >= ends:
                raise
            if not told:
                told = True
                front.notices.note(f"waiting for the server, {span_in_words(seconds)} at most: {error.message}")
        else:
            return
        next_look = min(front.clock.monotonic() + _PAUSE, ends)
        while front.clock.monotonic() < next_look:
            front.abort.check()
            front.clock.sleep(_GLANCE)


def without_secrets(pipeline: Pipeline) -> Callable[[str], str]:
    """Masks secret variables in what a server says: it may echo a request, and spells the values in it as JSON, HTML or URIs do."""
    return without(secrets_of(pipeline))
