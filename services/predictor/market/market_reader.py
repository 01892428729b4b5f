"""Follows the live market on topic `ticks`, for PredictNow only: no group, no commits, and no ambition to see it all.

At a live market's pace every second is read. Where a replay writes faster than is worth following, the reader jumps
to the last records of a partition and reads on from there, as at a start. How many these are follows from the
instruments that have shown themselves on it. Records that cannot be decoded are counted and logged; the labeler reads
the same records and writes the dead letters.
"""

import logging
import threading
from collections import Counter, defaultdict
from contextlib import suppress
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.metrics import record_invalid_record
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import PREDICTOR_READER, TICKS
from tidewheel.domain.continuity import NEXT, ReadPositions
from tidewheel.domain.market import MarketSecond
from tidewheel.runtime.continuity import ContinuityMonitor
from tidewheel.runtime.kafka import KAFKA, Clients, Config, check, consumer_config, partitions_of, written_at_ns
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.kafka_refusals import REFUSED, failure_text
from tidewheel.runtime.retry import Retry
from tidewheel.telemetry.logs import of_record

# Records of a partition read back at a start or a jump: 600 seconds, and some, for each of its instruments; for two
# where fewer are known.
READ_BACK_RECORDS_EACH = 700
READ_BACK_RECORDS = 2 * READ_BACK_RECORDS_EACH
BATCH_RECORDS_MAX = 1000
POLL_TIMEOUT_S = 0.25
# After a full batch, so that a replay at full speed costs a few per cent of a core here.
THROTTLE_S = 0.25
REQUEST_TIMEOUT_S = 3.0
# Short, since a stop waits for it; an absent Kafka is asked again and again anyway.
METADATA_TIMEOUT_S = 0.5
RETRY_S = 1.0


class ReadBackRange(NamedTuple):
    """Offsets of a partition that are read back: from the first, up to the end."""

    first: int
    end: int


