"""Live venues as a source: a thread hears them, its queue is emptied here.

A second is over when the thread that stamps quotes says so, so that no quote comes after its second.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random

from services.ingest.live_queue import Entry, LiveQueue
from services.ingest.metrics import FeedRecorder
from services.ingest.sources import Clock, Items
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import RawBatch, Watermark
from tidewheel.runtime.background import BackgroundThread
from tidewheel.telemetry.logs import Log
from tidewheel.venues.adapter import Adapter
from tidewheel.venues.client import VenueClient
from tidewheel.venues.connection_life import ConnectionLife
from tidewheel.venues.intake import Intake
from tidewheel.venues.live_clock import LiveClock
from tidewheel.venues.opening import Opener, open_line
from tidewheel.venues.rows import FeedChange, Row, raw_batches

TAKE_WAIT_S = 0.5
CHECK_EVERY_S = 0.05  # at most, until it is seen that a second is over or that all is to end


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is heard. `url`: instead of the venue's own addresses, where one is given; `openers`: of venues, by name, to
    which a connection is opened in a way of their own."""

    adapters: Sequence[Adapter]
    symbols: Sequence[str]
    tolerance_ns: int
    url: str = ""
    openers: Mapping[str, Opener] = field(default_factory=dict)


class Live:
    """Quotes of some symbols at each of some venues, as they come."""

    kind = SourceKind.LIVE
    replayable = False

    def __init__(
        self,
        wanted: Wanted,
        wall: Clock,
        monotonic: Clock,
        log: Log,
        queue: LiveQueue | None = None,
        chance: Callable[[], float] | None = None,
    ) -> None:
        """`wall`, `monotonic`: the machine's two clocks in ns; `chance`: from 0 to 1, by which tries are spread."""
        live_clock = LiveClock(wall(), monotonic())

        def clock() -> int:
            return live_clock.at(wall(), monotonic())

        self._queue = LiveQueue() if queue is None else queue
        self._clock, self._live_clock, self._jumped_ns = clock, live_clock, 0
        self._log = log
        self._second = 0
        self.name = ",".join(adapter.name for adapter in wanted.adapters)
        self.instruments: tuple[str, ...] = tuple(
            f"{adapter.name}:{symbol}" for adapter in wanted.adapters for symbol in wanted.symbols
        )
        # Chance spreads tries of many processes; that two of them have the same is what must not be.
        chance = chance or Random(wall()).random
        self._intakes = [
            Intake(adapter, wanted.symbols, wanted.tolerance_ns, self._queue.put) for adapter in wanted.adapters
        ]
        self._clients = [_client(intake, wanted, chance, clock, log) for intake in self._intakes]
        self._recorder = FeedRecorder(self._queue, self._clients)
        self._thread = BackgroundThread("venues", self._receive)

    def layouts(self) -> list[str]:
        """What is heard, and from where."""
        return [f"{client.name}: {client.status}" for client in self._clients]

    def describe(self, place: int) -> str:
        """A message by its number."""
        return f"message {place}"

    def items(self) -> Iterator[Items]:
        """Each second's rows and its end. Raises SourceError where a venue can never be heard."""
        self._thread.start()
        while True:
            yield self._dealt(self._queue.take(TAKE_WAIT_S))
            self._recorder.record()
            self._thread.check()

    def remaining(self) -> Iterator[Items]:
        """Take leave of the venues, and give what they said until then; the second now open ends with it."""
        self._thread.close()
        yield self._dealt(self._queue.take(0))
        yield self._dealt([Watermark((self._clock() // NS_PER_S + 1) * NS_PER_S)])
        self._recorder.record()

    def _dealt(self, entries: list[Entry]) -> Items:
        dealt: dict[str, list[Row | FeedChange | Watermark]] = {}
        for entry in entries:
            for name in self.instruments if isinstance(entry, Watermark) else (entry.instrument,):
                dealt.setdefault(name, []).append(entry)
        return {name: list(_columns(own)) for name, own in dealt.items()}

    def _receive(self, stop: threading.Event) -> None:
        asyncio.run(self._receive_all(stop))

    async def _receive_all(self, stop: threading.Event) -> None:
        ends = asyncio.Event()
        tasks = [asyncio.ensure_future(client.run(ends)) for client in self._clients]
        try:
            while not stop.is_set() and not any(task.done() for task in tasks):
                await asyncio.sleep(self._tell_time())
        finally:
            ends.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure

    def _tell_time(self) -> float:
        """Say so where a second is over; how long until the next."""
        now_ns = self._clock()
        if self._live_clock.jumped_ns != self._jumped_ns:
            self._on_clock_set(now_ns)
        if now_ns // NS_PER_S != self._second:
            self._second = now_ns // NS_PER_S
            self._queue.put_time(self._second * NS_PER_S)
        return min(CHECK_EVERY_S, (NS_PER_S - now_ns % NS_PER_S) / NS_PER_S)

    def _on_clock_set(self, now_ns: int) -> None:
        by_s = (self._live_clock.jumped_ns - self._jumped_ns) / NS_PER_S
        self._jumped_ns = self._live_clock.jumped_ns
        detail = f"this machine's clock was set forward by {by_s:,.1f} s"
        self._log.warning("%s: no market time is known in between", detail)
        for intake in self._intakes:
            intake.on_clock_set()
            intake.put_event(FeedEvent.GAP, now_ns, detail, intake.epoch)


def _client(
    intake: Intake, wanted: Wanted, chance: Callable[[], float], clock: Callable[[], int], log: Log
) -> VenueClient:
    adapter = intake.adapter
    urls = (wanted.url,) if wanted.url else adapter.urls
    connection = ConnectionLife(adapter, intake.wire_symbols, urls, chance)
    intake.counts = connection.counts
    return VenueClient(intake, connection, clock, log, opener=wanted.openers.get(adapter.name, open_line))


def _columns(entries: Sequence[Entry]) -> Iterator[RawBatch | FeedChange | Watermark]:
    for is_row, run in groupby(entries, key=lambda entry: isinstance(entry, Row)):
        if is_row:
            yield from raw_batches([entry for entry in run if isinstance(entry, Row)])
        else:
            yield from (entry for entry in run if not isinstance(entry, Row))
