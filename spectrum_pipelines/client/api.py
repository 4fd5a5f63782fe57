"""The operations of the vendor's page "REST API Job Commands".

GETs are repeated when they get lost, and a GET that takes far longer than others is asked a second time. Whatever changes something
(trigger, sequence, stop, delete) is sent exactly once, on a connection of its own, and repeated by nobody: a lost answer to one of
these is Unanswered, and what to do about it is the engine's to decide.
"""

import json
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from spectrum_pipelines.client import paths, wire
from spectrum_pipelines.client.judgement import Declined, judge
from spectrum_pipelines.client.latency import Latency
from spectrum_pipelines.client.retry import Retrier, RetrySettings
from spectrum_pipelines.client.transport.exchange import Answer, Call, Exchange, Transport
from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import AnswerTimeout, ClientError, Refused, ServerFault
from spectrum_pipelines.redaction import Redact, plain
from spectrum_pipelines.spectrum import (
    ActiveJob,
    ConfigurationId,
    DataReference,
    Deletion,
    ExecutionId,
    ExecutionPlan,
    FileId,
    FileReference,
    HistoryEntry,
    JobDetails,
    StatusAnswer,
    TriggerAnswer,
)

T = TypeVar("T")

CALL_DEADLINE = 120.0  # seconds


class SpectrumApi:
    """The job API of one Spectrum server. Many threads may call it at once; every method raises ClientError and nothing else.

    `deadline` bounds a single call in seconds of wall clock. `redact` cleans the server's texts before they go into an exception;
    `stopping` cuts waits between repetitions short (see `Retrier`). `on_exchange` is told of every request, from any thread. With
    `one_connection` every other question waits while the list of active jobs hangs, so that such a list is given up soon.
    Raises UserError for a server URL that cannot be used.
    """

    def __init__(
        self,
        *,
        server: str,
        transport: Transport,
        retry: RetrySettings,
        clock: Clock,
        random: random.Random,
        sequence_path: str = paths.SEQUENCE_PATH,
        on_retry: Callable[[str], None] | None = None,
        stopping: Callable[[], bool] | None = None,
        redact: Redact = plain,
        deadline: float = CALL_DEADLINE,
        on_exchange: Callable[[Exchange], None] | None = None,
        one_connection: bool = False,
    ) -> None:
        self._base = paths.base_url(server)
        self._transport = transport
        self._clock = clock
        self._sequence_path = sequence_path
        self._redact = redact
        self._deadline = deadline
        self._on_retry = on_retry
        self._on_exchange = on_exchange
        self._one_connection = one_connection
        self._latency = Latency()
        self._retrier = Retrier(
            settings=retry, clock=clock, random=random, stopping=stopping, on_retry=self._count_retry
        )
        self._lock = threading.Lock()
        self._requests = 0
        self._retries = 0

    @property
    def requests(self) -> int:
        """The number of HTTP requests so far, repetitions included."""
        return self._requests

    @property
    def retries(self) -> int:
        """The number of requests so far that repeated one that got lost."""
        return self._retries

    def status(self, reference: FileReference) -> StatusAnswer:
        """The latest execution of a file: its id and its status word. Somebody else may have started it.

        `reference` is a file id, a path or a uuid. Raises Refused where the file does not exist or may not be seen.
        """
        return self._ask(paths.status(self._base, reference), wire.status)

    def history(self, configuration: ConfigurationId, *, start: int = 0, length: int = 10) -> tuple[HistoryEntry, ...]:
        """Past executions of a job configuration, newest first: `length` of them, from the place `start` on.

        A configuration has an id of its own, which is not that of its file.
        """
        return self._ask(paths.history(self._base, configuration, start=start, length=length), wire.history)

    def details(self, execution: ExecutionId) -> JobDetails:
        """One execution, whoever started it: status, counts, times, file. Raises Refused for an id that nobody knows."""
        return self._ask(paths.details(self._base, execution), lambda answer: wire.details_of(answer, execution))

    def list_running(self) -> tuple[ActiveJob, ...]:
        """Every job of the server that is active, whoever started it."""
        url = paths.list_running(self._base)
        return (self._ask_briefly if self._one_connection else self._ask)(url, wire.list_running)

    def knock(self, *, deadline: float) -> None:
        """Ask once whether the server answers, within `deadline` seconds. The request is not repeated."""
        self._exchange(Call(method="GET", url=paths.list_running(self._base), deadline=min(deadline, self._deadline)))

    def trigger(self, reference: FileReference) -> TriggerAnswer:
        """Start the job of a file, by one POST that is never repeated. The answer names the execution.

        Raises Unanswered where the job may run although no usable answer came.
        """
        return wire.triggered(self._act("POST", paths.trigger(self._base, reference)))

    def trigger_sequence(
        self, file_ids: Sequence[FileId], variables: Mapping[str, str | float | bool]
    ) -> ExecutionPlan:
        """Start these files and everything downstream of them, with workbook variables, by one POST that is never repeated.

        The answer is the plan: which executions the server will run. Raises Unanswered where they may run although no usable
        answer came.
        """
        try:
            # The vendor's own example is not JSON; what goes out here is.
            body = json.dumps({"variables": dict(variables), "fileIds": list(file_ids)}, allow_nan=False).encode(
                "ascii"
            )
        except (TypeError, ValueError):
            raise Refused(
                "a variable cannot be written as JSON", hint="NaN and infinite numbers cannot be sent"
            ) from None
        return wire.execution_plan(self._act("POST", paths.sequence(self._base, self._sequence_path), body))

    def stop(self, reference: FileReference) -> None:
        """Ask the server to stop what runs of a file, whoever started it.

        The server's answer is empty: `status` and `details` say when the job has ended. Raises Refused where nothing runs.
        """
        self._act("POST", paths.stop(self._base, reference))

    def delete_data(self, data_id: DataReference) -> Deletion:
        """Mark the data of an execution for deletion; the answer says whether the server knew the data id."""
        try:
            return wire.deletion(self._act("DELETE", paths.data(self._base, data_id)))
        except (Declined, ServerFault) as failure:
            # Which HTTP code comes with the vendor's "not found" is not documented, so its reason counts under a 5xx too.
            reason = failure.message if isinstance(failure, Declined) else failure.reason
            if reason is not None and "not found" in reason.lower():
                return Deletion.NOT_FOUND
            raise

    def _ask(self, url: str, read: Callable[[Answer], T]) -> T:
        # Reading stands inside: an answer that cannot be read is as lost as one that never came.
        return self._retrier.run(lambda: read(self._hedged(url)))

    def _ask_briefly(self, url: str, read: Callable[[Answer], T]) -> T:
        """A question whose answer is not waited for long: nothing else can be asked meanwhile. It may get lost like any other."""

        def ask() -> T | AnswerTimeout:
            deadline = self._latency.only_try(self._deadline)
            try:
                return read(self._exchange(Call(method="GET", url=url, deadline=deadline)))
            except AnswerTimeout as late:
                return late

        answer = self._retrier.run(ask)
        if isinstance(answer, AnswerTimeout):
            raise answer
        return answer

    def _hedged(self, url: str) -> Answer:
        """The answer to a question. A first try that takes far longer than answers usually do is made again at once."""
        deadline = self._latency.first_try(self._deadline)
        if deadline < self._deadline:
            try:
                return self._exchange(Call(method="GET", url=url, deadline=deadline))
            except AnswerTimeout as late:
                self._count_retry(f"{late}; asked again at once")
        return self._exchange(Call(method="GET", url=url, deadline=self._deadline))

    def _act(self, method: str, url: str, body: bytes | None = None) -> Answer:
        return self._exchange(Call(method=method, url=url, body=body, fresh_connection=True, deadline=self._deadline))

    def _exchange(self, call: Call) -> Answer:
        with self._lock:
            self._requests += 1
        began = self._clock.monotonic()
        code: int | None = None
        try:
            reply = self._transport.send(call)
            code = reply.http_status
            self._latency.add(self._clock.monotonic() - began)
            return judge(call, reply, now=self._clock.now(), redact=self._redact)
        except ClientError as error:
            # A message names the URL, and a secret may stand in the path.
            error.message = self._redact(error.message)
            raise
        finally:
            if self._on_exchange is not None:
                took = self._clock.monotonic() - began
                self._on_exchange(
                    Exchange(method=call.method, path=self._redact(call.path), http_status=code, seconds=took)
                )

    def _count_retry(self, line: str) -> None:
        with self._lock:
            self._retries += 1
        if self._on_retry is not None:
            self._on_retry(line)
