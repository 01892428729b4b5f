"""How a feed does, by its own words on `feed-status` and by what its ticks say of themselves. Values only."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tidewheel.contracts.codecs.market import FeedEvent, FeedStatus
from tidewheel.domain.market import MarketSecond, SourceKind, TickFlag

# The smallest difference of so many seconds with quotes stands for the two clocks and the shortest way.
SKEW_SECONDS = 60


@dataclass(slots=True)
class FeedHealth:
    """Of one instrument. `since_ns`: since when its live venue is subscribed, 0 while it is not; `lost`: connections of
    it; `gaps`: ticks before which some may be missing; `conflated`: ticks that stand for several; `rejected`: quotes
    that are none."""

    since_ns: int = 0
    last_tick_ns: int = 0
    lost: int = 0
    gaps: int = 0
    conflated: int = 0
    rejected: int = 0
    _skews_ns: deque[int] = field(default_factory=lambda: deque(maxlen=SKEW_SECONDS))

    @property
    def skew_ns(self) -> int | None:
        """Our clock less the venue's and the shortest way; None where the venue sends no time."""
        return min(self._skews_ns, default=None)

    def on_status(self, value: FeedStatus) -> None:
        if value.source_kind is not SourceKind.LIVE:
            return
        if value.event is FeedEvent.SUBSCRIBED:
            self.since_ns = value.time_ns
        elif value.event is FeedEvent.DISCONNECTED:
            self.since_ns = 0
            self.lost += 1

    def on_second(self, value: MarketSecond) -> None:
        self.last_tick_ns = value.last_tick_ns
        quotes = value.quotes
        if len(quotes.flags):
            first_of_all = int(value.first_seq == 1 and bool(quotes.flags[0] & TickFlag.GAP_BEFORE))
            self.gaps += int(np.count_nonzero(quotes.flags & np.uint16(TickFlag.GAP_BEFORE))) - first_of_all
            self.conflated += int(np.count_nonzero(quotes.flags & np.uint16(TickFlag.CONFLATED)))
        if value.source_kind is SourceKind.LIVE and len(quotes.venue_time_ns):
            timed = quotes.venue_time_ns > 0
            if timed.any():
                self._skews_ns.append(int((quotes.time_ns[timed] - quotes.venue_time_ns[timed]).min()))
