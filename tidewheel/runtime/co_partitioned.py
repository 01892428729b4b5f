"""A consumer that gets the same partitions of topics that belong together."""

from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, TopicPartition

from tidewheel.runtime.kafka import KAFKA, Clients, Config, consumer_config
from tidewheel.runtime.process import Unusable

# A member that is silent for so long has its partitions given to others. Brokers take no less unless told to.
SESSION_LIMIT_MS = 6_000

# Of one partition at a time. The client's own 1 MiB makes small records wait for fetches: half the speed (measured).
FETCH_BYTES_MAX = 4 * 2**20


def co_partitioned_consumer(
    bootstrap: str, service: str, group: str, member: str, clients: Clients = KAFKA
) -> Consumer:
    """A consumer that gets the same partitions of all its topics. `member`: stays the same over restarts, so that a
    restarted process has its partitions back at once and the other members notice nothing."""
    config: Config = consumer_config(bootstrap, service, group)
    config |= {
        "group.instance.id": member,
        "partition.assignment.strategy": "range",  # cooperative-sticky would not co-partition
        "session.timeout.ms": SESSION_LIMIT_MS,
        "heartbeat.interval.ms": SESSION_LIMIT_MS // 5,
        "fetch.message.max.bytes": FETCH_BYTES_MAX,
    }
    return clients.consumer(config)


def co_partitions(topics: Sequence[str], parts: Iterable[TopicPartition]) -> list[int]:
    """The partitions assigned, the same ones of all topics. Raises Unusable where they are not."""
    of_topic: dict[str, list[int]] = {topic: [] for topic in topics}
    for part in parts:
        of_topic[part.topic].append(part.partition)
    numbers = [sorted(partitions) for partitions in of_topic.values()]
    if any(partitions != numbers[0] for partitions in numbers):
        raise Unusable(f"assigned different partitions of topics that belong together: {of_topic}")
    return numbers[0]
