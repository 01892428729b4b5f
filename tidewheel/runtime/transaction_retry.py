"""Retries steps of a transaction that may yet succeed, with heartbeats meanwhile."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException

from tidewheel.runtime.process import FatalError
from tidewheel.runtime.retry import Retry
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.watchdog import Watchdog

Result = TypeVar("Result")

# One attempt of a call; between attempts there are heartbeats.
ATTEMPT_LIMIT_S = 5.0
RETRY_EVERY_S = 0.1


class Retrier:
    """`wait` lets a client work for so many seconds; `heartbeat` is called often; `watchdog` makes calls that may hang.

    `stop`: whether the process is asked to end, which makes it less patient.
    """

    def __init__(
        self,
        policy: TransactionPolicy,
        wait: Callable[[float], None],
        *,
        clock: Callable[[], float],
        heartbeat: Callable[[], None],
        watchdog: Watchdog,
        log: logging.Logger,
    ) -> None:
        self.stop = threading.Event()
        self._policy = policy
        self._wait = wait
        self._clock = clock
        self._heartbeat = heartbeat
        self._watchdog = watchdog
        self._log = log

    def retry(self, step: Callable[[float], Result]) -> Result:
        """What a step returns, retried while that may help. It gets how long it may take, in seconds.

        Raises KafkaException; when Kafka stays away, FatalError, or TransactionLeftOpenError once asked to stop.
        """
        since_s = self._clock()
        retry = Retry(RETRY_EVERY_S, clock=self._clock, wait=lambda _: self.pause(since_s))
        return retry.call(lambda: step(ATTEMPT_LIMIT_S), self._is_retriable, self._on_failure, since_s)

    def pause(self, since_s: float) -> None:
        """Wait between two attempts of what has been tried since then. Raises TransactionLeftOpenError."""
        self._wait(RETRY_EVERY_S)
        self._keep_alive(since_s)

    def call_guarded(self, call: Callable[[], None]) -> None:
        """Make a call that may never come back. Raises what it raises, ClientHungError, or TransactionLeftOpenError."""
        since_s = self._clock()
        self._watchdog(call, lambda: self._keep_alive(since_s))

    def back_off(self, failure: Exception, message: str) -> None:
        """Wait after a failure, longer after each in a row. Raises FatalError after too many, with this message."""
        wait_s = self._policy.backoff_s(self._clock())
        if wait_s is None:
            raise FatalError(f"no transaction succeeds any more: {message}") from failure
        self._wait(wait_s)
        self._heartbeat()

    def _is_retriable(self, failure: Exception) -> bool:
        return isinstance(failure, KafkaException) and self._policy.is_retriable(failure.args[0])

    def _on_failure(self, failure: Exception, retried_s: float) -> None:
        message = failure.args[0].str()
        if retried_s >= self._policy.retry_limit_s:
            raise FatalError(f"Kafka has not answered for {retried_s:.0f} s: {message}") from None
        self._log.warning("trying again: %s", message)

    def _keep_alive(self, since_s: float) -> None:
        self._heartbeat()
        self._policy.check_deadline(self._clock() - since_s, self.stop.is_set())
