"""Which offset of a partition may be committed, so that no second is ever skipped. Pure.

Faust's own bookkeeping of acknowledged offsets is not used. It can commit past an input whose output is still on its
way (faust-streaming issues 606 and 312), and after a rebalance it may hand on records from a later place (216).
"""

from collections import deque

from tidewheel.domain.errors import TidewheelError


class OffsetGapError(TidewheelError):
    """A record did not come after the one before it: something between was lost on the way through the consumer."""


class OffsetTracker:
    """Inputs of one partition during one assignment, in the order they came.

    An offset is committable only when its output, and that of every input before it, has been delivered. Inputs that
    could not be used become committable only once a good one has come after them: the next start must meet the same
    run of bad ones, and end at it too.
    """

    def __init__(self) -> None:
        self._in_flight: deque[int] = deque()
        self._delivered: set[int] = set()
        self._next_offset: int | None = None
        self._done_offset = 0
        self._last_committable = 0
        self._first_rejected: int | None = None

    def received(self, offset: int) -> bool:
        """An input arrived; whether it is the one after the last. Raises OffsetGapError, and then does not count it.

        An earlier offset than expected is the consumer reading again: what was in flight from there on comes once more,
        and what lies before it does not, so it stays due.
        """
        follows = offset == self._next_offset
        if self._next_offset is not None and offset > self._next_offset:
            raise OffsetGapError(f"offset {offset} came where {self._next_offset} was due")
        if self._next_offset is None:
            self._last_committable = offset
        if not follows:
            self._in_flight = deque(one for one in self._in_flight if one < offset)
            self._delivered = {one for one in self._delivered if one < offset}
        self._in_flight.append(offset)
        self._next_offset = offset + 1
        return follows

    def rejected(self, offset: int) -> None:
        """An input that came could not be used."""
        self._first_rejected = offset if self._first_rejected is None else min(offset, self._first_rejected)

    def accepted(self) -> None:
        """A good input came, on this partition or another: what was bad before it is no run any more."""
        self._first_rejected = None

    def delivered(self, offset: int) -> None:
        """All outputs of an input were delivered; in any order."""
        self._delivered.add(offset)
        while self._in_flight and self._in_flight[0] in self._delivered:
            done = self._in_flight.popleft()
            self._delivered.discard(done)
            self._done_offset = done + 1

    def take_committable(self) -> int | None:
        """The offset to commit (one past the last input done), None where nothing was done since the last call."""
        committable = (
            self._done_offset if self._first_rejected is None else min(self._done_offset, self._first_rejected)
        )
        if committable <= self._last_committable:
            return None
        self._last_committable = committable
        return committable

    @property
    def in_flight(self) -> int:
        """Inputs that came and are not done."""
        return len(self._in_flight)
