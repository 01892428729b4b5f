"""A market that walks at random at a local venue, faster than time, and a program whose ingest's clock runs as fast."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.venues.server import Peer
from tests.venues.speakers import Said, Speaker

RATE = 30
QUOTE_EVERY_S = 0.02
FIRST_CENTS = 100_000


@dataclass
class LiveMarket:
    """`dropped_after`: quotes, after which the connection breaks; 0 is never."""

    speaker: Speaker
    dropped_after: int = 0
    start_ns: int = field(default_factory=time.time_ns)
    seq: int = 0
    cents: int = FIRST_CENTS
    _chance: Random = field(default_factory=lambda: Random(1))

    def next_quote(self, time_us: int) -> Said:
        self.seq, self.cents = self.seq + 1, self.cents + self._chance.choice((-60, -30, 30, 60))
        bid, offer = f"{self.cents / 100:.2f}", f"{self.cents / 100 + 0.02:.2f}"
        return Said(self.speaker.wire, bid, offer, seq=self.seq, time_us=time_us)

    async def connection(self, peer: Peer) -> None:
        """What each connection meets."""
        await peer.subscribed()
        for count in range(10**9):
            now_us = (self.start_ns + (time.time_ns() - self.start_ns) * RATE) // 1000
            await peer.quote(self.next_quote(now_us))
            if self.seq == self.dropped_after:
                peer.abort()
            if count % 50 == 0 and self.speaker.heartbeat:
                await peer.say(self.speaker.heartbeat)
            await peer.pause(QUOTE_EVERY_S)

    def environment(self, url: str) -> dict[str, str]:
        """Settings of the program that hears it."""
        return {
            "TIDEWHEEL_VENUE_URL": url,
            # A third of a second's wait for a core is ten seconds of this market.
            "TIDEWHEEL_VENUE_LATE_MAX_MS": "3600000",
            "TIDEWHEEL_VENUE_BOOK": str(int(self.speaker.by_book)),
            "PYTHONPATH": str(Path(__file__).parent / "fast_clock"),
            "FAST_CLOCK": f"{RATE},{self.start_ns}",
        }
