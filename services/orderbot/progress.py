"""How far a partition's inputs are done: what may be committed so that no second is ever skipped. Pure.

Faust's own bookkeeping of acknowledged offsets is not used. It can commit past an input whose output is still on its
way (faust-streaming issues 606 and 312), and after a rebalance it may hand on records from a later place (216).
"""

from collections import deque


class Skipped(Exception):
    """A record did not come after the one before it: something between was lost on the way through the consumer."""


class Progress:
    """Inputs of one partition during one assignment, in the order they came.

    An offset is committable only when its output, and that of every input before it, has been delivered.
    """

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._delivered: set[int] = set()
        self._next: int | None = None
        self._committable: int | None = None

    def came(self, offset: int) -> None:
        """An input arrived. Raises Skipped, and then counts it as not come.

        An earlier offset than expected is the consumer reading again: what was open comes once more.
        """
        if self._next is not None and offset > self._next:
            raise Skipped(f"offset {offset} came where {self._next} was due")
        if offset != self._next:
            self._open.clear()
            self._delivered.clear()
        self._open.append(offset)
        self._next = offset + 1

    def delivered(self, offset: int) -> None:
        """All outputs of an input were delivered; in any order."""
        self._delivered.add(offset)
        while self._open and self._open[0] in self._delivered:
            done = self._open.popleft()
            self._delivered.discard(done)
            self._committable = done + 1

    def take_committable(self) -> int | None:
        """The offset to commit (one past the last input done), None where nothing was done since the last call."""
        committable, self._committable = self._committable, None
        return committable

    @property
    def open(self) -> int:
        """Inputs that came and are not done."""
        return len(self._open)
