"""A process's place in a consumer group by a name that outlives it (KIP-345)."""

from collections.abc import Iterable, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ConsumerGroupDescription  # type: ignore[attr-defined]

from tidewheel.runtime.kafka import KAFKA, Clients, Config, client, consumer_config
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError

# A member that is silent for so long has its partitions given to others. Brokers take no less unless told to.
SESSION_LIMIT_MS = 6_000

# Of one partition at a time. The client's own 1 MiB makes small records wait for fetches: half the speed (measured).
FETCH_BYTES_MAX = 4 * 2**20

# Beyond any time that a client lives for a question.
NEVER_S = 600.0


class StaticMember:
    """Makes the consumers of one process, one after the other, and tells them from those of another one.

    A restarted process has its partitions back at once by its name, and the other members notice nothing. The group
    fences whoever had the name before; but also a client that lost its session, by that client's own former member id
    (librdkafka's issue 3437). So being fenced says nothing; which member has the name does.
    """

    def __init__(self, bootstrap: Broker, service: str, group: str, name: str, clients: Clients = KAFKA) -> None:
        self._bootstrap = bootstrap
        self._service = service
        self._group = group
        self._name = name
        self._clients = clients
        self._consumer: Consumer | None = None
        self._ids: set[str] = set()
        self._session_ms = SESSION_LIMIT_MS

    def consumer(self) -> Consumer:
        """A consumer that takes the name from the one before."""
        config: Config = consumer_config(self._bootstrap, self._service, self._group)
        config |= {
            "group.instance.id": self._name,
            "partition.assignment.strategy": "range",  # cooperative-sticky would not co-partition
            "session.timeout.ms": self._session_ms,
            "heartbeat.interval.ms": self._session_ms // 5,
            "fetch.message.max.bytes": FETCH_BYTES_MAX,
        }
        self._consumer = self._clients.consumer(config)
        return self._consumer

    @property
    def session_s(self) -> float:
        """How long the group waits for a silent member."""
        return self._session_ms / 1000

    def assigned(self) -> None:
        """The consumer was given its partitions. Its member id is kept: it forgets it with its session."""
        self._ids.add(self._member_id)

    def foreign_member(self, limit_s: float) -> str | None:
        """A member that the group knows by our name now, if it is not known to be ours. Raises KafkaException.

        One that stays for longer than a session is another process. One that goes was ours: a client does not hear of
        each member id that it is given.
        """
        found = self._described(limit_s)
        holder = next((one.member_id for one in found.members if one.group_instance_id == self._name), None)
        return None if holder in (self._member_id, *self._ids) else holder

    def _described(self, limit_s: float) -> ConsumerGroupDescription:
        """The group, by a client that is gone before its own limit comes. A question whose limit passes while its
        coordinator is looked for is freed, and sent all the same once that is found: librdkafka 2.16 aborts then.
        """
        admin = self._clients.admin({**client(self._bootstrap, self._service), "log_level": 0})
        try:
            asked = admin.describe_consumer_groups([self._group], request_timeout=limit_s + NEVER_S)
            group: ConsumerGroupDescription = asked[self._group].result(limit_s)
            return group
        except FutureTimeoutError:
            text = f"group {self._group}: no answer within {limit_s:.0f} s"
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, text)) from None
        finally:
            del admin  # whoever keeps the failure keeps this frame

    @property
    def _member_id(self) -> str:
        return "" if self._consumer is None else str(self._consumer.memberid())


def co_partitions(topics: Sequence[str], parts: Iterable[TopicPartition]) -> list[int]:
    """The partitions assigned, the same ones of all topics. Raises FatalError where they are not."""
    of_topic: dict[str, list[int]] = {topic: [] for topic in topics}
    for part in parts:
        of_topic[part.topic].append(part.partition)
    numbers = [sorted(partitions) for partitions in of_topic.values()]
    if any(partitions != numbers[0] for partitions in numbers):
        raise FatalError(f"assigned different partitions of topics that belong together: {of_topic}")
    return numbers[0]
