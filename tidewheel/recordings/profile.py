"""What a recording is like: span, rate, prices, spread, sessions, and a threshold that suits it. Pure, one pass."""

from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import numpy as np

from tidewheel.domain.market import Int64, Quotes
from tidewheel.domain.prices import E9, mid_e9
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.closings import ClosingSeries
from tidewheel.recordings.lives import ThresholdAdvice, advise

# As ingest ends a session by default (`quiet_s`).
GAP_S = 600
GAPS_KEPT = 5


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A stretch without a quote that ends a session."""

    length_ns: int
    from_ns: int


@dataclass(frozen=True, slots=True)
class SpreadStats:
    """Of closing quotes: median and 95th percentile, and the median in basis points of the mid."""

    median_e9: int
    high_e9: int
    median_bps: float


@dataclass(slots=True)
class Profile:
    """Takes ticks batch by batch, in order of time; all properties may be read at any moment."""

    ticks: int = 0
    first_ns: int = 0
    last_ns: int = 0
    sessions: int = 0
    gaps_ns: int = 0
    gaps: list[Gap] = field(default_factory=list)  # the longest, longest first
    busiest_second: int = 0  # quotes of the second with the most
    price_step_e9: int = 0
    bid_min_e9: int = 0
    offer_max_e9: int = 0
    with_sizes: bool = False
    closings: ClosingSeries = field(default_factory=ClosingSeries)
    _second: int = -1
    _in_second: int = 0

    def on_quotes(self, quotes: Quotes) -> None:
        """Take in quotes that follow."""
        if not len(quotes):
            return
        self._on_times(quotes.time_ns)
        self._on_prices(quotes)
        self.with_sizes = self.with_sizes or bool(len(quotes.bid_size_e9) or len(quotes.offer_size_e9))
        self.closings.on_quotes(quotes)

    def _on_times(self, times: Int64) -> None:
        if not self.ticks:
            self.first_ns, self.sessions = int(times[0]), 1
            before = times[0]
        else:
            before = np.int64(self.last_ns)
        steps = np.diff(times, prepend=before)
        long = np.flatnonzero(steps > GAP_S * NS_PER_S)
        if len(long):
            self.sessions += len(long)
            self.gaps_ns += int(steps[long].sum())
            found = [Gap(int(steps[at]), int(times[at] - steps[at])) for at in long]
            self.gaps = nlargest(GAPS_KEPT, [*self.gaps, *found])
        self._on_seconds(times // NS_PER_S)
        self.ticks += len(times)
        self.last_ns = int(times[-1])

    def _on_seconds(self, seconds: Int64) -> None:
        starts = np.append(0, np.flatnonzero(np.diff(seconds)) + 1)
        counts = np.diff(np.append(starts, len(seconds)))
        if seconds[0] == self._second:
            counts[0] += self._in_second
        self.busiest_second = max(self.busiest_second, int(counts.max()))
        self._second, self._in_second = int(seconds[-1]), int(counts[-1])

    def _on_prices(self, quotes: Quotes) -> None:
        bid_min, offer_max = int(quotes.bid_e9.min()), int(quotes.offer_e9.max())
        self.bid_min_e9 = min(self.bid_min_e9 or bid_min, bid_min)
        self.offer_max_e9 = max(self.offer_max_e9, offer_max)
        for prices in (quotes.bid_e9, quotes.offer_e9):
            if not self.price_step_e9 or (prices % self.price_step_e9).any():
                self.price_step_e9 = int(np.gcd.reduce(np.append(prices, self.price_step_e9)))

    @property
    def traded_s(self) -> float:
        """Length of all sessions."""
        return (self.last_ns - self.first_ns - self.gaps_ns) / NS_PER_S

    @property
    def ticks_per_s(self) -> float:
        """Mean over the sessions; 0 where they have no length."""
        return self.ticks / self.traded_s if self.traded_s > 0 else 0.0

    def spread(self) -> SpreadStats | None:
        """Of the closing quotes of even steps; None without a quote."""
        _, bid, offer = self.closings.series()
        if not len(bid):
            return None
        spreads = offer - bid
        bps = 1e4 * spreads / mid_e9(bid, offer)  # type: ignore[arg-type]
        return SpreadStats(
            int(np.percentile(spreads, 50, method="lower")),
            int(np.percentile(spreads, 95, method="lower")),
            float(np.median(bps)),
        )

    def advice(self) -> ThresholdAdvice | None:
        """A threshold at which labels live minutes; None where that cannot be told."""
        return advise(*self.closings.series(), GAP_S)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: prices as floats in quote currency, times in nanoseconds."""
        spread, advice = self.spread(), self.advice()
        return {
            "first_ns": self.first_ns if self.ticks else None,
            "last_ns": self.last_ns if self.ticks else None,
            "sessions": self.sessions,
            "traded_s": round(self.traded_s, 3),
            "gaps": [{"from_ns": gap.from_ns, "length_s": round(gap.length_ns / NS_PER_S, 3)} for gap in self.gaps],
            "ticks_per_s": round(self.ticks_per_s, 3),
            "busiest_second": self.busiest_second,
            "bid_min": self.bid_min_e9 / E9,
            "offer_max": self.offer_max_e9 / E9,
            "price_step": self.price_step_e9 / E9,
            "sizes": self.with_sizes,
            "closings": {"step_s": self.closings.step_s, "count": len(self.closings.series()[0])},
            "spread": spread
            and {
                "median": spread.median_e9 / E9,
                "p95": spread.high_e9 / E9,
                "median_bps": round(spread.median_bps, 4),
            },
            "threshold": advice
            and {
                "value": advice.threshold_e9 / E9,
                "bps": round(advice.bps, 3),
                "life_s_median": round(advice.life_s_median, 1),
                "profit_share": round(advice.profit_share, 4),
                "ended": advice.ended,
                "starts": advice.starts,
            },
        }
