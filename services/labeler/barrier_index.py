"""Open orders by the price of a barrier."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import INT64_MAX

Int32 = NDArray[np.int32]

NO_BARRIER_E9 = INT64_MAX
UNSORTED_ROWS_MAX = 256


class _Run:
    """Rows by growing price; those before `head` are taken."""

    __slots__ = ("head", "nearest", "prices", "rows")

    def __init__(self, prices: Int64, rows: Int32) -> None:
        self.prices = prices
        self.rows = rows
        self.head = 0
        self.nearest = int(prices[0])

    def take(self, limit: int) -> Int32:
        head = self.head
        self.head = int(self.prices.searchsorted(limit, side="right"))
        self.nearest = int(self.prices[self.head]) if self.head < len(self.prices) else NO_BARRIER_E9
        return self.rows[head : self.head]

    def __len__(self) -> int:
        return len(self.prices) - self.head


class BarrierIndex:
    """Rows that wait for a price, nearest first: O(log n) a row, and whole arrays at a time.

    Like a log-structured merge tree: rows come in unsorted; every 256 become a sorted run, and runs of like size
    are merged. A row that ended otherwise stays until it is taken or the index is built anew; the caller looks.
    """

    __slots__ = ("_runs", "_unsorted_nearest", "_unsorted_prices", "_unsorted_rows", "nearest")

    def __init__(self, prices: Int64, rows: Int64) -> None:
        self._runs: list[_Run] = []
        self._unsorted_prices: list[int] = []
        self._unsorted_rows: list[int] = []
        self._unsorted_nearest = NO_BARRIER_E9
        self._add_run(prices, rows.astype(np.int32))
        self.nearest = self._runs[0].nearest if self._runs else NO_BARRIER_E9

    def add(self, prices: list[int], rows: Iterable[int]) -> None:
        """Each row waits for its price or one beyond it."""
        self._unsorted_prices += prices
        self._unsorted_rows += rows
        self._unsorted_nearest = min(self._unsorted_nearest, *prices)
        self.nearest = min(self.nearest, self._unsorted_nearest)
        if len(self._unsorted_rows) >= UNSORTED_ROWS_MAX:
            self._merge_unsorted()

    def take(self, limit: int) -> list[Int32]:
        """Rows whose price is at most `limit`, out of the index; some may have ended otherwise before."""
        if limit < self.nearest:
            return []
        taken = [run.take(limit) for run in self._runs if run.nearest <= limit]
        self._runs = [run for run in self._runs if len(run)]
        if self._unsorted_nearest <= limit:
            taken.append(np.array(self._take_unsorted(limit), dtype=np.int32))
        self.nearest = min((run.nearest for run in self._runs), default=NO_BARRIER_E9)
        self.nearest = min(self.nearest, self._unsorted_nearest)
        return taken

    def _take_unsorted(self, limit: int) -> list[int]:
        unsorted = list(zip(self._unsorted_prices, self._unsorted_rows, strict=True))
        self._clear_unsorted()
        kept = [pair for pair in unsorted if pair[0] > limit]
        if kept:
            self._unsorted_prices = [price for price, _ in kept]
            self._unsorted_rows = [row for _, row in kept]
            self._unsorted_nearest = min(self._unsorted_prices)
        return [row for price, row in unsorted if price <= limit]

    def _merge_unsorted(self) -> None:
        """The unsorted become a run, and runs of like size one, so that there are few and each row moves seldom."""
        prices, rows = np.array(self._unsorted_prices, dtype=np.int64), np.array(self._unsorted_rows, dtype=np.int32)
        self._clear_unsorted()
        while self._runs and len(self._runs[-1]) <= 2 * len(prices):
            run = self._runs.pop()
            prices = np.concatenate((run.prices[run.head :], prices))
            rows = np.concatenate((run.rows[run.head :], rows))
        self._add_run(prices, rows)

    def _add_run(self, prices: Int64, rows: Int32) -> None:
        if len(prices):
            order = prices.argsort(kind="stable")
            self._runs.append(_Run(prices[order], rows[order]))

    def _clear_unsorted(self) -> None:
        self._unsorted_prices, self._unsorted_rows, self._unsorted_nearest = [], [], NO_BARRIER_E9
