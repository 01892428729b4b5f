"""Whoever waits for a caller sits on a seat, and seats are few.

A thread that waits for a message which never comes, or a reply which is never read, is held by the caller. Here no set
of callers can hold more than there are seats: who comes when all are taken ends the one that has waited longest, and
whoever waits beyond the limit is ended too. A caller that behaves sits for microseconds, or for as long as the server
itself is behind: so nobody is ended who has not sat for a moment, and in a burst there may be more than seats.
"""

import itertools
import threading
import time
from collections.abc import Callable
from enum import StrEnum

Cancel = Callable[[], object]
# Many times what a server under full load takes to hand over a message that has come.
MOMENT_S = 0.1


class Ended(StrEnum):
    """Why a call was ended from this side."""

    CROWDED = "crowded"  # it had waited longest when all seats were taken
    OVERDUE = "overdue"  # it waited longer than anyone may


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
        # Number -> since when, and how to end it; oldest first. Single operations on a dict are atomic: a call that
        # comes and goes takes no lock.
        self._waiting: dict[int, tuple[float, Cancel]] = {}
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._waiting)

    def has_room(self) -> bool:
        """Whether a seat is free."""
        return len(self._waiting) < self._count

    def take(self, cancel: Cancel) -> int:
        """A seat, by number; `cancel` ends the call. Ends the oldest where all were taken."""
        now_s = self._clock()
        if len(self._waiting) >= self._count:
            self._end_oldest(MOMENT_S, now_s, Ended.CROWDED)
        number = next(self._numbers)
        self._waiting[number] = (now_s, cancel)
        return number

    def leave(self, number: int) -> None:
        """The wait is over; nothing where it was ended meanwhile."""
        self._waiting.pop(number, None)

    def end_overdue(self) -> None:
        """End whoever is overdue, and the oldest while there are more than seats. Called from time to time."""
        now_s = self._clock()
        while self._end_oldest(self._limit_s, now_s, Ended.OVERDUE):
            pass
        while len(self._waiting) > self._count and self._end_oldest(MOMENT_S, now_s, Ended.CROWDED):
            pass

    def _end_oldest(self, age_s: float, now_s: float, why: Ended) -> bool:
        """Whether the oldest had sat for longer and was ended."""
        with self._lock:  # or two might look at one and end two
            oldest = self._oldest()
            if oldest is None or now_s - self._since_s(oldest, now_s) <= age_s:
                return False
            waiting = self._waiting.pop(oldest, None)
        if waiting is not None:
            self._on_end(why)
            waiting[1]()
        return True

    def _oldest(self) -> int | None:
        while self._waiting:
            try:
                return next(iter(self._waiting))
            except (RuntimeError, StopIteration):  # one came or went just then
                continue
        return None

    def _since_s(self, number: int, now_s: float) -> float:
        waiting = self._waiting.get(number)
        return now_s if waiting is None else waiting[0]
