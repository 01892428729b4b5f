"""A process's place in a consumer group by a name that outlives it (KIP-345)."""

from collections.abc import Iterable, Sequence
from secrets import token_hex

from confluent_kafka import Consumer, TopicPartition

from tidewheel.runtime.kafka import KAFKA, Clients, Config, client, consumer_config
from tidewheel.runtime.process import Unusable

# A member that is silent for so long has its partitions given to others. Brokers take no less unless told to.
SESSION_LIMIT_MS = 6_000

# Of one partition at a time. The client's own 1 MiB makes small records wait for fetches: half the speed (measured).
FETCH_BYTES_MAX = 4 * 2**20

TOKEN_BYTES = 4


class StaticMember:
    """Makes the consumers of one process, one after the other, and tells them from those of another one.

    A restarted process has its partitions back at once by its name, and the other members notice nothing. The group
    fences whoever had the name before; but also a client that lost its session, by that client's own former member id
    (librdkafka's issue 3437). So being fenced says nothing; whose client has the name does. Client ids carry a token
    of the process therefore: member ids are forgotten by their clients.
    """

    def __init__(self, bootstrap: str, service: str, group: str, name: str, clients: Clients = KAFKA) -> None:
        self._bootstrap = bootstrap
        self._service = service
        self._group = group
        self._name = name
        self._clients = clients
        self._client_id = f"{client(bootstrap, service)['client.id']}@{token_hex(TOKEN_BYTES)}"

    def consumer(self) -> Consumer:
        """A consumer that takes the name from the one before."""
        config: Config = consumer_config(self._bootstrap, self._service, self._group)
        config |= {
            "client.id": self._client_id,
            "group.instance.id": self._name,
            "partition.assignment.strategy": "range",  # cooperative-sticky would not co-partition
            "session.timeout.ms": SESSION_LIMIT_MS,
            "heartbeat.interval.ms": SESSION_LIMIT_MS // 5,
            "fetch.message.max.bytes": FETCH_BYTES_MAX,
        }
        return self._clients.consumer(config)

    def stranger(self, limit_s: float) -> str | None:
        """The host of another process that the group knows by our name now, if any. Raises KafkaException."""
        admin = self._clients.admin({**client(self._bootstrap, self._service), "log_level": 0})
        found = admin.describe_consumer_groups([self._group], request_timeout=limit_s)[self._group].result()
        holders = (one for one in found.members if one.group_instance_id == self._name)
        return next((holder.host for holder in holders if holder.client_id != self._client_id), None)


def co_partitions(topics: Sequence[str], parts: Iterable[TopicPartition]) -> list[int]:
    """The partitions assigned, the same ones of all topics. Raises Unusable where they are not."""
    of_topic: dict[str, list[int]] = {topic: [] for topic in topics}
    for part in parts:
        of_topic[part.topic].append(part.partition)
    numbers = [sorted(partitions) for partitions in of_topic.values()]
    if any(partitions != numbers[0] for partitions in numbers):
        raise Unusable(f"assigned different partitions of topics that belong together: {of_topic}")
    return numbers[0]
