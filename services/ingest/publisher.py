"""Everything ingest writes, by one idempotent producer: market seconds, changes of the feed, rejected rows, metrics."""

from collections.abc import Callable

from services.ingest.metrics import record_seconds
from tidewheel.contracts.codecs.market import FeedEvent, FeedStatus, encode_feed_status, encode_second
from tidewheel.contracts.topics import FEED_STATUS, TICKS
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import RejectedRow
from tidewheel.runtime.dead_letters import DeadLetterLimit, DeadLetterQueue
from tidewheel.runtime.kafka import KAFKA, Clients, producer_config
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.outbox import ConfirmedOutbox
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Attributes, Span, Tracer

SERVICE = "ingest"


class StopRequestedError(TidewheelError):
    """The service is to stop while the producer's queue is full."""


class IdempotentProducer(ConfirmedOutbox):
    """Without gaps: after a record that was given up, librdkafka sends none of those behind it. `keep_waiting` is asked
    while the queue is full."""

    def __init__(self, bootstrap: Broker, keep_waiting: Callable[[], bool], clients: Clients = KAFKA) -> None:
        self._keep_waiting = keep_waiting
        gapless = {"enable.gapless.guarantee": True, "delivery.report.only.error": True}
        super().__init__(
            lambda listeners: clients.producer(producer_config(bootstrap, SERVICE, **listeners, **gapless))
        )

    def _await_room(self) -> None:
        """Raises KafkaException where a delivery has failed, StopRequestedError on a stop."""
        if not self._keep_waiting():
            raise StopRequestedError from None
        super()._await_room()


class Publisher:
    """Writes one instrument's records in the order given, and the feed's status that follows from them."""

    def __init__(
        self,
        producer: IdempotentProducer,
        instrument: str,
        kind: SourceKind,
        source: str,
        last: MarketSecond | None,
        reported: frozenset[bytes] = frozenset(),
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._producer = producer
        self._tracer = tracer
        self._instrument = instrument
        self._kind = kind
        self._source = source
        self._last = last
        self._reported = reported
        self._limit = DeadLetterLimit()
        self._dead_letters = DeadLetterQueue(SERVICE, producer, self._limit)
        self._unrecorded: list[MarketSecond] = []

    @property
    def last(self) -> MarketSecond | None:
        """The newest record, of this run or the log."""
        return self._last

    def publish_second(self, record: MarketSecond) -> None:
        before = self._last
        if record.first_of_session and before is not None:
            quiet_s = record.second - before.second
            self.publish_status(
                FeedEvent.GAP, record.second * NS_PER_S, f"session {record.session} opens after {quiet_s} s"
            )
        if self._tracer.on:
            self._produce_traced(record)
        else:
            self._producer.produce(TICKS.name, encode_second(record), self._instrument)
        if record.stale and not (before is not None and before.stale and before.session == record.session):
            end_ns = (record.second + 1) * NS_PER_S
            self.publish_status(FeedEvent.STALE, end_ns, f"no quote since {record.last_tick_ns} ns")
        self._last = record
        self._unrecorded.append(record)

    def _produce_traced(self, record: MarketSecond) -> None:
        """Begin the second's trace, whose place its record carries: whether it is recorded is said here for all."""
        context, start_ns = self._tracer.second(record.instrument, record.second), self._tracer.clock_ns()
        self._producer.produce(TICKS.name, encode_second(record), self._instrument, headers=context.headers)
        if context.sampled:
            attributes: Attributes = {
                "tidewheel.instrument": record.instrument,
                "tidewheel.second": record.second,
                "tidewheel.session": record.session,
                "tidewheel.quotes": len(record.quotes),
                "messaging.destination.name": TICKS.name,
            }
            self._tracer.record(
                Span("market second", context, start_ns, self._tracer.clock_ns(), attributes=attributes)
            )

    def publish_rejected(self, row: RejectedRow) -> None:
        """Make a dead letter of a row, once: an earlier run may have done so. Raises FatalError when it is too many.

        The limit counts all rows in their order, ticks that are skipped and rows reported before as well,
        so that each start ends at the same row.
        """
        self._limit.accepted(row.good_before)
        dead_letter = self._dead_letters.make(
            self._source, -1, row.place, row.reason, row.detail, raw=row.raw, instrument=self._instrument
        )
        if dead_letter.dedup_key in self._reported:
            self._limit.rejected()
        else:
            self._dead_letters.put(dead_letter)

    def publish_status(self, event: FeedEvent, time_ns: int, detail: str, epoch: int = 0) -> None:
        """`epoch`: 0 for that of the newest record."""
        epoch = epoch or (self._last.connection_epoch if self._last else 1)
        value = FeedStatus(self._instrument, event, time_ns, epoch, detail, self._kind)
        self._producer.produce(FEED_STATUS.name, encode_feed_status(value), self._instrument)

    def poll(self) -> None:
        """Learn of deliveries, bring the metrics up to date; to be called now and then, whatever else happens."""
        self._producer.poll()
        records, self._unrecorded = self._unrecorded, []
        if records:
            record_seconds(self._instrument, records)

    def flush(self) -> None:
        """Return when everything is delivered. Raises KafkaException."""
        self.poll()
        self._producer.flush()
        self._producer.poll()
