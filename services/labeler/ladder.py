"""Open orders by the price that ends them."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import INT64_MAX

Int32 = NDArray[np.int32]

FAR = INT64_MAX
YOUNG_MAX = 256


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
        self.nearest = int(self.prices[self.head]) if self.head < len(self.prices) else FAR
        return self.rows[head : self.head]

    def __len__(self) -> int:
        return len(self.prices) - self.head


class Ladder:
    """Rows that wait for a price, nearest first: O(log n) a row, and whole arrays at a time.

    Like a log-structured merge tree: rows come in young and unsorted; every 256 become a sorted run, and runs of like
    size are merged. A row that ended otherwise stays until it is taken or the ladder is built anew; the taker looks.
    """

    __slots__ = ("_runs", "_young_nearest", "_young_prices", "_young_rows", "nearest")

    def __init__(self, prices: Int64, rows: Int64) -> None:
        self._runs: list[_Run] = []
        self._young_prices: list[int] = []
        self._young_rows: list[int] = []
        self._young_nearest = FAR
        self._add_run(prices, rows.astype(np.int32))
        self.nearest = self._runs[0].nearest if self._runs else FAR

    def add(self, prices: list[int], rows: Iterable[int]) -> None:
        """Each row waits for its price or one beyond it."""
        self._young_prices += prices
        self._young_rows += rows
        self._young_nearest = min(self._young_nearest, *prices)
        self.nearest = min(self.nearest, self._young_nearest)
        if len(self._young_rows) >= YOUNG_MAX:
            self._settle()

    def take(self, limit: int) -> list[Int32]:
        """Rows whose price is at most `limit`, out of the ladder; some may have ended otherwise before."""
        if limit < self.nearest:
            return []
        taken = [run.take(limit) for run in self._runs if run.nearest <= limit]
        self._runs = [run for run in self._runs if len(run)]
        if self._young_nearest <= limit:
            taken.append(np.array(self._take_young(limit), dtype=np.int32))
        self.nearest = min((run.nearest for run in self._runs), default=FAR)
        self.nearest = min(self.nearest, self._young_nearest)
        return taken

    def _take_young(self, limit: int) -> list[int]:
        young = list(zip(self._young_prices, self._young_rows, strict=True))
        self._clear_young()
        kept = [pair for pair in young if pair[0] > limit]
        if kept:
            self._young_prices = [price for price, _ in kept]
            self._young_rows = [row for _, row in kept]
            self._young_nearest = min(self._young_prices)
        return [row for price, row in young if price <= limit]

    def _settle(self) -> None:
        """The young become a run, and runs of like size one, so that there are few and each row moves seldom."""
        prices, rows = np.array(self._young_prices, dtype=np.int64), np.array(self._young_rows, dtype=np.int32)
        self._clear_young()
        while self._runs and len(self._runs[-1]) <= 2 * len(prices):
            run = self._runs.pop()
            prices = np.concatenate((run.prices[run.head :], prices))
            rows = np.concatenate((run.rows[run.head :], rows))
        self._add_run(prices, rows)

    def _add_run(self, prices: Int64, rows: Int32) -> None:
        if len(prices):
            order = prices.argsort(kind="stable")
            self._runs.append(_Run(prices[order], rows[order]))

    def _clear_young(self) -> None:
        self._young_prices, self._young_rows, self._young_nearest = [], [], FAR
