"""How far a partition's inputs are done: what may be committed so that no second is ever skipped. Pure.

Faust's own bookkeeping of acknowledged offsets is not used. It can commit past an input whose output is still on its
way (faust-streaming issues 606 and 312), and after a rebalance it may hand on records from a later place (216).
"""

from collections import deque


class Skipped(Exception):
    """A record did not come after the one before it: something between was lost on the way through the consumer."""


class Progress:
    """Inputs of one partition during one assignment, in the order they came.

    An offset is committable only when its output, and that of every input before it, has been delivered. Inputs that
    could not be used become committable only once a good one has come after them: the next start must meet the same
    run of bad ones, and end at it too.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._delivered: set[int] = set()
        self._next: int | None = None
        self._done = 0
        self._taken = 0
        self._bad_from: int | None = None

    def came(self, offset: int) -> bool:
        """An input arrived; whether it is the one after the last. Raises Skipped, and then counts it as not come.

        An earlier offset than expected is the consumer reading again: what was open comes once more.
        """
        follows = offset == self._next
        if self._next is not None and offset > self._next:
            raise Skipped(f"offset {offset} came where {self._next} was due")
        if self._next is None:
            self._taken = offset
        if not follows:
            self._open.clear()
            self._delivered.clear()
        self._open.append(offset)
        self._next = offset + 1
        return follows

    def bad(self, offset: int) -> None:
        """An input that came could not be used."""
        self._bad_from = offset if self._bad_from is None else min(offset, self._bad_from)

    def good(self) -> None:
        """A good input came, on this partition or another: what was bad before it is no run any more."""
        self._bad_from = None

    def delivered(self, offset: int) -> None:
        """All outputs of an input were delivered; in any order."""
        self._delivered.add(offset)
        while self._open and self._open[0] in self._delivered:
            done = self._open.popleft()
            self._delivered.discard(done)
            self._done = done + 1

    def take_committable(self) -> int | None:
        """The offset to commit (one past the last input done), None where nothing was done since the last call."""
        committable = self._done if self._bad_from is None else min(self._done, self._bad_from)
        if committable <= self._taken:
            return None
        self._taken = committable
        return committable

    @property
    def open(self) -> int:
        """Inputs that came and are not done."""
        return len(self._open)
