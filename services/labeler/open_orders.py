"""The open orders of one instrument."""

import numpy as np
from numpy.typing import NDArray

from services.labeler.barrier_index import BarrierIndex
from tidewheel.domain.labeler_state import ORDER_COLUMNS
from tidewheel.domain.market import Int64
from tidewheel.domain.orders import SecondOrders

ORDER_ID, PLACED_NS, BID, OFFER, UPPER, LOWER = range(ORDER_COLUMNS)
Rows = NDArray[np.int32] | Int64

NO_ROWS: Int64 = np.empty(0, dtype=np.int64)
SPARE_ROWS_MIN = 1024


class OpenOrders:
    """Open orders as a table in order of placing, and two indexes of the rows by their barriers.

    Ended orders leave holes that are closed when the table is full: a row number holds until the next `place`.
    """

    __slots__ = ("_alive", "_count", "_first_unexpired", "_lower", "_table", "_upper", "live")

    live: int
    _count: int  # rows in use, holes included
    _first_unexpired: int  # no order before this row is to expire
    _table: NDArray[np.int64]
    _alive: NDArray[np.bool_]

    def __init__(self, orders: NDArray[np.int64]) -> None:
        """`orders`: columns of open orders, shape (6, orders), in order of placing."""
        self._rebuild(orders.T)

    @property
    def nbytes(self) -> int:
        """Size of the open orders' columns."""
        return 8 * ORDER_COLUMNS * self.live

    @property
    def orders(self) -> NDArray[np.int64]:
        """Columns of the open orders, shape (6, orders), in order of placing."""
        return self.values(self.rows()).T

    def rows(self) -> Int64:
        """The open orders."""
        return np.flatnonzero(self._alive[: self._count])

    def values(self, rows: Rows) -> NDArray[np.int64]:
        """The orders in `rows`, shape (rows, 6)."""
        return self._table.take(rows, axis=0)

    def order(self, row: int) -> list[int]:
        """One order."""
        order: list[int] = self._table[row].tolist()
        return order

    def place(self, orders: SecondOrders) -> range:
        """Enter the orders of one second and return their rows; call `activate_barriers` for those that stay open."""
        if self._count + len(orders) > len(self._table):
            self._rebuild(self.values(self.rows()), len(orders))
        rows = range(self._count, self._count + len(orders))
        part = self._table[rows.start : rows.stop]
        part[:, ORDER_ID] = orders.order_id
        part[:, PLACED_NS] = orders.placed_ns
        part[:, BID] = orders.bid_e9
        part[:, OFFER] = orders.offer_e9
        part[:, UPPER] = orders.upper_e9
        part[:, LOWER] = orders.lower_e9
        self._alive[rows.start : rows.stop] = True
        self._count = rows.stop
        self.live += len(orders)
        return rows

    def activate_barriers(self, rows: range, uppers_e9: list[int], lowers_e9: list[int]) -> None:
        """Orders just placed may be touched from the next second on."""
        self._upper.add(uppers_e9, rows)
        self._lower.add([-lower_e9 for lower_e9 in lowers_e9], rows)

    def take_touched(self, highest_e9: int, lowest_e9: int) -> Rows:
        """Rows of open orders with a barrier touched by one of these prices, each once. The caller closes them all."""
        if highest_e9 < self._upper.nearest and -lowest_e9 < self._lower.nearest:
            return NO_ROWS
        taken = self._upper.take(highest_e9) + self._lower.take(-lowest_e9)
        rows = np.concatenate(taken)
        rows = rows[self._alive[rows]]
        return np.unique(rows) if len(taken) > 1 else rows

    def take_expired(self, placed_before_ns: int) -> Int64:
        """Rows of open orders placed before an instant. The caller closes them all."""
        placed = self._table[self._first_unexpired : self._count, PLACED_NS]
        if not len(placed) or placed[0] >= placed_before_ns:
            return NO_ROWS
        start, self._first_unexpired = (
            self._first_unexpired,
            self._first_unexpired + int(placed.searchsorted(placed_before_ns)),
        )
        rows: Int64 = start + np.flatnonzero(self._alive[start : self._first_unexpired])
        return rows

    def close(self, rows: Rows) -> None:
        """These orders are open no longer."""
        self._alive[rows] = False
        self.live -= len(rows)

    def oldest_placed_ns(self, not_before_ns: int) -> int | None:
        """When the oldest open order of those placed at or after an instant was placed."""
        placed = self._table[: self._count, PLACED_NS]
        start = int(placed.searchsorted(not_before_ns))
        alive = self._alive[start : self._count]
        first = int(alive.argmax()) if len(alive) else 0
        return int(placed[start + first]) if len(alive) and alive[first] else None

    def _rebuild(self, orders: NDArray[np.int64], spare_rows: int = 0) -> None:
        """Take over the open orders without holes, with room for half as many again."""
        self.live = self._count = len(orders)
        capacity = self._count + self._count // 2 + max(spare_rows, SPARE_ROWS_MIN)
        self._table = np.empty((capacity, ORDER_COLUMNS), dtype=np.int64)
        self._table[: self._count] = orders
        self._alive = np.zeros(capacity, dtype=np.bool_)
        self._alive[: self._count] = True
        self._first_unexpired = 0
        rows = np.arange(self._count)
        self._upper = BarrierIndex(self._table[: self._count, UPPER], rows)
        self._lower = BarrierIndex(-self._table[: self._count, LOWER], rows)
