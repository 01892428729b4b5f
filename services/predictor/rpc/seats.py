"""Whoever waits for a caller sits on a seat, and seats are few.

A thread that waits for a message which never comes, or a reply which is never read, is held by the caller. Here no set
of callers can hold more than there are seats: who comes when all are taken ends the one that has waited longest, and
whoever waits beyond the limit is ended too. A caller that behaves sits for microseconds, or for as long as the server
itself is behind: so nobody is ended who has not sat for a moment, and in a burst there may be more than seats.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Cancel = Callable[[], object]
# Many times what a server under full load takes to hand over a message that has come.
MOMENT_S = 0.1


class Ended(StrEnum):
    """Why a call was ended from this side."""

    CROWDED = "crowded"  # it had waited longest when all seats were taken
    OVERDUE = "overdue"  # it waited longer than anyone may


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call on a seat."""

    since_s: float
    cancel: Cancel


class Seats:
    """At most `count` calls wait at a time, each at most `limit_s`. `on_end` hears why a call was ended."""

    def __init__(
        self,
        count: int,
        limit_s: float,
        on_end: Callable[[Ended], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._limit_s = limit_s
        self._on_end = on_end
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[int, Waiting] = {}  # oldest first
        self._number = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, cancel: Cancel) -> int:
        """A seat, by number; `cancel` ends the call. Ends the oldest where all were taken."""
        crowded_out = None
        with self._lock:
            now_s = self._clock()
            if len(self._waiting) >= self._count:
                crowded_out = self._oldest_beyond(MOMENT_S, now_s)
            self._number += 1
            number = self._number
            self._waiting[number] = Waiting(now_s, cancel)
        if crowded_out is not None:
            self._end(crowded_out, Ended.CROWDED)
        return number

    def leave(self, number: int) -> None:
        """The wait is over; nothing where it was ended meanwhile."""
        with self._lock:
            self._waiting.pop(number, None)

    def end_overdue(self) -> None:
        """End whoever is overdue, and the oldest while there are more than seats. Called from time to time."""
        ended: list[tuple[Waiting, Ended]] = []
        with self._lock:
            now_s = self._clock()
            while waiting := self._oldest_beyond(self._limit_s, now_s):
                ended.append((waiting, Ended.OVERDUE))
            while len(self._waiting) > self._count and (waiting := self._oldest_beyond(MOMENT_S, now_s)):
                ended.append((waiting, Ended.CROWDED))
        for waiting, why in ended:
            self._end(waiting, why)

    def _oldest_beyond(self, age_s: float, now_s: float) -> Waiting | None:
        """Takes the oldest from its seat if it has sat for longer."""
        for number, oldest in self._waiting.items():
            if now_s - oldest.since_s > age_s:
                return self._waiting.pop(number)
            break
        return None

    def _end(self, waiting: Waiting, why: Ended) -> None:
        self._on_end(why)
        waiting.cancel()
