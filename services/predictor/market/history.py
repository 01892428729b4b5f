"""The last ten minutes of each market, as PredictNow needs them: market seconds in, an immutable view out. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.continuity import MarketSecondChecker
from tidewheel.domain.features import HISTORY_S, DayMids, feature_row
from tidewheel.domain.market import Int64, MarketSecond

BUFFER_S = 4 * HISTORY_S


@dataclass(frozen=True, slots=True, eq=False)
class MarketView:
    """A market as of the end of its last second.

    `mids_e9`: closing mids of the session's last seconds up to that one, oldest first, at most 600. `written_at_ns`:
    wall clock when that second was written to its topic; 0 where it is not known.
    """

    instrument: str
    second: int
    bid_e9: int
    offer_e9: int
    day: DayMids
    stale: bool
    mids_e9: Int64
    written_at_ns: int = 0

    def row(self, bid_e9: int, offer_e9: int) -> NDArray[np.float32]:
        """Features of an order bought in the second after, at this quote; of a complete view only."""
        return feature_row(bid_e9, offer_e9, self.day, self.mids_e9)

    def age_ns(self, now_ns: int) -> int | None:
        """Since the last second was written; None where either time is not known."""
        return max(0, now_ns - self.written_at_ns) if now_ns and self.written_at_ns else None

    @property
    def complete(self) -> bool:
        """Whether an order in the next second would have features."""
        return len(self.mids_e9) == HISTORY_S


class PriceHistory:
    """Closing mids of one instrument without a hole: a new session or a missing second starts it anew.

    `order` tells which seconds repeat or are missing.
    """

    def __init__(self) -> None:
        self.order = MarketSecondChecker()
        self._buffer: Int64 = np.empty(BUFFER_S, dtype=np.int64)
        self._length = 0
        self._last: MarketSecond | None = None
        self._written_at_ns = 0

    def add(self, second: MarketSecond, written_at_ns: int = 0) -> None:
        """Seconds at or before the last one are repeats."""
        last = self._last
        if last is not None and second.second <= last.second:
            return
        if last is None or (second.session, second.second) != (last.session, last.second + 1):
            self._reallocate(0)
        elif self._length == BUFFER_S:
            self._reallocate(HISTORY_S - 1)
        self._buffer[self._length] = second.close_mid_e9
        self._length += 1
        self._last = second
        self._written_at_ns = written_at_ns

    def _reallocate(self, keep: int) -> None:
        """A fresh buffer, since views still point into the old one."""
        buffer = np.empty(BUFFER_S, dtype=np.int64)
        buffer[:keep] = self._buffer[self._length - keep : self._length]
        self._buffer, self._length = buffer, keep

    def view(self) -> MarketView | None:
        """None before the first second."""
        last = self._last
        if last is None:
            return None
        return MarketView(
            last.instrument,
            last.second,
            last.close_bid_e9,
            last.close_offer_e9,
            DayMids(last.day_open_e9, last.day_high_e9, last.day_low_e9),
            last.stale,
            self._buffer[max(0, self._length - HISTORY_S) : self._length],
            self._written_at_ns,
        )


class MarketViews:
    """The newest view of every instrument. Written by the market's thread, read by every call."""

    def __init__(self) -> None:
        self._views: dict[str, MarketView] = {}
        # Why no market seconds come, in words for a caller; None while they can.
        self.unavailable: str | None = "no market seconds have been read yet"

    def get(self, instrument: str) -> MarketView | None:
        return self._views.get(instrument)

    def all(self) -> list[MarketView]:
        return list(self._views.values())

    def put(self, view: MarketView) -> None:
        self._views[view.instrument] = view
