"""What Kafka holds of an instrument already: the log is ingest's state."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from services.ingest.prefetch import prefetch_first
from tidewheel.contracts.codecs.market import decode_dead_letter, decode_second
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import DEAD_LETTERS, LABELER_GROUP, READER_GROUP, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.runtime.kafka import (
    KAFKA,
    Clients,
    consumer_config,
    failed_with,
    partitions_of,
    read_to_end,
    watermark_offsets,
)
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.retry import Retry

# How far back to look for an instrument's last record, which others on its partition may have left behind.
FIRST_SCAN_RECORDS = 64
SCAN_GROWTH = 32
BROKER_TIMEOUT_S = 5.0
HEARTBEAT_EVERY_RECORDS = 1_000
# Topics made a moment ago are not yet known, or led, everywhere: no reason to give up at once.
NEW_TOPIC_TIMEOUT_S = 10.0
NEW_TOPIC_RETRY_INTERVAL_S = 0.1
NEW_TOPIC_ERRORS = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
T = TypeVar("T")
Heartbeat = Callable[[], None]


def no_heartbeat() -> None:
    """For a caller whose liveness nobody checks."""


def _retry_new_topic(call: Callable[[], T]) -> T:
    return Retry(NEW_TOPIC_RETRY_INTERVAL_S, NEW_TOPIC_TIMEOUT_S).call(call, failed_with(NEW_TOPIC_ERRORS))


def fetch_partition_count(bootstrap: Broker) -> int:
    """How many partitions `ticks` has. Raises KafkaException where the topic is missing."""
    consumer = KAFKA.consumer(consumer_config(bootstrap, "ingest", READER_GROUP))
    try:
        return len(_retry_new_topic(lambda: partitions_of(consumer, TICKS.name, BROKER_TIMEOUT_S)))
    finally:
        consumer.close()


def last_second(
    bootstrap: Broker,
    instrument: str,
    partition: int,
    heartbeat: Heartbeat = no_heartbeat,
    clients: Clients = KAFKA,
    ends: dict[int, int] | None = None,
) -> MarketSecond | None:
    """The newest second of an instrument, None where there is none. Raises FatalError where it cannot be continued.

    Quick where there is one near the end; to know that there is none, the whole partition is read. It need not be the
    last record: a batch of a killed ingest may come when its successor has written on (`docs/late-requests.md`).
    `ends` keeps where each partition ended when it was first looked at: what the caller has written since, of other
    instruments, is not read.
    """
    consumer = clients.consumer(consumer_config(bootstrap, "ingest", READER_GROUP))
    try:
        first, end = _retry_new_topic(lambda: watermark_offsets(consumer, TICKS.name, [partition])[partition])
    finally:
        consumer.close()
    if ends is not None:
        end = ends.setdefault(partition, end)
    key, scan_records = instrument.encode(), FIRST_SCAN_RECORDS
    while end > first:
        start = max(first, end - scan_records)
        own: deque[Message] = deque(maxlen=FIRST_SCAN_RECORDS)
        for message in _read(bootstrap, TICKS.name, {partition: start}, heartbeat, clients):
            if (message.offset() or 0) >= end:
                break
            if message.key() == key:
                own.append(message)
        if own:
            return _newest(own)
        if start == first:
            break
        scan_records *= SCAN_GROWTH
    return None


def _newest(own: Iterable[Message]) -> MarketSecond:
    """Of the last records of an instrument. Raises FatalError where the very last cannot be continued."""
    *before, last = own
    found = _decoded(last)
    for message in before:
        with suppress(InvalidRecordError):
            found = max(found, decode_second(message.value()), key=lambda second: second.second)
    return found


def _decoded(message: Message) -> MarketSecond:
    where = f"topic {message.topic()}, partition {message.partition()}, offset {message.offset()}"
    try:
        last = decode_second(message.value())
    except InvalidRecordError as failure:
        raise FatalError(f"the log cannot be gone on from: {where}: {failure}") from None
    if not last.last_tick_ns:
        raise FatalError(f"the log cannot be gone on from: {where} does not say when its last quote came")
    return last


def dead_letter_places(
    bootstrap: Broker, source: str, heartbeat: Heartbeat = no_heartbeat, clients: Clients = KAFKA
) -> dict[str, frozenset[bytes]]:
    """Instrument -> places in a source of its rows that are on `dead-letters` already."""
    places: dict[str, set[bytes]] = {}
    for message in _read(bootstrap, DEAD_LETTERS.name, None, heartbeat, clients):
        try:
            dead_letter = decode_dead_letter(message.value())
        except InvalidRecordError:
            continue
        if dead_letter.source == source:
            places.setdefault(dead_letter.instrument, set()).add(dead_letter.dedup_key)
    return {instrument: frozenset(found) for instrument, found in places.items()}


def _read(
    bootstrap: Broker, topic: str, starts: dict[int, int] | None, heartbeat: Heartbeat, clients: Clients
) -> Iterator[Message]:
    """A topic to its present end, one record at a time; `heartbeat` is called now and then."""
    messages = _retry_new_topic(lambda: prefetch_first(read_to_end(bootstrap, topic, starts, clients=clients)))
    for number, message in enumerate(messages):
        if number % HEARTBEAT_EVERY_RECORDS == 0:
            heartbeat()
        yield message


class LabelerLag:
    """How many records of a partition of `ticks` the labeler has not committed, those in flight included."""

    def __init__(
        self, bootstrap: Broker, partition: int, in_flight: Callable[[], int], clients: Clients = KAFKA
    ) -> None:
        # A member of the group only by name: it asks and never joins.
        self._consumer = clients.consumer(consumer_config(bootstrap, "ingest", LABELER_GROUP))
        self._partition = TopicPartition(TICKS.name, partition)
        self._in_flight = in_flight

    def __call__(self) -> int | None:
        """None while the broker or the group's coordinator does not answer."""
        try:
            self._consumer.poll(0.0)  # hears what its client has to say
            (committed,) = self._consumer.committed([self._partition], timeout=BROKER_TIMEOUT_S)
            in_flight = self._in_flight()
            first, end = self._consumer.get_watermark_offsets(self._partition, timeout=BROKER_TIMEOUT_S)
        except KafkaException:
            return None
        if committed.error is not None:
            return None
        # A group that has committed nothing, or does not exist, stands at the log's beginning.
        return max(0, end - max(first, committed.offset)) + in_flight

    def close(self) -> None:
        self._consumer.close()
