"""Orders in windows, each flagged by the model of the window that closed before it was placed.

A window is `WINDOW` orders in canonical order, as the trainer closes them: an order placed early may end windows later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.quality.evidence.markets import Numbers, Orders, Steps
from tidewheel.domain.betting import FlaggedOrders, all_resolved_ns

WINDOW = 120
Flags = NDArray[np.bool_]


class Seen(NamedTuple):
    """What a bettor is shown when a window closes."""

    orders: FlaggedOrders
    settle_to: int
    opened: int
    closed: int


@dataclass(frozen=True, eq=False)
class Stream:
    """Orders with the window each is in (`window`), how many windows had closed when it was placed (`era`), the step at
    which each window closed, and the unit of each era: the largest result of an order in the window before."""

    orders: Orders
    window: Steps
    era: Steps
    closed: Steps
    unit: Numbers

    @classmethod
    def of(cls, orders: Orders) -> "Stream":
        count = len(orders) // WINDOW
        closed = orders.ended[WINDOW - 1 : count * WINDOW : WINDOW]
        window = np.arange(len(orders)) // WINDOW
        largest = np.abs(orders.net[: count * WINDOW]).reshape(count, WINDOW).max(axis=1)
        return cls(orders, window, closed.searchsorted(orders.placed), closed, np.append(np.nan, largest))

    def __len__(self) -> int:
        return len(self.closed)

    def rows(self, window: int) -> Steps:
        """The orders of a window."""
        return np.arange(window * WINDOW, (window + 1) * WINDOW)

    def judging(self, window: int) -> Steps:
        """Those placed after the window before had closed."""
        rows = self.rows(window)
        return rows[self.era[rows] == window]

    def seen(self, flags: Flags) -> Iterator[Seen]:
        """What the bettor is shown from the second window on."""
        for window in range(1, len(self)):
            rows = self.rows(window)
            ended = all_resolved_ns(self.orders.placed[rows], self.orders.ended[rows])
            rows = rows[flags[rows] & (self.era[rows] > 0)]
            yield Seen(self.columns(rows), ended, int(self.closed[window - 1]), int(self.closed[window]))

    def columns(self, rows: Steps) -> FlaggedOrders:
        """Orders with their results in units of their era."""
        orders, unit = self.orders, self.unit[self.era[rows]]
        return FlaggedOrders(
            orders.placed[rows], orders.ended[rows], orders.gross[rows] / unit, orders.net[rows] / unit
        )
