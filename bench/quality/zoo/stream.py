"""A market as windows of examples, cut from the columns that its cores left; bit for bit the labeler's features."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from backtest.market_columns import FeatureExtractor, MarketColumns
from bench.quality.zoo.cores import INSTRUMENT
from services.trainer.dataset.rows import Rows
from services.trainer.windows.count_windows import Window


class Stream:
    """Windows of `size` rows, numbered from 0. The two last cut are kept, and all that were thinned."""

    def __init__(self, columns: MarketColumns, size: int) -> None:
        self.columns = columns
        self.size = size
        self._cutter = FeatureExtractor(columns)
        self._windows: dict[int, Window] = {}
        self._thinned: dict[tuple[int, int], Rows] = {}

    def __len__(self) -> int:
        return len(self.columns.label) // self.size

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
        made = self.columns
        return Rows(
            features=self._cutter.features(which),
            label=made.label[which],
            placed_ns=made.placed_ns[which],
            resolved_ns=made.resolved_ns[which],
            order_id=made.order_id[which],
            example_seq=which.astype(np.int64) + 1,
            pnl_e9=made.pnl_e9[which],
        )


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
