"""Reads the topics that tell how the system does, from their beginning, in a thread of its own.

Commits nothing and joins no group. Examples are 2.4 kB each and the labeler's frontier counts them, so they are read
only where it is asked for: to tell whether they are there once each.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import (
    OFFSET_BEGINNING,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from tidewheel.contracts.codecs.labeler_state import FRONTIER, decode_frontier, key_kind
from tidewheel.contracts.codecs.market import decode_dead_letter, decode_feed_status, decode_second
from tidewheel.contracts.codecs.orders import decode_example, decode_orders, decode_transaction
from tidewheel.contracts.codecs.training import decode_run_event
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import (
    COLLECTOR_READER,
    DEAD_LETTERS,
    EXAMPLES,
    FEED_STATUS,
    LABELER_STATE,
    ORDERS,
    TICKS,
    TRAINING_RUNS,
    TRANSACTIONS,
)
from tidewheel.local.monitoring.observed import LabelerFrontier, ObservedSystem, Record
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.kafka import (
    KAFKA,
    METADATA_LIMIT_S,
    Clients,
    PartitionId,
    client,
    consumer_config,
    end_offsets,
    partitions_of,
)
from tidewheel.runtime.kafka_access import Broker

DECODERS: Mapping[str, Callable[[bytes | None], Record]] = {
    TICKS.name: decode_second,
    ORDERS.name: decode_orders,
    TRANSACTIONS.name: decode_transaction,
    EXAMPLES.name: decode_example,
    TRAINING_RUNS.name: decode_run_event,
    FEED_STATUS.name: decode_feed_status,
    DEAD_LETTERS.name: decode_dead_letter,
}
BATCH_RECORDS_MAX = 2000
BATCH_WAIT_S = 0.05
QUEUE_KBYTES_MAX = 16 * 1024


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it lies on its topic."""

    topic: str
    key: bytes | None
    value: bytes | None


def decoded(raw: RawRecord) -> Record | None:
    """The record's value, None where it is none of those that are watched. Raises InvalidRecordError."""
    if raw.topic == LABELER_STATE.name:
        if raw.value is None or key_kind(raw.key) != FRONTIER:
            return None
        found = decode_frontier(raw.value)
        return LabelerFrontier(found.instrument, found.frontier.second, found.frontier.example_seq)
    return DECODERS[raw.topic](raw.value)


def apply(observed: ObservedSystem, batch: Iterable[RawRecord]) -> None:
    """Take in records; one that cannot be decoded is counted, since its reader rejects it."""
    for raw in batch:
        try:
            value = decoded(raw)
        except InvalidRecordError:
            observed.undecodable += 1
            continue
        if value is not None:
            observed.on_record(value)


class Collector:
    """Fills an `Observed` under `lock` until closed."""

    def __init__(
        self,
        bootstrap: Broker,
        observed: ObservedSystem,
        lock: threading.Lock,
        log: logging.Logger,
        *,
        read_examples: bool = False,
        clients: Clients = KAFKA,
    ) -> None:
        self._observed = observed
        self._topics = [name for name in (*DECODERS, LABELER_STATE.name) if read_examples or name != EXAMPLES.name]
        self._lock = lock
        self._log = log
        config = consumer_config(
            bootstrap,
            "collector",
            COLLECTOR_READER,
            **{
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": QUEUE_KBYTES_MAX,
                "reconnect.backoff.max.ms": 1000,
            },
        )
        self._consumer = clients.consumer({**config, "logger": log})
        self._bootstrap = bootstrap
        self._ends: dict[PartitionId, int] = {}
        # Requests to catch up are numbered: one may come while another is being answered, and must not be answered
        # with that one's ends.
        self._requests = 0
        self._answered_request = 0
        self._answered = 0
        self._wanted: dict[PartitionId, int] = {}
        self._answer = threading.Condition()
        self.background = BackgroundThread("collector", self._run)

    def assign(self) -> None:
        """Be ready to read all watched topics from the beginning. Raises KafkaException where no broker answers."""
        places = [
            TopicPartition(topic, p, OFFSET_BEGINNING)
            for topic in self._topics
            for p in partitions_of(self._consumer, topic)
        ]
        self._consumer.assign(places)

    def close(self) -> None:
        self.background.close()
        self._consumer.close()

    def request_catch_up(self) -> None:
        """Start to find out whether everything that is on the topics now has been read; `caught_up` tells."""
        with self._answer:
            self._requests += 1

    @property
    def caught_up(self) -> bool:
        """Whether everything that was on the topics at the last `request_catch_up` has been read."""
        return 0 < self._requests == self._answered

    def wait_caught_up(self, limit_s: float) -> bool:
        """Wait for `caught_up`, no longer than `limit_s`; returns it."""
        with self._answer:
            return self._answer.wait_for(lambda: self.caught_up, limit_s)

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.poll_once()
            except KafkaException as failure:  # the broker is away; the client connects again by itself
                self._log.warning("collector: %s", failure)
                stop.wait(0.5)

    def poll_once(self) -> None:
        if (request := self._requests) > self._answered_request:
            config = {**client(self._bootstrap, "collector"), "logger": self._log}
            self._wanted = end_offsets(config, self._consumer.assignment(), METADATA_LIMIT_S)
            self._answered_request = request
        batch = []
        for message in self._consumer.consume(BATCH_RECORDS_MAX, timeout=BATCH_WAIT_S):
            error = message.error()
            if error is None:
                batch.append(RawRecord(message.topic() or "", message.key(), message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ends[_place(message)] = message.offset() or 0
            else:
                self._log.warning("collector: %s", error)
        if batch:
            with self._lock:
                apply(self._observed, batch)
        if self._answered_request > self._answered and all(
            self._ends.get(p, -1) >= end for p, end in self._wanted.items()
        ):
            with self._answer:
                self._answered = self._answered_request
                self._answer.notify_all()


def _place(message: Message) -> PartitionId:
    return message.topic() or "", message.partition() or 0