class MarketReader:
    """One thread runs it; it writes MarketViews."""

    def __init__(self, bootstrap: Broker, views: MarketViews, log: logging.Logger, clients: Clients = KAFKA) -> None:
        self._bootstrap = bootstrap
        self._clients = clients
        self._views = views
        self._log = log
        self._histories: dict[str, PriceHistory] = {}
        self._invalid_records: Counter[str] = Counter()
        self._breaks = ContinuityMonitor("predictor", TICKS.name)
        self._read_positions = ReadPositions()
        self._is_unavailable = False
        # Partition -> instruments seen on it.
        self._seen: defaultdict[int, set[str]] = defaultdict(set)
        # Those with seconds that their views do not show yet.
        self._unpublished: defaultdict[int, set[str]] = defaultdict(set)
        # Views of a partition that is read back wait for its end, so that none is cut short on the way.
        self._reading_back: dict[int, ReadBackRange] = {}

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set; whatever Kafka does, begin again."""
        with suppress(KafkaException):  # told to stop while there was none
            Retry(RETRY_S, wait=stop.wait).call(lambda: self._read(stop), _is_of_kafka, self._on_failure)

    def _read(self, stop: threading.Event) -> None:
        """Read from the last records on until `stop` is set. Raises KafkaException."""
        consumer = self._clients.consumer(self._config())
        try:
            ask_again = Retry(METADATA_TIMEOUT_S, wait=stop.wait)
            self._assign(
                consumer,
                ask_again.call(
                    lambda: partitions_of(consumer, TICKS.name, METADATA_TIMEOUT_S), _is_of_kafka, self._on_failure
                ),
            )
            while not stop.is_set():
                self._poll_once(consumer, stop)
        finally:
            consumer.close()

    def _config(self) -> Config:
        return consumer_config(
            self._bootstrap,
            "predictor",
            PREDICTOR_READER,
            error_cb=self._on_error,
            log_level=0,  # what matters is logged by _report_unavailable, once
            **{"queued.max.messages.kbytes": 4096, "auto.offset.reset": "latest", "reconnect.backoff.max.ms": 2000},
        )

    def _assign(self, consumer: Consumer, partitions: list[int]) -> None:
        """Read back as if nothing were known: the topic may be another one than before an outage."""
        self._histories.clear()
        self._seen.clear()
        self._unpublished.clear()
        self._reading_back.clear()
        starts = [
            self._read_back(
                p, *consumer.get_watermark_offsets(TopicPartition(TICKS.name, p), timeout=REQUEST_TIMEOUT_S)
            )
            for p in partitions
        ]
        consumer.assign(starts)
        if starts:
            self._report_available()

    def _read_back_records(self, partition: int) -> int:
        return max(READ_BACK_RECORDS, READ_BACK_RECORDS_EACH * len(self._seen[partition]))

    def _read_back(self, partition: int, low: int, high: int) -> TopicPartition:
        first = max(low, high - self._read_back_records(partition))
        self._reading_back[partition] = ReadBackRange(first, high)
        return TopicPartition(TICKS.name, partition, first)

    def _poll_once(self, consumer: Consumer, stop: threading.Event) -> None:
        messages = [check(message) for message in consumer.consume(BATCH_RECORDS_MAX, timeout=POLL_TIMEOUT_S)]
        if not messages:
            if self._views.unavailable is not None:  # silence, or an outage: asking tells which
                partitions_of(consumer, TICKS.name, REQUEST_TIMEOUT_S)
                self._report_available()
            return
        self._report_available()
        self._take(messages)
        ends = {message.partition() or 0: (message.offset() or 0) + 1 for message in messages}
        for partition, position in ends.items():
            if partition in self._reading_back:
                self._end_reading_back(consumer, partition, position)
            else:
                self._skip_ahead(consumer, partition, position)
            if partition not in self._reading_back:
                self._publish_views(partition)
        if len(messages) == BATCH_RECORDS_MAX:
            stop.wait(THROTTLE_S)

    def _skip_ahead(self, consumer: Consumer, partition: int, position: int) -> None:
        _, high = consumer.get_watermark_offsets(TopicPartition(TICKS.name, partition), cached=True)
        if high - position > 2 * self._read_back_records(partition):
            for instrument in self._seen[partition]:
                if instrument in self._histories:
                    self._histories[instrument].order.forget()
            consumer.seek(self._read_back(partition, 0, high))

    def _end_reading_back(self, consumer: Consumer, partition: int, position: int) -> None:
        """At the end, begin again further back if more instruments have shown themselves than were reckoned with."""
        first, end = self._reading_back[partition]
        if position < end:
            return
        del self._reading_back[partition]
        if end - first >= self._read_back_records(partition):
            return
        low, high = consumer.get_watermark_offsets(TopicPartition(TICKS.name, partition), timeout=REQUEST_TIMEOUT_S)
        if first > low:
            for instrument in self._seen[partition]:
                self._histories.pop(instrument, None)
            consumer.seek(self._read_back(partition, low, high))

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                second = decode_second(message.value())
            except InvalidRecordError as failure:
                self._count_invalid(message, failure)
                continue
            self._add(second, message)
            for instruments in (self._seen, self._unpublished):
                instruments[message.partition() or 0].add(second.instrument)

    def _add(self, second: MarketSecond, message: Message) -> None:
        history = self._histories.get(second.instrument)
        if history is None:
            history = self._histories[second.instrument] = PriceHistory()
        partition, offset = message.partition() or 0, message.offset() or 0
        again = self._read_positions.was_read(partition, offset)
        if (arrival := history.order.take(second)) is not NEXT and not again:
            self._breaks.record(second.instrument, arrival, partition, offset)
        history.add(second, written_at_ns(message))

    def _publish_views(self, partition: int) -> None:
        for instrument in self._unpublished.pop(partition, ()):
            history = self._histories.get(instrument)
            if history is not None and (view := history.view()) is not None:
                self._views.put(view)

    def _count_invalid(self, message: Message, failure: InvalidRecordError) -> None:
        record_invalid_record(failure.reason)
        self._invalid_records[failure.reason] += 1
        count = self._invalid_records[failure.reason]
        if str(count).strip("0") == "1":  # the 1st, 10th, 100th, …
            place = f"{TICKS.name}[{message.partition()}]@{message.offset()}"
            fields = of_record(TICKS.name, message.partition() or 0, message.offset() or 0, reason=failure.reason)
            template = "%s not used (%s, %d so far): %s"
            self._log.warning(template, place, failure.reason, count, failure, extra=fields)

    def _on_error(self, error: KafkaError) -> None:
        """librdkafka's word on the connection, from within consume."""
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, *REFUSED):
            self._report_unavailable(error)

    def _on_failure(self, failure: Exception, _tried_s: float) -> None:
        self._report_unavailable(failure.args[0])

    def _report_unavailable(self, error: KafkaError) -> None:
        """Told again and again during an outage; logged once."""
        reason = f"Kafka at {self._bootstrap} gives no market seconds ({failure_text(error)})"
        if not self._is_unavailable:
            self._log.warning("%s; only PredictNow needs them", reason)
        self._is_unavailable, self._views.unavailable = True, reason

    def _report_available(self) -> None:
        if self._views.unavailable is not None:
            self._log.info("reading market seconds from Kafka at %s", self._bootstrap)
        self._is_unavailable, self._views.unavailable = False, None


def _is_of_kafka(failure: Exception) -> bool:
    return isinstance(failure, KafkaException)
