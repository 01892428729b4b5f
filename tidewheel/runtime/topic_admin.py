"""Topics on the broker, made and checked from their declarations."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from tidewheel.contracts.offset_metadata import replay_offset
from tidewheel.contracts.topics import EXAMPLES, TOPICS, TRAINER_GROUP
from tidewheel.runtime.kafka import (
    KAFKA,
    client,
    committed,
    consumer_config,
    failed_with,
    partitions_of,
    watermark_offsets,
)
from tidewheel.runtime.kafka_access import Broker, KafkaAccess
from tidewheel.runtime.kafka_refusals import find_refusal, refusal_text
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.retry import Retry
from tidewheel.runtime.transaction_policy import NO_COORDINATOR

LIMIT_S = 30.0
ASK_AGAIN_S = 0.2


def require_admission(broker: Broker) -> None:
    """Raises FatalError where a broker refuses us at the door."""
    if isinstance(broker, KafkaAccess) and not broker.is_open:
        refusal = find_refusal(client(broker, "topics"))
        if refusal is not None:
            raise FatalError(refusal_text(broker, refusal))


def require_broker(bootstrap: Broker, limit_s: float = 5.0) -> None:
    """Raises FatalError where no broker answers, or it lets this user not in."""
    require_admission(bootstrap)
    try:
        KAFKA.admin({**client(bootstrap, "topics"), "log_level": 0}).list_topics(timeout=limit_s)
    except KafkaException:
        raise FatalError(f"no Kafka broker answers at {bootstrap}") from None


def await_leaders(bootstrap: Broker) -> None:
    """Return when every partition can be read: a broker that has just started leads none for a moment.

    Raises FatalError where that does not come to pass."""
    admin = KAFKA.admin({**client(bootstrap, "topics"), "log_level": 0})

    def led() -> bool:
        topics = admin.list_topics(timeout=LIMIT_S).topics.values()
        return all(part.leader >= 0 for topic in topics for part in topic.partitions.values())

    try:
        ready = Retry(ASK_AGAIN_S, LIMIT_S).until(led)
    except KafkaException:
        ready = False
    if not ready:
        raise FatalError(f"the Kafka at {bootstrap} does not answer for its topics")


def create(bootstrap: Broker, partitions: int, replication: int = 1) -> list[str]:
    """Create what is missing and return its names; what is there stays as it is. Raises KafkaException."""
    admin = KAFKA.admin(client(bootstrap, "topics"))
    wanted = [
        NewTopic(topic.name, topic.partitions(partitions), replication, config=dict(topic.config))
        for topic in TOPICS.values()
    ]
    created = []
    for name, future in admin.create_topics(wanted, operation_timeout=LIMIT_S, request_timeout=LIMIT_S).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    return created


def faults(bootstrap: Broker, partitions: int | None = None) -> list[str]:
    """What differs between the declarations and the broker, a sentence each; empty when all is well.

    `partitions`: what topics keyed by instrument should have; None: any count, as long as it is one.
    Raises KafkaException where the broker does not answer.
    """
    admin = KAFKA.admin(client(bootstrap, "topics"))
    present = admin.list_topics(timeout=LIMIT_S).topics
    found = [f"topic {name} is missing" for name in TOPICS if name not in present]
    counts = {
        name: len(present[name].partitions)
        for name, topic in TOPICS.items()
        if name in present and topic.fixed_partitions is None
    }
    if len(set(counts.values())) > 1:
        found.append(f"topics keyed by instrument differ in partitions: {counts}")
    elif partitions is not None and counts and (count := next(iter(counts.values()))) != partitions:
        found.append(
            f"topics keyed by instrument have {count} partitions instead of {partitions}; a count holds for the life "
            "of the topics, since it says where an instrument's records lie"
        )
    found += _config_faults(admin, [name for name in TOPICS if name in present])
    return found + (_forgotten(bootstrap) if EXAMPLES.name in present else [])


def _forgotten(bootstrap: Broker) -> list[str]:
    """Where retention has taken rows that the trainer goes back to after a restart: its next models would be made of
    less than those before."""
    consumer = KAFKA.consumer(consumer_config(bootstrap, "topics", TRAINER_GROUP))
    try:
        places = [TopicPartition(EXAMPLES.name, p) for p in partitions_of(consumer, EXAMPLES.name)]
        replay_offsets = {
            place.partition: replay_offset(place.offset, place.metadata) for place in _committed(consumer, places)
        }
        wanted = {partition: first for partition, first in replay_offsets.items() if first is not None}
        spans = watermark_offsets(consumer, EXAMPLES.name, sorted(wanted))
    finally:
        consumer.close()
    return [
        f"topic {EXAMPLES.name}: partition {partition} begins at offset {first}, and the trainer needs it from "
        f"{wanted[partition]} for what it remembers; a longer retention or a smaller memory is needed"
        for partition, (first, _) in spans.items()
        if wanted[partition] < first
    ]


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """A broker without any group makes its coordinator when it is first asked for one, and needs a moment."""

    def wait(pause_s: float) -> None:
        consumer.poll(pause_s)

    retry = Retry(ASK_AGAIN_S, LIMIT_S, wait=wait)
    return retry.call(lambda: committed(consumer, places, LIMIT_S), failed_with(NO_COORDINATOR))


def _config_faults(admin: AdminClient, names: list[str]) -> list[str]:
    if not names:
        return []
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found = []
    for resource, future in admin.describe_configs(resources, request_timeout=LIMIT_S).items():
        actual = future.result()
        for key, wanted in TOPICS[resource.name].config.items():
            if actual[key].value != wanted:
                found.append(f"topic {resource.name}: {key} is {actual[key].value}, declared is {wanted}")
    return found
