"""Client configurations in one place, and the few Kafka calls that more than one service makes."""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tidewheel.contracts.partitioning import PARTITIONER
from tidewheel.contracts.topics import READER_GROUP, RECORD_BYTES_MAX
from tidewheel.runtime.kafka_access import Broker, KafkaAccess
from tidewheel.runtime.kafka_refusals import ERROR_CB, RefusalListener, listening
from tidewheel.runtime.retry import Retry

METADATA_LIMIT_S = 10.0
POLLS_BEFORE_CLOSE = 3
NS_PER_MS = 1_000_000

# What a consumer reports of itself while it mends it: no record, and no reason to stop.
TRANSIENT_ERRORS = frozenset(
    (
        *(KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE, KafkaError._TIMED_OUT),
        *(KafkaError._MAX_POLL_EXCEEDED, KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET),
    )
)

# A broker that has just come back, or that its controller missed for a while, leads nothing for a moment.
# What the client has learnt of its leaders meanwhile may be newer than what it knows of itself, or older.
NO_LEADER = frozenset(
    {
        KafkaError._NOENT,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
    }
)
NO_LEADER_PAUSE_S = 0.1

Config = dict[str, Any]
PartitionId = tuple[str, int]  # topic and partition
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Clients:
    """What makes the clients of a broker from their configurations: confluent-kafka's, unless a simulation brings its
    own broker."""

    consumer: Callable[[Config], Consumer]
    producer: Callable[[Config], Producer]
    admin: Callable[[Config], AdminClient]


KAFKA = Clients(listening(Consumer), listening(Producer), AdminClient)


def client(broker: Broker, service: str) -> Config:
    """What every client has. Calls and records tell what fails; librdkafka's own lines, only what ends a client.

    Where the broker has a lock, what opens it, and an ear for its refusals. Raises SecretFileError where the password's
    file cannot be read.
    """
    config: Config = {"bootstrap.servers": str(broker), "client.id": f"tidewheel-{service}", "log_level": 1}
    if isinstance(broker, KafkaAccess) and not broker.is_open:
        config |= broker.client_config()
        config[ERROR_CB] = RefusalListener(broker)
    return config


def _configured(base: Config, own: Config, more: Config) -> Config:
    """All of it, later ones first; a caller's own ear for errors hears them behind that for refusals."""
    listener = base.get(ERROR_CB)
    if listener is not None and ERROR_CB in more:
        listener.next = more[ERROR_CB]
        more = {**more, ERROR_CB: listener}
    return {**base, **own, **more}


def producer_config(broker: Broker, service: str, **more: Any) -> Config:
    """An idempotent producer: ordered, no duplicates by retries."""
    own = {
        "enable.idempotence": True,
        "partitioner": PARTITIONER,
        "compression.type": "lz4",
        "linger.ms": 5,
        "batch.num.messages": 10_000,
        "batch.size": RECORD_BYTES_MAX,
        "message.max.bytes": RECORD_BYTES_MAX,
        "queue.buffering.max.messages": 200_000,
        "queue.buffering.max.kbytes": 128 * 1024,
    }
    return _configured(client(broker, service), own, more)


def consumer_config(broker: Broker, service: str, group: str, **more: Any) -> Config:
    """A consumer that sees committed records only and commits nothing by itself."""
    own = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": False,
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 32 * 1024,
    }
    return _configured(client(broker, service), own, more)


def partitions_of(consumer: Consumer | Producer, topic: str, limit_s: float = METADATA_LIMIT_S) -> list[int]:
    """The partitions of a topic. Raises KafkaException where the topic is missing or the broker does not answer."""
    metadata = consumer.list_topics(topic, timeout=limit_s).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return sorted(metadata.partitions)


def is_transient(failure: KafkaError) -> bool:
    """Whether what a consumer reports passes by itself."""
    return failure.code() in TRANSIENT_ERRORS and not failure.fatal()


def failed_with(codes: Container[int]) -> Callable[[Exception], bool]:
    """Says of a failure whether it is Kafka's, with one of these codes."""
    return lambda failure: isinstance(failure, KafkaException) and failure.args[0].code() in codes


def once_led(ask: Callable[[], Answer], limit_s: float = METADATA_LIMIT_S) -> Answer:
    """What a broker answers once the partitions asked for are led. Raises KafkaException, also after `limit_s`."""
    return Retry(NO_LEADER_PAUSE_S, limit_s).call(ask, failed_with(NO_LEADER))


def check(message: Message) -> Message:
    """A polled message that is a record. Raises KafkaException for an error, which is never the record's fault."""
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    return message


