"""When a market second may be published. Pure: clocks, waiting and the labeler's lag are handed in."""

import math
from collections.abc import Callable
from typing import Protocol

LAG_POLL_INTERVAL_S = 0.1

Wait = Callable[[float], bool]  # waits so many seconds; False when the service is to stop


class Pacer(Protocol):
    def wait_until_due(self, second: int) -> bool:
        """Wait until `second` may be published; False when the service is to stop. Called once a second, in order."""
        ...


class ClockPacer:
    """Market time advances `speed` times as fast as the clock, from the first second on."""

    def __init__(self, speed: float, clock: Callable[[], float], wait: Wait) -> None:
        self._speed = speed
        self._clock = clock
        self._wait = wait
        self._start: tuple[int, float] | None = None

    def wait_until_due(self, second: int) -> bool:
        if self._start is None:
            self._start = second, self._clock()
        first_second, started_s = self._start
        # A second is over, and so known, at its end.
        due_s = started_s + (second + 1 - first_second) / self._speed
        while (left_s := due_s - self._clock()) > 0:
            if not self._wait(left_s):
                return False
        return self._wait(0)


class Unpaced:
    """A live market sets the pace."""

    def wait_until_due(self, _: int) -> bool:
        return True


class LagPacer:
    """As fast as it goes, but at most `ahead_max_s` seconds ahead of the labeler; 0 is no limit.

    `lag`: seconds published that the labeler has not done, None where that cannot be said now. It is asked only when
    the room last seen is used up, and at most each `ASK_AGAIN_S`.
    """

    def __init__(
        self,
        ahead_max_s: int,
        lag: Callable[[], int | None],
        clock: Callable[[], float],
        wait: Wait,
        on_held_back: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`on_held_back`: told of each wait for the labeler, in seconds."""
        self._ahead_max_s = ahead_max_s
        self._lag = lag
        self._clock = clock
        self._wait = wait
        self._on_held_back = on_held_back
        self._credit_s = 0
        self._next_poll_s = -math.inf

    def wait_until_due(self, second: int) -> bool:
        while self._ahead_max_s and self._credit_s <= 0:
            now_s = self._clock()
            if (left_s := self._next_poll_s - now_s) > 0:
                if not self._wait(left_s):
                    return False
                self._on_held_back(self._clock() - now_s)
                continue
            lag = self._lag()
            self._next_poll_s = self._clock() + LAG_POLL_INTERVAL_S
            if lag is not None:
                self._credit_s = self._ahead_max_s - lag
        self._credit_s -= 1
        return self._wait(0)
