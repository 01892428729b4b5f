"""The past of one session: what features are made of."""

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES, HISTORY_S
from tidewheel.domain.labeler_state import HISTORY_COLUMNS
from tidewheel.domain.market import Int64, MarketSecond
from tidewheel.domain.prices import E9, mid_e9
from tidewheel.domain.time import NS_PER_S

CAPACITY_MIN = 2 * HISTORY_S
# Made at once: few enough for the processor's cache, so that a crash that ends 100,000 orders asks for no gigabyte.
BLOCK_ROWS_MAX = 128


class History:
    """Closing mids and the day's figures of the latest seconds without a gap, in an array that grows and is trimmed."""

    __slots__ = ("_capacity", "_columns", "_count", "_first_second", "_windows")

    def __init__(self, first_second: int, columns: NDArray[np.int64] | None = None) -> None:
        self._first_second = first_second
        self._count = 0 if columns is None else columns.shape[1]
        self._allocate(columns)

    @property
    def next_second(self) -> int:
        """The second that `append` takes."""
        return self._first_second + self._count

    @property
    def columns(self) -> NDArray[np.int64]:
        """Closing mid, day's open, high, low, oldest second first; shape (4, seconds). A view."""
        return self._columns[:, : self._count]

    @property
    def full(self) -> bool:
        """`trim_before` must be called before the next `append`."""
        return self._count == self._capacity

    def trim_before(self, second: int) -> None:
        """Make room, forgetting the seconds before `second`."""
        kept = self.columns[:, max(0, second - self._first_second) :]
        self._first_second, self._count = self.next_second - kept.shape[1], kept.shape[1]
        self._allocate(kept)

    def append(self, second: MarketSecond) -> None:
        """The next second has closed."""
        columns, at = self._columns, self._count
        columns[0, at] = second.close_mid_e9
        columns[1, at] = second.day_open_e9
        columns[2, at] = second.day_high_e9
        columns[3, at] = second.day_low_e9
        self._count = at + 1

    def extract_features(self, placed_ns: Int64, bid_e9: Int64, offer_e9: Int64) -> list[bytes]:
        """Features of each order, as `tidewheel.domain.features.cut` would have them, as they travel.

        The 600 seconds before each order's own must be there.
        """
        rows: list[bytes] = []
        for start in range(0, len(placed_ns), BLOCK_ROWS_MAX):
            block = slice(start, start + BLOCK_ROWS_MAX)
            packed = self._block(placed_ns[block], bid_e9[block], offer_e9[block]).tobytes()
            rows += [packed[at : at + FEATURES_BYTES] for at in range(0, len(packed), FEATURES_BYTES)]
        return rows

    def _block(self, placed_ns: Int64, bid_e9: Int64, offer_e9: Int64) -> NDArray[np.float32]:
        before = placed_ns // NS_PER_S - (self._first_second + 1)
        values = np.empty((len(placed_ns), FEATURE_COUNT), dtype=np.int64)
        values[:, 0] = bid_e9
        values[:, 1] = offer_e9
        values[:, 2:5] = self._columns[1:, before].T
        values[:, 5:] = self._windows[before - (HISTORY_S - 1)]
        mids: Int64 = mid_e9(bid_e9, offer_e9)  # type: ignore[arg-type, assignment]
        values -= mids[:, np.newaxis]
        return (values / np.float64(E9)).astype("<f4")

    def _allocate(self, kept: NDArray[np.int64] | None) -> None:
        self._capacity = max(CAPACITY_MIN, 2 * self._count)
        self._columns = np.empty((HISTORY_COLUMNS, self._capacity), dtype=np.int64)
        if kept is not None:
            self._columns[:, : self._count] = kept
        # Row i: the closing mids of seconds i … i+599 of the array, newest first; a view, made once per array.
        self._windows = np.ndarray(
            (self._capacity - HISTORY_S + 1, HISTORY_S),
            dtype=np.int64,
            buffer=self._columns[0],
            offset=8 * (HISTORY_S - 1),
            strides=(8, -8),
        )