def written_at_ns(message: Message) -> int:
    """Wall clock when a record was written, by its producer or its broker; 0 where it does not say."""
    kind, at_ms = message.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else at_ms * NS_PER_MS


def flush(producer: Producer, limit_s: float = 30.0) -> None:
    """Return when everything is delivered. Raises KafkaException when `limit_s` passes first."""
    if left := producer.flush(limit_s):
        raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} records undelivered after {limit_s:.0f} s"))


def read_to_end(
    broker: Broker,
    topic: str,
    starts: Mapping[int, int] | None = None,
    ends: Mapping[int, int] | None = None,
    *,
    limit_s: float = 60.0,
    clients: Clients = KAFKA,
) -> Iterator[Message]:
    """Every committed record of a topic up to its present end, partition by partition interleaved, then stop.

    A transaction still open below that end is waited for: it may be one whose commit was answered a moment ago.
    `starts`: partition -> first offset, default all from the beginning. `ends`: partition -> one past the last, as
    `end_offsets` gave it before, for the same partitions. Raises KafkaException, also when nothing
    arrives for `limit_s`.
    """
    # What goes wrong is raised, so librdkafka need not say it as well.
    more = {"enable.partition.eof": True, "log_level": 0}
    consumer = clients.consumer(consumer_config(broker, "reader", READER_GROUP, **more))
    try:
        wanted = starts if starts is not None else dict.fromkeys(partitions_of(consumer, topic), -2)
        places = [TopicPartition(topic, p) for p in wanted]
        if ends is None:
            config = {**client(broker, "reader"), "log_level": 0}
            found = once_led(lambda: end_offsets(config, places, limit_s, clients=clients), limit_s)
            ends = {partition: end for (_, partition), end in found.items()}
        open_partitions = {p for p, end in ends.items() if end > 0}
        consumer.assign([TopicPartition(topic, p, wanted[p]) for p in sorted(open_partitions)])
        deadline = time.monotonic() + limit_s
        while open_partitions:
            for message in consumer.consume(1000, timeout=0.05):
                error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    if is_transient(error):
                        continue
                    raise KafkaException(error)
                deadline = time.monotonic() + limit_s
                if error is None and partition in open_partitions and offset < ends[partition]:
                    yield message
                # The end that is told of stands at the first open transaction, if there is one.
                if offset >= (ends[partition] if error is not None else ends[partition] - 1):
                    open_partitions.discard(partition)
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic}: nothing came for {limit_s:.0f} s"))
    finally:
        consumer.close()


def end_offsets(
    config: Mapping[str, Any],
    places: Iterable[TopicPartition],
    limit_s: float,
    *,
    clients: Clients = KAFKA,
    stable: bool = False,
) -> dict[PartitionId, int]:
    """One past the last record of each partition, be it committed or not: what is being committed must be waited for,
    since a commit is answered before its last record can be read. `stable`: instead, the end of what is committed or
    aborted for good. Raises KafkaException.

    A client of its own each time: one that knew the broker before a restart asks with the leaders' old epochs for ever,
    and is refused for ever.
    """
    admin = clients.admin(dict(config))
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = dict.fromkeys(places, latest)
    level = IsolationLevel.READ_COMMITTED if stable else IsolationLevel.READ_UNCOMMITTED
    answers = admin.list_offsets(asked, isolation_level=level, request_timeout=limit_s) if asked else {}
    return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}


def close_consumer(consumer: Consumer) -> None:
    """Close a consumer that is told of its assignments; what it reads is not kept.

    What its client has to say comes first. An assignment that it reports within `close` waits for an answer of a
    group that is no more: for ever, and with the interpreter's lock, so that not even a signal is heard (librdkafka
    2.16; a third of 34 closings within the first seconds of a member).
    """
    for _ in range(POLLS_BEFORE_CLOSE):
        consumer.consume(1, 0.0)
    consumer.close()


def committed(consumer: Consumer, places: list[TopicPartition], limit_s: float) -> list[TopicPartition]:
    """What the group has committed there, with its metadata. Raises KafkaException, also for one place alone."""
    found = consumer.committed(places, limit_s) if places else []
    for place in found:
        if place.error is not None:
            raise KafkaException(place.error)
    return found


def watermark_offsets(consumer: Consumer, topic: str, partitions: list[int]) -> dict[int, tuple[int, int]]:
    """Partition -> (first, end) offsets now; end is one past the last record. Raises KafkaException."""
    return once_led(
        lambda: {
            p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=METADATA_LIMIT_S) for p in partitions
        }
    )
