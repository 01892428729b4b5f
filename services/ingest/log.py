"""What Kafka holds of an instrument already: the log is ingest's state."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.market import decode_dead_letter, decode_second
from tidewheel.contracts.topics import DEAD_LETTERS, LABELER_GROUP, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.runtime.kafka import KAFKA, Clients, consumer_config, last_offsets, partitions_of, read_to_end
from tidewheel.runtime.process import Unusable

# How far back to look for an instrument's last record, which others on its partition may have left behind.
FIRST_LOOK_RECORDS = 64
LOOK_FURTHER = 32
ASK_LIMIT_S = 5.0
TURN_EVERY = 1_000
# Topics made a moment ago are not yet known, or led, everywhere: no reason to give up at once.
NEW_TOPIC_LIMIT_S = 10.0
NEW_TOPIC_RETRY_S = 0.1
NEW_TOPIC = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
)
T = TypeVar("T")


def murmur2(key: bytes) -> int:
    """The hash that Kafka's clients partition by, as an unsigned 32-bit number."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(instrument: str, partitions: int) -> int:
    """Where the records of an instrument lie, as `murmur2_random` puts them."""
    return (murmur2(instrument.encode()) & 0x7FFFFFFF) % partitions


Turned = Callable[[], None]


def nothing() -> None:
    """For a caller that nobody watches."""


def begun(items: Iterator[T]) -> Iterator[T]:
    """The same items, the first of them fetched: what stands in the way of it is raised here."""
    return chain(list(islice(items, 1)), items)


def _patiently(call: Callable[[], T]) -> T:
    deadline = time.monotonic() + NEW_TOPIC_LIMIT_S
    while True:
        try:
            return call()
        except KafkaException as failure:
            if failure.args[0].code() not in NEW_TOPIC or time.monotonic() > deadline:
                raise
        time.sleep(NEW_TOPIC_RETRY_S)


def partition_on(bootstrap: str, instrument: str) -> int:
    """The instrument's partition of `ticks`. Raises KafkaException where the topic is missing."""
    consumer = Consumer(consumer_config(bootstrap, "ingest", "tidewheel-reader"))
    try:
        return partition_of(instrument, len(_patiently(lambda: partitions_of(consumer, TICKS.name, ASK_LIMIT_S))))
    finally:
        consumer.close()


def last_second(
    bootstrap: str, instrument: str, partition: int, turned: Turned = nothing, clients: Clients = KAFKA
) -> MarketSecond | None:
    """The newest second of an instrument, None where there is none. Raises Unusable where it cannot be gone on from.

    Quick where there is one near the end; to know that there is none, the whole partition is read. It need not be the
    last record: a batch of a killed ingest may come when its successor has written on (`docs/late-requests.md`).
    """
    consumer = clients.consumer(consumer_config(bootstrap, "ingest", "tidewheel-reader"))
    try:
        first, end = _patiently(lambda: last_offsets(consumer, TICKS.name, [partition])[partition])
    finally:
        consumer.close()
    key, look = instrument.encode(), FIRST_LOOK_RECORDS
    while end > first:
        start = max(first, end - look)
        own: deque[Message] = deque(maxlen=FIRST_LOOK_RECORDS)
        for message in _read(bootstrap, TICKS.name, {partition: start}, turned, clients):
            if message.key() == key:
                own.append(message)
        if own:
            return _newest(own)
        if start == first:
            break
        look *= LOOK_FURTHER
    return None


def _newest(own: Iterable[Message]) -> MarketSecond:
    """Of the last records of an instrument. Raises Unusable where the very last cannot be gone on from."""
    *before, last = own
    found = _decoded(last)
    for message in before:
        with suppress(BadRecord):
            found = max(found, decode_second(message.value()), key=lambda second: second.second)
    return found


def _decoded(message: Message) -> MarketSecond:
    where = f"topic {message.topic()}, partition {message.partition()}, offset {message.offset()}"
    try:
        last = decode_second(message.value())
    except BadRecord as failure:
        raise Unusable(f"the log cannot be gone on from: {where}: {failure}") from None
    if not last.last_tick_ns:
        raise Unusable(f"the log cannot be gone on from: {where} does not say when its last quote came")
    return last


def letters_told(
    bootstrap: str, instrument: str, source: str, turned: Turned = nothing, clients: Clients = KAFKA
) -> frozenset[bytes]:
    """Places of the letters on `dead-letters` that are of a source."""
    told = set()
    for message in _read(bootstrap, DEAD_LETTERS.name, None, turned, clients):
        if message.key() != instrument.encode():
            continue
        try:
            letter = decode_dead_letter(message.value())
        except BadRecord:
            continue
        if letter.source == source:
            told.add(letter.place)
    return frozenset(told)


def _read(
    bootstrap: str, topic: str, starts: dict[int, int] | None, turned: Turned, clients: Clients
) -> Iterator[Message]:
    """A topic to its present end, one record at a time; `turned` says now and then that it goes on."""
    messages = _patiently(lambda: begun(read_to_end(bootstrap, topic, starts, clients=clients)))
    for number, message in enumerate(messages):
        if number % TURN_EVERY == 0:
            turned()
        yield message


class LabelerLag:
    """How many records of a partition of `ticks` the labeler has not committed, `on_the_way` included."""

    def __init__(self, bootstrap: str, partition: int, on_the_way: Callable[[], int], clients: Clients = KAFKA) -> None:
        # A member of the group only by name: it asks and never joins.
        self._consumer = clients.consumer(consumer_config(bootstrap, "ingest", LABELER_GROUP))
        self._partition = TopicPartition(TICKS.name, partition)
        self._on_the_way = on_the_way

    def __call__(self) -> int | None:
        """None while the broker or the group's coordinator does not answer."""
        try:
            (committed,) = self._consumer.committed([self._partition], timeout=ASK_LIMIT_S)
            on_the_way = self._on_the_way()
            first, end = self._consumer.get_watermark_offsets(self._partition, timeout=ASK_LIMIT_S)
        except KafkaException:
            return None
        if committed.error is not None:
            return None
        # A group that has committed nothing, or does not exist, stands at the log's beginning.
        return max(0, end - max(first, committed.offset)) + on_the_way

    def close(self) -> None:
        self._consumer.close()
