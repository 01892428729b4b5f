"""A bounded number of calls that wait for their caller: the longest wait is evicted for a new one.

A thread that waits for a message which never comes, or a reply which is never read, is held by the caller. Here no set
of callers can hold more than there are slots: a call that comes when all are taken evicts the one that has waited
longest, and a wait beyond the limit times out. A caller that behaves holds a slot for microseconds, or for as long as
the server itself is behind: so no call is evicted before `WAIT_MIN_S`, and in a burst more calls may wait than there
are slots.
"""

import itertools
import threading
import time
from collections.abc import Callable
from enum import StrEnum

Cancel = Callable[[], object]
# A call that has waited less is not evicted: many times what a server under full load takes to hand over a message
# that has come.
WAIT_MIN_S = 0.1


class EndReason(StrEnum):
    """Why a call was ended from this side."""

    EVICTED = "evicted"  # it had waited longest when all slots were taken
    TIMED_OUT = "timed_out"  # it waited longer than anyone may


class CallSlots:
    """At most `count` calls wait at a time, each at most `limit_s`. `on_end` hears why a call was ended; nobody is, who
    has not waited for `wait_min_s`."""

    def __init__(
        self,
        count: int,
        limit_s: float,
        on_end: Callable[[EndReason], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        wait_min_s: float = WAIT_MIN_S,
    ) -> None:
        self._count = count
        self._limit_s = limit_s
        self._wait_min_s = wait_min_s
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
        """Whether a slot is free."""
        return len(self._waiting) < self._count

    def acquire(self, cancel: Cancel) -> int:
        """A slot, by number; `cancel` ends the call. Ends the oldest where all were taken."""
        now_s = self._clock()
        if len(self._waiting) >= self._count:
            self._end_oldest(self._wait_min_s, now_s, EndReason.EVICTED)
        number = next(self._numbers)
        self._waiting[number] = (now_s, cancel)
        return number

    def release(self, number: int) -> None:
        """The wait is over; nothing where it was ended meanwhile."""
        self._waiting.pop(number, None)

    def enforce_limits(self) -> None:
        """End calls beyond the limit, and the oldest while there are more than slots. Called from time to time."""
        now_s = self._clock()
        while self._end_oldest(self._limit_s, now_s, EndReason.TIMED_OUT):
            pass
        while len(self._waiting) > self._count and self._end_oldest(self._wait_min_s, now_s, EndReason.EVICTED):
            pass

    def _end_oldest(self, age_s: float, now_s: float, reason: EndReason) -> bool:
        """Whether the oldest had waited for longer and was ended."""
        with self._lock:  # or two might look at one and end two
            oldest = self._oldest()
            if oldest is None or now_s - self._since_s(oldest, now_s) <= age_s:
                return False
            waiting = self._waiting.pop(oldest, None)
        if waiting is not None:
            self._on_end(reason)
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
