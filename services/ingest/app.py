"""The service: read a source, build market seconds, publish each when it is due, go on from the log after a restart."""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException

from services.ingest.instrument_feed import InstrumentFeed
from services.ingest.interleaving import Record, by_second
from services.ingest.kafka_log import LabelerLag, dead_letter_places, fetch_partition_count, last_second
from services.ingest.metrics import record_held_back
from services.ingest.pacing import ClockPacer, LagPacer, Pacer, Unpaced
from services.ingest.prefetch import prefetch_first
from services.ingest.publisher import IdempotentProducer, StopRequestedError
from services.ingest.settings import Settings
from services.ingest.sources import Clock, Item, Source
from services.ingest.sources.factory import open_source, open_warm_up
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.contracts.partitioning import partition_of
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import SourceError
from tidewheel.runtime.kafka import KAFKA, Clients
from tidewheel.runtime.kafka_refusals import failure_text
from tidewheel.runtime.process import Context, FatalError, UnrecoverableError
from tidewheel.venues.live_clock import ClockWentBackError

WAIT_STEP_S = 0.1
HEARTBEAT_EVERY_RECORDS = 512  # records, where nothing is waited for
EVERY_PARTITION = -1
# A log may end a little ahead: the second that was open when ingest stopped, and clocks of two machines.
AHEAD_OF_CLOCK_MAX_S = 5
UNPACED = Unpaced()


