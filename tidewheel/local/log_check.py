"""Reads the log of a broker, as committed, and holds it to its laws.

The system may run meanwhile. Ends are asked for downstream first: whatever made a record that is read lies before the
ends of the topics upstream, which are asked for after it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, kind_of
from tidewheel.contracts.laws.findings import Entry
from tidewheel.contracts.laws.log import READ, LogLaws
from tidewheel.contracts.rows import VIEWS
from tidewheel.contracts.topics import LABELER_STATE
from tidewheel.domain.labeler_state import Frontier
from tidewheel.runtime.kafka import (
    METADATA_LIMIT_S,
    Place,
    client,
    consumer_config,
    ends_of,
    last_offsets,
    partitions_of,
    read_to_end,
)

SETTLE_LIMIT_S = 60.0
SETTLE_RETRY_S = 0.05
TOLD_EVERY = 2_000

# Told now and then: the topic that is read, and how many of its records so far.
Progress = Callable[[str, int], None]


def check_log(bootstrap: str, instrument: str | None, progress: Progress) -> LogLaws:
    """All that is found in the log of one instrument, or of all. Raises KafkaException where it cannot be read."""
    before = _frontiers(bootstrap, instrument)
    firsts, ends = _extent(bootstrap)
    laws = LogLaws(frozenset(place for place, first in firsts.items() if first > 0), before)
    for topic in READ:
        own = {partition: end for (name, partition), end in ends.items() if name == topic}
        starts = {partition: firsts[topic, partition] for partition in own}
        for message in _told(topic, read_to_end(bootstrap, topic, starts, own), progress):
            _take(laws, topic, message, instrument)
    laws.end(_frontiers(bootstrap, instrument))
    return laws


def _told(topic: str, messages: Iterator[Message], progress: Progress) -> Iterator[Message]:
    number = 0
    for number, message in enumerate(messages, start=1):
        yield message
        if number % TOLD_EVERY == 0:
            progress(topic, number)
    progress(topic, number)


def _take(laws: LogLaws, topic: str, message: Message, instrument: str | None) -> None:
    key, payload = message.key(), message.value()
    if instrument is not None and key != instrument.encode():
        return
    partition, offset = message.partition() or 0, message.offset() or 0
    try:
        value: Any = VIEWS[topic].decode(key, payload)
    except BadRecord as bad:
        laws.on_undecodable(topic, partition, offset, f"{bad.reason}: {bad}")
        return
    laws.take(Entry(topic, partition, offset, key, value, hash(payload)))


def _frontiers(bootstrap: str, instrument: str | None) -> Mapping[str, Frontier]:
    """How far the labels of each instrument are, as the labeler's state says now."""
    found: dict[str, Frontier] = {}
    for message in read_to_end(bootstrap, LABELER_STATE.name):
        with suppress(BadRecord):
            if message.value() is not None and kind_of(message.key()) == FRONTIER:
                one = decode_frontier(message.value())
                if instrument in (None, one.instrument):
                    found[one.instrument] = one.frontier
    return found


def _extent(bootstrap: str) -> tuple[dict[Place, int], dict[Place, int]]:
    """First offset and end of every partition that is read. Raises KafkaException."""
    config = {**client(bootstrap, "reader"), "log_level": 0}
    consumer = Consumer(consumer_config(bootstrap, "reader", "tidewheel-reader", log_level=0))
    firsts: dict[Place, int] = {}
    ends: dict[Place, int] = {}
    try:
        for topic in reversed(READ):
            partitions = partitions_of(consumer, topic)
            places = [TopicPartition(topic, partition) for partition in partitions]
            ends |= ends_of(config, places, METADATA_LIMIT_S)
            _await_decided(config, places, ends)
        # After the ends: what retention takes meanwhile is missed at the beginning, and known to be.
        for topic in READ:
            for partition, (first, _) in last_offsets(consumer, topic, partitions_of(consumer, topic)).items():
                firsts[topic, partition] = first
    finally:
        consumer.close()
    return firsts, ends


def _await_decided(config: Mapping[str, Any], places: list[TopicPartition], ends: Mapping[Place, int]) -> None:
    """Until every transaction below the ends is over: what belongs to it on other topics is written then."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while any(end < ends[place] for place, end in ends_of(config, places, METADATA_LIMIT_S, decided=True).items()):
        if time.monotonic() > deadline:
            words = f"{places[0].topic}: a transaction has been open for {SETTLE_LIMIT_S:.0f} s"
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, words))
        time.sleep(SETTLE_RETRY_S)
