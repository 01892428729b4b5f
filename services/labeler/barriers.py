"""Which tick of a second touches an order's barriers, and at what price the order ends."""

import numpy as np
from numpy.typing import NDArray

from services.labeler.open_orders import LOWER, UPPER
from tidewheel.domain.market import Int64, MarketSecond
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.prices import mid_e9

SCALAR_TICKS_MAX = 32


def exit_price_e9(exit_on: ExitOn, bid_e9: int, offer_e9: int) -> int:
    """The price an order ends at. Takes columns as well."""
    if exit_on is ExitOn.BID:
        return bid_e9
    return offer_e9 if exit_on is ExitOn.OFFER else mid_e9(bid_e9, offer_e9)


class ExitPrices:
    """The exit prices of a second that has ticks. A tick is known by its place in the second."""

    __slots__ = ("_first_seq", "_prices", "_times", "highest_e9", "lowest_e9")

    def __init__(self, second: MarketSecond, exit_on: ExitOn) -> None:
        quotes = second.quotes
        self._prices: Int64 = exit_price_e9(exit_on, quotes.bid_e9, quotes.offer_e9)  # type: ignore[arg-type, assignment]
        self._times = quotes.time_ns
        self._first_seq = second.first_seq
        if len(quotes) <= SCALAR_TICKS_MAX:  # a call of numpy costs more than a look at a few numbers
            prices = self._prices.tolist()
            self.highest_e9: int = max(prices)
            self.lowest_e9: int = min(prices)
        else:
            self.highest_e9 = int(self._prices.max())
            self.lowest_e9 = int(self._prices.min())

    def price_e9(self, tick: int) -> int:
        return int(self._prices[tick])

    def time_ns(self, tick: int) -> int:
        return int(self._times[tick])

    def seq(self, tick: int) -> int:
        return self._first_seq + tick

    def last_at(self, instant_ns: int) -> int:
        """The last tick at or before an instant; -1 where there is none."""
        return int(self._times.searchsorted(instant_ns, side="right")) - 1

    def first_touches(self, orders: NDArray[np.int64]) -> list[int]:
        """The first tick that touches each order, of orders placed before this second and touched in it."""
        prices = self._prices
        if len(prices) == 1:
            return [0] * len(orders)
        risen = np.maximum.accumulate(prices).searchsorted(orders[:, UPPER])
        fallen = np.maximum.accumulate(-prices).searchsorted(-orders[:, LOWER])
        first: list[int] = np.minimum(risen, fallen).tolist()
        return first

    def first_touch_after(self, placed_ns: int, upper_e9: int, lower_e9: int) -> int | None:
        """The first tick that touches an order placed in this second; later ticks count only."""
        if self.highest_e9 < upper_e9 and self.lowest_e9 > lower_e9:
            return None
        start = self.last_at(placed_ns) + 1
        prices = self._prices[start:]
        touched = np.flatnonzero((prices >= upper_e9) | (prices <= lower_e9))
        return start + int(touched[0]) if len(touched) else None
