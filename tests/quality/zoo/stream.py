"""A market as windows of examples, cut from the columns that its cores left; bit for bit the labeler's features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.trainer.core import Window
from services.trainer.rows import Rows
from tests.quality.zoo.cores import INSTRUMENT, Columns
from tests.quality.zoo.functions import FEATURES, LAGS
from tests.quality.zoo.market import NS_PER_S

E9 = 1e9
# Whole numbers up to here are exact in float64, and so are their differences.
EXACT_MAX = 2**53
# Few enough for the processor's cache.
CUT_ROWS = 64


class Stream:
    """Windows of `size` rows, numbered from 0. The two last cut are kept, and all that were thinned."""

    def __init__(self, columns: Columns, size: int) -> None:
        self._columns = columns
        self.size = size
        # Entry i: the mids of entries i … i + 599, newest first.
        self._mids = sliding_window_view(exact(columns.mid_e9), LAGS)[:, ::-1]
        self._day = exact(np.stack((columns.day_open_e9, columns.day_high_e9, columns.day_low_e9), axis=1))
        self._windows: dict[int, Window] = {}
        self._thinned: dict[tuple[int, int], Rows] = {}

    def __len__(self) -> int:
        return len(self._columns.label) // self.size

    def window(self, number: int) -> Window:
        """One window, with its features."""
        if number not in self._windows:
            first = number * self.size
            rows = self._rows(np.arange(first, first + self.size))
            window = Window(INSTRUMENT, number + 1, 0, first, first + self.size - 1, rows)
            self._windows = {**dict(list(self._windows.items())[-1:]), number: window}
        return self._windows[number]

    def thinned(self, number: int, every: int) -> Rows:
        """One row in `every` of one window."""
        if (number, every) not in self._thinned:
            which = np.arange(number * self.size, (number + 1) * self.size, every)
            self._thinned[number, every] = self._rows(which)
        return self._thinned[number, every]

    def _rows(self, which: NDArray[np.intp]) -> Rows:
        made = self._columns
        return Rows(
            features=self._features(which),
            label=made.label[which],
            placed_ns=made.placed_ns[which],
            resolved_ns=made.resolved_ns[which],
            order_id=made.order_id[which],
            example_seq=which.astype(np.int64) + 1,
            pnl_e9=made.pnl_e9[which],
        )

    def _features(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        made = self._columns
        bid, offer = made.bid_e9[which], made.offer_e9[which]
        quoted = exact(np.stack((bid, offer, bid + (offer - bid) // 2), axis=1))
        before = np.searchsorted(made.second, made.placed_ns[which] // NS_PER_S) - 1
        features = np.empty((len(which), FEATURES), dtype=np.float32)
        for start in range(0, len(which), CUT_ROWS):
            part = slice(start, start + CUT_ROWS)
            features[part] = self._cut(quoted[part], before[part])
        return features

    def _cut(self, quoted: NDArray[np.float64], before: NDArray[np.intp]) -> NDArray[np.float64]:
        """Features of orders placed at a bid, an offer and a mid, each in the second after `before`."""
        prices = np.empty((len(before), FEATURES))
        prices[:, :2] = quoted[:, :2]
        prices[:, 2:5] = self._day[before]
        prices[:, 5:] = self._mids[before - (LAGS - 1)]
        prices -= quoted[:, 2:]
        prices /= E9
        return prices


def exact(prices_e9: NDArray[np.int64]) -> NDArray[np.float64]:
    """Whole numbers as float64, so that cutting converts no number twice."""
    assert not len(prices_e9) or np.abs(prices_e9).max() < EXACT_MAX
    return prices_e9.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Past(Sequence[Window]):
    """The windows of a stream that have closed, oldest first: what a procedure may know."""

    stream: Stream
    closed: int

    def __len__(self) -> int:
        return self.closed

    @overload
    def __getitem__(self, number: int) -> Window: ...
    @overload
    def __getitem__(self, number: slice) -> list[Window]: ...
    def __getitem__(self, number: int | slice) -> Window | list[Window]:
        numbers = range(self.closed)[number]
        return (
            [self.stream.window(one) for one in numbers] if isinstance(numbers, range) else self.stream.window(numbers)
        )

    def thinned(self, reach: int, every: int) -> list[Rows]:
        """One row in `every` of each of the last `reach` windows, oldest first."""
        return [self.stream.thinned(one, every) for one in range(max(0, self.closed - reach), self.closed)]
