"""Does again what may yet succeed, and shows meanwhile that the process lives."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException

from tidewheel.runtime.hang_guard import Guard
from tidewheel.runtime.process import Unusable
from tidewheel.runtime.transaction_policy import Policy

Result = TypeVar("Result")

# One try of a call; between tries we show that we live.
TRY_LIMIT_S = 5.0
TRY_WAIT_S = 0.1


class Patience:
    """`wait` lets a client work for so many seconds; `on_turn` is called often; `guard` makes a call that may hang.

    `stop`: whether the process is asked to end, which makes it less patient.
    """

    def __init__(
        self,
        policy: Policy,
        wait: Callable[[float], None],
        *,
        clock: Callable[[], float],
        on_turn: Callable[[], None],
        guard: Guard,
        log: logging.Logger,
    ) -> None:
        self.stop = threading.Event()
        self._policy = policy
        self._wait = wait
        self._clock = clock
        self._on_turn = on_turn
        self._guard = guard
        self._log = log

    def insist(self, step: Callable[[float], Result]) -> Result:
        """What one step returns, done again and again while that may help. It is told how long it may take, in seconds.

        Raises KafkaException; when Kafka stays away, Unusable, or LeftOpen where that is no matter any more.
        """
        since_s = self._clock()
        while True:
            try:
                return step(TRY_LIMIT_S)
            except KafkaException as failure:
                tried_s, error = self._clock() - since_s, failure.args[0]
                if not self._policy.may_retry(error):
                    raise
                if tried_s >= self._policy.retry_limit_s:
                    raise Unusable(f"Kafka has not answered for {tried_s:.0f} s: {error.str()}") from None
                self._log.warning("trying again: %s", error.str())
            self.pause(since_s)

    def pause(self, since_s: float) -> None:
        """Wait between two tries of what has been tried since then. Raises LeftOpen."""
        self._wait(TRY_WAIT_S)
        self._turn(since_s)

    def guarded(self, call: Callable[[], None]) -> None:
        """Make a call that may never come back. Raises what it raises, ClientHung, or LeftOpen."""
        since_s = self._clock()
        self._guard(call, lambda: self._turn(since_s))

    def pause_after(self, failure: Exception, words: str) -> None:
        """Wait after a failure, longer after each in a row. Raises Unusable after too many, in the words of this."""
        wait_s = self._policy.wait_after_failure_s(self._clock())
        if wait_s is None:
            raise Unusable(f"no transaction succeeds any more: {words}") from failure
        self._wait(wait_s)
        self._on_turn()

    def _turn(self, since_s: float) -> None:
        self._on_turn()
        self._policy.check_wait(self._clock() - since_s, self.stop.is_set())
