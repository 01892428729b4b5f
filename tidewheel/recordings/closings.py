"""The closing quotes of even steps of time, of a recording of any length, in bounded memory."""

import numpy as np

from tidewheel.domain.market import Int64, Quotes
from tidewheel.domain.time import NS_PER_S

CLOSINGS_MAX = 2**19


class ClosingSeries:
    """Begins with steps of a second; where it grows too long, each two steps become one. Steps without a quote are not
    there. Times never go back."""

    def __init__(self, closings_max: int = CLOSINGS_MAX) -> None:
        self._max = closings_max
        self._parts: list[Int64] = []  # each of shape (3, n): step, bid, offer
        self._count = 0
        self.step_s = 1

    def on_quotes(self, quotes: Quotes) -> None:
        """Take in quotes that follow."""
        if not len(quotes):
            return
        self._parts.append(
            _closings(np.stack((quotes.time_ns // (self.step_s * NS_PER_S), quotes.bid_e9, quotes.offer_e9)))
        )
        self._count += self._parts[-1].shape[1]
        while self._count > 2 * self._max:
            self._compact()
            if self._count > self._max:
                self._widen()

    def series(self) -> tuple[Int64, Int64, Int64]:
        """Time in seconds at which each step began, its last bid and its last offer; each of shape (n,)."""
        self._compact()
        while self._count > self._max:
            self._widen()
        step, bid, offer = self._parts[0] if self._parts else np.empty((3, 0), dtype=np.int64)
        return step * self.step_s, bid, offer

    def _widen(self) -> None:
        self.step_s *= 2
        self._parts[0][0] //= 2
        self._compact()

    def _compact(self) -> None:
        if self._parts:
            self._parts = [_closings(np.concatenate(self._parts, axis=1))]
            self._count = self._parts[0].shape[1]


def _closings(rows: Int64) -> Int64:
    """The last row of each run of one step."""
    last = np.append(rows[0][1:] != rows[0][:-1], True)
    closings: Int64 = rows[:, last]
    return closings
