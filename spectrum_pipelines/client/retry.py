"""Lost GETs are asked again; nothing else ever is.

Two layers of retry exist and are never mixed: this one repeats a question, which is harmless. Running a job again is the engine's
decision. tenacity decides. Its own `stop_after_delay`, `wait_exponential_jitter` and `time.sleep` read the machine's clock and the
process's randomness; the strategies here read the injected ones, so that tests and the simulator need no real time.
"""

import random
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct
from tenacity import RetryCallState, Retrying, retry_if_exception

from spectrum_pipelines.clock import Clock
from spectrum_pipelines.errors import ClientError, NotSpectrum, Throttled, TlsFailure, Unanswered, Unsent

T = TypeVar("T")

_SLICE = 0.2  # seconds: how late an abort may be noticed


class RetrySettings(Struct, frozen=True, kw_only=True):
    """`limit` counts repetitions, so at most `limit + 1` requests are sent. The rest is in seconds, but for `jitter`.

    The n-th wait is `interval * 2**(n-1)` up to `max_interval`, of which a random share of up to `jitter` is left off. No wait goes
    beyond `max_elapsed`, and no request begins after it.
    """

    limit: int = 5
    interval: float = 1.0
    max_interval: float = 30.0
    jitter: float = 0.5
    max_elapsed: float = 300.0


def is_transient(error: BaseException) -> bool:
    """Asking again may help: not for certificates, wrong addresses, credentials or a plain no."""
    if isinstance(error, TlsFailure | NotSpectrum):
        return False
    return isinstance(error, Unsent | Unanswered | Throttled)


class Retrier(Struct, frozen=True, kw_only=True):
    """Repeats a question as the settings say. One for all threads: it holds no state of a call.

    `stopping` is asked before each repetition and, about five times a second, during waits: when it says yes, the last failure is
    raised at once. `on_retry` is told of each repetition, in one line.
    """

    settings: RetrySettings
    clock: Clock
    random: random.Random
    stopping: Callable[[], bool] | None = None
    on_retry: Callable[[str], None] | None = None

    def run(self, ask: Callable[[], T]) -> T:
        """Call `ask` until it returns. Raises its last error, unwrapped."""
        ends_at = self.clock.monotonic() + self.settings.max_elapsed

        def time_left() -> float:
            return max(ends_at - self.clock.monotonic(), 0.0)

        retrying = Retrying(
            retry=retry_if_exception(is_transient),
            stop=lambda state: state.attempt_number > self.settings.limit or time_left() <= 0 or self._is_stopping(),
            wait=lambda state: min(self._wait(state), time_left()),
            before_sleep=self._announce,
            sleep=self._sleep,
            reraise=True,
        )
        lost: ClientError | None = None
        for attempt in retrying:
            with attempt:
                if lost is not None and self._is_stopping():
                    raise lost  # the wait was cut short by an abort: no further request
                try:
                    return ask()
                except ClientError as error:
                    lost = error
                    raise
        raise AssertionError("tenacity returns an answer or raises")

    def _wait(self, state: "RetryCallState") -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Throttled) and error.retry_after is not None:
            return error.retry_after
        # The exponent is capped because 2**1024 is beyond a float and no interval needs it.
        grown = self.settings.interval * 2.0 ** min(state.attempt_number - 1, 64)
        return min(grown, self.settings.max_interval) * (1 - self.settings.jitter * self.random.random())

    def _sleep(self, seconds: float) -> None:
        if self.stopping is None:
            self.clock.sleep(seconds)
            return
        until = self.clock.monotonic() + seconds
        while (rest := until - self.clock.monotonic()) > 0 and not self.stopping():
            self.clock.sleep(min(rest, _SLICE))

    def _is_stopping(self) -> bool:
        return self.stopping is not None and self.stopping()

    def _announce(self, state: "RetryCallState") -> None:
        if self.on_retry is not None:
            error = state.outcome.exception() if state.outcome else None
            again = f"retry {state.attempt_number} of {self.settings.limit}"
            self.on_retry(f"{error}; {again} in {state.upcoming_sleep:.1f}s")
