"""What one venue sends for a while, outside of any service: to record it, or to see whether there is one."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import TickFlag
from tidewheel.telemetry.logs import Log
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.client import VenueClient
from tidewheel.venues.connection_life import ConnectionLife
from tidewheel.venues.frame_log import Message
from tidewheel.venues.intake import Intake, Kind
from tidewheel.venues.opening import Opener, open_line
from tidewheel.venues.rows import FeedChange, Row

TOLERANCE_NS = 10_000_000_000
CHECK_EVERY_S = 0.05


@dataclass(slots=True)
class Capture:
    """What a venue has sent so far. `quotes`: by instrument; `latest`: the last quote of each."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    quotes: Counter[str] = field(default_factory=Counter)
    flags: Counter[TickFlag] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    first_rejected: str = ""
    latest: dict[str, Row] = field(default_factory=dict)
    skew_ns: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    subscribed: bool = False

    def put(self, entry: Row | FeedChange) -> None:
        if isinstance(entry, FeedChange):
            self.subscribed |= entry.event is FeedEvent.SUBSCRIBED
        elif entry.fault is not None:
            self.rejected[str(entry.fault.reason)] += 1
            self.first_rejected = self.first_rejected or entry.fault.detail
        else:
            self.quotes[entry.instrument] += 1
            self.latest[entry.instrument] = entry
            self.flags.update(TickFlag(entry.flags))


def capture(
    adapter: Adapter,
    symbols: list[str],
    url: str,
    clock: Callable[[], int],
    log: Log,
    ends: Callable[[Capture], bool],
    tap: Callable[[Message], None] = lambda _: None,
    opener: Opener = open_line,
) -> Capture:
    """Until it `ends`; `tap` is given each message as it came. Raises SourceError where trying changes nothing."""
    captured = Capture()

    def put(entry: Row | FeedChange) -> None:
        if isinstance(entry, FeedChange) and entry.event is FeedEvent.DISCONNECTED:
            tap(Message(entry.time_ns, entry.epoch, "", lost=True))
        captured.put(entry)

    intake = Intake(adapter, symbols, TOLERANCE_NS, put)
    connection = ConnectionLife(adapter, intake.wire_symbols, (url,) if url else adapter.urls, Random(clock()).random)
    intake.counts = connection.counts
    client = VenueClient(
        intake, connection, clock, log, lambda number, at_ns, text: tap(Message(at_ns, number, text)), opener=opener
    )

    async def until_end() -> None:
        stop = asyncio.Event()
        task = asyncio.ensure_future(client.run(stop))
        while not task.done() and not ends(captured):
            await asyncio.sleep(CHECK_EVERY_S)
        stop.set()
        await task

    with suppress(KeyboardInterrupt):
        asyncio.run(until_end())
    captured.kinds, captured.connections = intake.kinds, client.opened
    captured.skew_ns = {state.instrument: base for state in intake.states if (base := state.skew.base_ns) is not None}
    return captured


def for_seconds(seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Callable[[Capture], bool]:
    """An end after so many seconds; 0 is never."""
    end_s = monotonic() + seconds if seconds else float("inf")
    return lambda _: monotonic() >= end_s