def run(settings: Settings, context: Context, wall: Clock = time.time_ns, monotonic: Clock = time.monotonic_ns) -> None:
    """Until the source ends or `stop` is set. Raises FatalError in one line for what a person can mend:
    UnrecoverableError where it is the source itself. `wall`, `monotonic`: the machine's clocks in ns."""
    try:
        mark = _place_mark(settings)
        if mark.died_at:
            context.log.error("the process before this one ended at %s, which is now read line by line", mark.died_at)
        reading = settings.reading(datetime.fromtimestamp(wall() // NS_PER_S, UTC).year)
        if settings.warm_up:
            _warm_up(settings, context, reading, mark, wall)
        if not context.stop.is_set():
            _run_source(settings, context, open_source(settings, reading, mark, wall, monotonic, context.log), wall)
    except SourceError as failure:
        raise UnrecoverableError(str(failure)) from None
    except ClockWentBackError as failure:
        raise FatalError(str(failure)) from None
    except KafkaException as failure:
        raise FatalError(f"Kafka at {settings.kafka}: {failure_text(failure.args[0])}") from None


def _run_source(
    settings: Settings, context: Context, source: Source, wall: Clock, *, before_live: bool = False
) -> None:
    for layout in source.layouts():
        context.log.info("%s", layout)
    # What cannot be read at all is known before anything is said to run.
    items = prefetch_first(source.items())
    partition = partial(partition_of, partitions=fetch_partition_count(settings.kafka_access))
    Ingest(settings, context, source, partition, wall=wall, before_live=before_live).run(items)


def _warm_up(settings: Settings, context: Context, reading: ReadingOptions, mark: PlaceMark, wall: Clock) -> None:
    """Replay what comes before the live feed, of those instruments that have not been heard live yet."""
    kafka, beat = settings.kafka_access, context.health.heartbeat
    count = fetch_partition_count(kafka)
    missing = []
    for instrument in settings.feed.instruments(settings.instrument):
        last = last_second(kafka, instrument, partition_of(instrument, count), beat)
        if last is not None and last.source_kind is SourceKind.LIVE:
            context.log.info("%s goes on live: what comes before it is in the log", instrument)
        else:
            missing.append(instrument)
    if missing:
        _run_source(settings, context, open_warm_up(settings, reading, mark, missing, wall()), wall, before_live=True)


def _place_mark(settings: Settings) -> PlaceMark:
    try:
        return PlaceMark(Path(settings.place_file) if settings.place_file else None)
    except OSError as failure:
        raise FatalError(f"{settings.place_file} cannot be written: {failure.strerror}") from None


class Ingest:
    """One run over one source. `partition`: where the records of an instrument lie. `before_live`: a live source goes
    on where this one ends."""

    def __init__(
        self,
        settings: Settings,
        context: Context,
        source: Source,
        partition: Callable[[str], int],
        clients: Clients = KAFKA,
        wall: Clock = time.time_ns,
        *,
        before_live: bool = False,
    ) -> None:
        self._settings = settings
        self._before_live = before_live
        self._source_text = source.name if before_live else str(settings.feed)
        self._speed = math.inf if before_live else settings.speed
        self._wall = wall
        self._clients = clients
        self._context = context
        self._source = source
        self._partition = partition
        self._ends: dict[int, int] = {}
        self._reported: dict[str, frozenset[bytes]] | None = None
        self._pacers: dict[int, Pacer] = {}
        self._closing = ExitStack()
        self._feeds: dict[str, InstrumentFeed] = {}
        self._producer = IdempotentProducer(settings.kafka_access, self._keep_waiting, clients)
        if source.instruments is None:
            self._feeds[settings.instrument_id] = self._open(settings.instrument_id)

    def _open(self, instrument: str) -> InstrumentFeed:
        """Read back what the log holds of an instrument."""
        kafka, beat, clients = self._settings.kafka_access, self._context.health.heartbeat, self._clients
        last = last_second(kafka, instrument, self._partition(instrument), beat, clients, self._ends)
        if last is not None and self._source.kind is SourceKind.LIVE:
            self._check_not_ahead(instrument, last)
        if self._reported is None:
            replayable = self._source.replayable
            self._reported = dead_letter_places(kafka, self._source.name, beat, clients) if replayable else {}
        return InstrumentFeed(
            instrument,
            self._source_text,
            self._source,
            self._settings.rules,
            self._producer,
            self._context.log,
            last,
            self._reported.get(instrument, frozenset()),
            named=self._source.instruments is not None,
            tracer=self._context.tracer,
        )

    def _check_not_ahead(self, instrument: str, last: MarketSecond) -> None:
        """Raises FatalError where all that comes would be late by the log."""
        ahead_s = last.second - self._wall() // NS_PER_S
        if ahead_s > AHEAD_OF_CLOCK_MAX_S:
            raise FatalError(
                f"the log of {instrument} ends {ahead_s:,} s ahead of this machine's clock: see that the clock is right"
            )

    def run(self, items: Iterable[Item]) -> None:
        with self._closing as stack:
            stack.enter_context(closing(self._producer))
            for instrument in self._feeds:
                self._pacer(instrument)
            try:
                for feed in self._feeds.values():
                    feed.begin()
                self._context.health.ready()
                if self._publish_all(items):
                    self._on_source_end()
                else:
                    self._publish_remaining()
            except StopRequestedError:
                pass
            except BaseException:
                # What was published before is in the log; the failure is what counts.
                with suppress(KafkaException):
                    self._flush()
                raise
            self._flush()

    def _publish_all(self, items: Iterable[Item]) -> bool:
        """Whether the source came to its end."""
        for item in items:
            self._heartbeat()
            parts = self._parts(item)
            if not self._publish(parts):
                return False
            for feed, _ in parts:
                feed.report_account()
            if not self._wait(0):
                return False
        return self._publish([(feed, feed.last_records()) for feed in self._feeds.values()])

    def _publish_remaining(self) -> None:
        """The service is to stop: what a live source has heard until now is written."""
        for item in self._source.remaining():
            self._publish(self._parts(item))

    def _parts(self, item: Item) -> list[tuple[InstrumentFeed, Iterable[Record]]]:
        if not isinstance(item, dict):
            (feed,) = self._feeds.values()
            return [(feed, feed.records([item]))]
        return [(feed, feed.records(batches)) for symbol, batches in item.items() for feed in [self._feed_of(symbol)]]

    def _feed_of(self, symbol: str) -> InstrumentFeed:
        """The instrument's, known or new."""
        instrument = self._instrument(symbol)
        if instrument not in self._feeds:
            self._feeds[instrument] = self._open(instrument)
            self._feeds[instrument].begin()
        return self._feeds[instrument]

    def _instrument(self, symbol: str) -> str:
        return symbol if ":" in symbol else f"{self._settings.feed.kind}:{symbol}"

    def _publish(self, streams: list[tuple[InstrumentFeed, Iterable[Record]]]) -> bool:
        if not streams:
            return True
        for number, (feed, record) in enumerate(by_second(streams)):
            if number % HEARTBEAT_EVERY_RECORDS == 0:
                self._heartbeat()
            due = not isinstance(record, MarketSecond) or self._pacer(feed.instrument).wait_until_due(record.second)
            if not due:
                return False
            feed.publish(record)
        return True

    def _pacer(self, instrument: str) -> Pacer:
        """At a speed there is one clock for all; else the instruments of a partition share how far ahead they are."""
        if self._source.kind is SourceKind.LIVE:
            return UNPACED
        speed = self._speed
        partition = self._partition(instrument) if math.isinf(speed) else EVERY_PARTITION
        if partition not in self._pacers:
            self._pacers[partition] = (
                self._lag_pacer(partition) if math.isinf(speed) else ClockPacer(speed, time.monotonic, self._wait)
            )
        return self._pacers[partition]

    def _lag_pacer(self, partition: int) -> LagPacer:
        lag = LabelerLag(self._settings.kafka_access, partition, self._producer.in_flight, self._clients)
        self._closing.enter_context(closing(lag))
        held_back = partial(self._record_held_back, partition)
        return LagPacer(self._settings.ahead_max_s, lag, time.monotonic, self._wait, held_back)

    def _record_held_back(self, partition: int, waited_s: float) -> None:
        """All instruments of a partition wait for its labeler together."""
        for instrument in self._feeds:
            if self._partition(instrument) == partition:
                record_held_back(instrument, waited_s)

    def _wait(self, wait_s: float) -> bool:
        """Wait a moment at most; False when the service is to stop."""
        if wait_s > 0:
            self._heartbeat()
            self._context.stop.wait(min(wait_s, WAIT_STEP_S))
        return not self._context.stop.is_set()

    def _keep_waiting(self) -> bool:
        """Asked while the producer's queue is full."""
        self._context.health.heartbeat()
        return not self._context.stop.is_set()

    def _heartbeat(self) -> None:
        self._context.health.heartbeat()
        for feed in self._feeds.values():
            feed.poll()

    def _flush(self) -> None:
        for feed in self._feeds.values():
            feed.flush()

    def _on_source_end(self) -> None:
        """Raises SourceError where there was no usable quote, or none of an instrument that was asked for."""
        feeds = self._feeds.values()
        if not any(feed.quoted for feed in feeds):
            raise self._without_quote("", *feeds)
        for symbol in self._source.instruments or ():
            found = self._feeds.get(self._instrument(symbol))
            if found is None or not found.quoted:
                raise self._without_quote(f" of {symbol}", *filter(None, [found]))
        for feed in feeds:
            feed.end(FeedEvent.DISCONNECTED if self._before_live else FeedEvent.ENDED)

    def _without_quote(self, of: str, *feeds: InstrumentFeed) -> SourceError:
        reasons = "; ".join(filter(None, (feed.reasons() for feed in feeds)))
        return SourceError(f"{self._source_text} holds no usable quote{of}{reasons and f': {reasons}'}")
