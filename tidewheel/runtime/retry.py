"""The one way to try again: with back-off, up to a limit, for those failures that may pass."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime.backoff import doubled_s

Result = TypeVar("Result")


class NotYetError(TidewheelError):
    """What is waited for is not so yet. Never leaves this module."""


def _ignore(failure: Exception, tried_s: float) -> None:
    """Of most failures that pass nobody needs to hear."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long something is tried, and how often: `pause_s` after the first failure, twice as long after each more, up
    to `pause_max_s` (None: always as long). No attempt begins later than about `limit_s` after the first.

    `wait` lets so many seconds pass; where it says True, as `Event.wait` does, nothing is tried any more.
    """

    pause_s: float
    limit_s: float = math.inf
    pause_max_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], bool | None] = time.sleep

    def call(
        self,
        step: Callable[[], Result],
        is_retriable: Callable[[Exception], bool],
        on_failure: Callable[[Exception, float], None] = _ignore,
        since_s: float | None = None,
    ) -> Result:
        """What `step` returns. Raises what it raised last: what is not retriable at once, else at the end of it all.

        `on_failure` is told of each failure that may pass, and for how many seconds it has been tried; it may raise.
        `since_s`: when that began, by the clock; None: now.
        """
        since_s = self.clock() if since_s is None else since_s
        failures = 0
        while True:
            try:
                return step()
            except Exception as failure:
                if not is_retriable(failure) or (tried_s := self.clock() - since_s) > self.limit_s:
                    raise
                on_failure(failure, tried_s)
                failures += 1
                if self.wait(self.pause_after(failures)):
                    raise

    def pause_after(self, failures: int) -> float:
        """Seconds until the next attempt after so many failures in a row, for who does not wait but comes again."""
        if self.pause_max_s is None:
            return self.pause_s
        return doubled_s(self.pause_s, self.pause_max_s, failures)

    def until(self, ready: Callable[[], bool]) -> bool:
        """Whether it is ready before the limit passes; asked again and again."""

        def ask() -> None:
            if not ready():
                raise NotYetError

        try:
            self.call(ask, lambda failure: isinstance(failure, NotYetError))
        except NotYetError:
            return False
        return True
