"""Reads the log of a broker, as committed, and checks its invariants.

The system may run meanwhile. Ends are asked for downstream first: whatever made a record that is read lies before the
ends of the topics upstream, which are asked for after it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, key_kind
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.invariants.findings import LogEntry
from tidewheel.contracts.invariants.log import TOPICS_READ, LogInvariants
from tidewheel.contracts.tables import TABLE_VIEWS
from tidewheel.contracts.topics import LABELER_STATE, READER_GROUP
from tidewheel.domain.labeler_state import Frontier
from tidewheel.runtime.kafka import (
    KAFKA,
    METADATA_LIMIT_S,
    Clients,
    PartitionId,
    client,
    consumer_config,
    end_offsets,
    once_led,
    partitions_of,
    read_to_end,
    watermark_offsets,
)
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.retry import Retry

SETTLE_LIMIT_S = 60.0
SETTLE_RETRY_S = 0.05
REPORT_EVERY_RECORDS = 2_000

# Called now and then with the topic that is read, and how many of its records so far.
OnProgress = Callable[[str, int], None]


def check_log(
    bootstrap: Broker, instrument: str | None, progress: OnProgress, clients: Clients = KAFKA
) -> LogInvariants:
    """All that is found in the log of one instrument, or of all. Raises KafkaException where it cannot be read."""
    before = _frontiers(bootstrap, instrument, clients)
    firsts, ends = _extent(bootstrap, clients)
    invariants = LogInvariants(frozenset(place for place, first in firsts.items() if first > 0), before)
    for topic in TOPICS_READ:
        own = {partition: end for (name, partition), end in ends.items() if name == topic}
        starts = {partition: firsts[topic, partition] for partition in own}
        for message in reporting(topic, read_to_end(bootstrap, topic, starts, own, clients=clients), progress):
            _take(invariants, topic, message, instrument)
    invariants.end(_frontiers(bootstrap, instrument, clients))
    return invariants


def reporting(topic: str, messages: Iterator[Message], progress: OnProgress) -> Iterator[Message]:
    """The messages, of which `progress` is told."""
    number = 0
    for number, message in enumerate(messages, start=1):
        yield message
        if number % REPORT_EVERY_RECORDS == 0:
            progress(topic, number)
    progress(topic, number)


def _take(invariants: LogInvariants, topic: str, message: Message, instrument: str | None) -> None:
    key, payload = message.key(), message.value()
    if instrument is not None and key != instrument.encode():
        return
    partition, offset = message.partition() or 0, message.offset() or 0
    try:
        value: Any = TABLE_VIEWS[topic].decode(key, payload)
    except InvalidRecordError as bad:
        invariants.on_undecodable(topic, partition, offset, f"{bad.reason}: {bad}")
        return
    invariants.take(LogEntry(topic, partition, offset, key, value, hash(payload)))


def _frontiers(bootstrap: Broker, instrument: str | None, clients: Clients) -> Mapping[str, Frontier]:
    """How far the labels of each instrument are, as the labeler's state says now."""
    found: dict[str, Frontier] = {}
    for message in read_to_end(bootstrap, LABELER_STATE.name, clients=clients):
        with suppress(InvalidRecordError):
            if message.value() is not None and key_kind(message.key()) == FRONTIER:
                one = decode_frontier(message.value())
                if instrument in (None, one.instrument):
                    found[one.instrument] = one.frontier
    return found


def _extent(bootstrap: Broker, clients: Clients) -> tuple[dict[PartitionId, int], dict[PartitionId, int]]:
    """First offset and end of every partition that is read. Raises KafkaException."""
    config = {**client(bootstrap, "reader"), "log_level": 0}
    consumer = clients.consumer(consumer_config(bootstrap, "reader", READER_GROUP, log_level=0))
    firsts: dict[PartitionId, int] = {}
    ends: dict[PartitionId, int] = {}
    try:
        for topic in reversed(TOPICS_READ):
            partitions = partitions_of(consumer, topic)
            places = [TopicPartition(topic, partition) for partition in partitions]
            ends |= _ends(config, places, clients)
            _await_decided(config, places, ends, clients)
        # After the ends: what retention takes meanwhile is missed at the beginning, and known to be.
        for topic in TOPICS_READ:
            for partition, (first, _) in watermark_offsets(consumer, topic, partitions_of(consumer, topic)).items():
                firsts[topic, partition] = first
    finally:
        consumer.close()
    return firsts, ends


def _ends(
    config: Mapping[str, Any], places: list[TopicPartition], clients: Clients, *, stable: bool = False
) -> dict[PartitionId, int]:
    return once_led(lambda: end_offsets(config, places, METADATA_LIMIT_S, clients=clients, stable=stable))


def _await_decided(
    config: Mapping[str, Any], places: list[TopicPartition], ends: Mapping[PartitionId, int], clients: Clients
) -> None:
    """Until every transaction below the ends is over: what belongs to it on other topics is written then."""

    def decided() -> bool:
        stable_ends = _ends(config, places, clients, stable=True)
        return all(end >= ends[place] for place, end in stable_ends.items())

    if not Retry(SETTLE_RETRY_S, SETTLE_LIMIT_S).until(decided):
        message = f"{places[0].topic}: a transaction has been open for {SETTLE_LIMIT_S:.0f} s"
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, message))
