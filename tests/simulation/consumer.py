"""A consumer on the broker in memory, with the calls, callbacks and errors of confluent-kafka's that Tidewheel uses."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, KafkaException, Message, TopicPartition

from tests.simulation import errors
from tests.simulation.broker import Broker
from tests.simulation.consumer_groups import GroupMetadata, MemberStatus
from tests.simulation.injector import FaultInjector
from tests.simulation.network import ApiKey
from tests.simulation.records import PartitionKey
from tests.simulation.request_sender import ClientLog, Sender

Rebalanced = Callable[["SimConsumer", list[TopicPartition]], None]


class SimConsumer:
    """Joins its group, and hears of rebalances, within `consume`. Records fetched before an assignment changed are
    handed out with the news, as librdkafka's batches may do it."""

    def __init__(self, broker: Broker, injector: FaultInjector, chance: Random, config: Mapping[str, Any]) -> None:
        self._broker = broker
        self._injector = injector
        self._chance = chance
        self._group = broker.group(config["group.id"])
        self._sender = Sender(injector, config["group.id"], ClientLog({}))
        self._name = str(config.get("group.instance.id", ""))
        self._committed_only = config.get("isolation.level", "read_committed") == "read_committed"
        self._emits_eof = bool(config.get("enable.partition.eof"))
        self._from_beginning = config.get("auto.offset.reset", "latest") == "earliest"
        self._topics: tuple[str, ...] = ()
        self._callbacks: dict[str, Rebalanced | None] = {}
        self._member_id = ""
        self._generation = -1
        self._dead: KafkaError | None = None
        self._owned: tuple[PartitionKey, ...] | None = None
        self._positions: dict[PartitionKey, int] = {}
        self._paused: set[PartitionKey] = set()
        self._eof_emitted: dict[PartitionKey, int] = {}
        self._assigned_by_callback = False

    # ---- records ----

    def consume(self, num_messages: int = 1, timeout: float = -1.0) -> list[Message]:
        try:
            self._injector.before("consume")
        except KafkaException as failure:
            return [Message(error=failure.args[0])]
        messages = self._fetch(num_messages)
        if self._topics and self._dead is None:
            self._dead = self._keep_membership()
            if self._dead is not None:
                self._positions = {}
                return [Message(error=self._dead)]  # and that once
        if not messages:
            self._injector.idle(max(timeout, 0.0))
        self._injector.after("consume")
        return messages

    def poll(self, timeout: float = -1.0) -> Message | None:
        messages = self.consume(1, timeout)
        return messages[0] if messages else None

    def _fetch(self, count: int) -> list[Message]:
        messages: list[Message] = []
        places = [
            partition_key
            for partition_key in self._positions
            if partition_key not in self._paused and self._injector.sees(partition_key[0])
        ]
        self._chance.shuffle(places)
        for partition_key in places:
            self._fetch_from(partition_key, count, messages)
        return messages

    def _fetch_from(self, partition_key: PartitionKey, count: int, messages: list[Message]) -> None:
        partition, position = self._broker.partitions[partition_key], self._positions[partition_key]
        end = partition.stable_end if self._committed_only else partition.end
        while position < end and len(messages) < count:
            record = partition.readable(position, committed_only=self._committed_only)
            if record is not None:
                messages.append(
                    Message(
                        topic=partition_key[0],
                        partition=partition_key[1],
                        offset=position,
                        key=record.key,
                        value=record.value,
                        headers=record.headers,
                    )
                )
            position += 1
        self._positions[partition_key] = position
        if (
            self._emits_eof
            and position >= end
            and self._eof_emitted.get(partition_key) != end
            and len(messages) < count
        ):
            self._eof_emitted[partition_key] = end
            eof = KafkaError(KafkaError._PARTITION_EOF)
            messages.append(Message(topic=partition_key[0], partition=partition_key[1], offset=end, error=eof))

    # ---- the group ----

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Rebalanced | None = None,
        on_revoke: Rebalanced | None = None,
        on_lost: Rebalanced | None = None,
    ) -> None:
        self._topics = tuple(topics)
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def _keep_membership(self) -> KafkaError | None:
        """One heartbeat, and what follows from its answer."""
        if not self._member_id:
            self._join()
        status = self._group.heartbeat(self._member_id, self._name)
        if status is MemberStatus.FENCED:
            return errors.static_member_fenced()
        if status is MemberStatus.UNKNOWN:
            self._revoke("lost" if self._callbacks.get("lost") else "revoke")
            self._member_id = ""
        elif status is MemberStatus.REBALANCING:
            self._revoke("revoke")
            self._join()
        elif self._group.is_stable and self._owned is None:
            self._assign()
        return None

    def _join(self) -> None:
        self._member_id = self._group.join(self._member_id, self._name, self._topics)
        self._broker.version += 1

    def memberid(self) -> str:
        return self._member_id

    def fences_itself(self) -> Callable[[], None]:
        """A fault: a client that lost its session joins anew, does not hear as whom, and sends as what it was before.
        Returns what the broker does once it misses that member."""
        if not self._name or self._member_id not in self._group.members:
            return lambda: None
        unheard = self._group.join("", self._name, self._topics)
        self._broker.version += 1
        return partial(self._expire, unheard)

    def _revoke(self, how: str) -> None:
        if self._owned is None:
            return
        parts, self._owned = _parts(self._owned), None
        if callback := self._callbacks.get(how):
            callback(self, parts)
        self._positions = {}

    def _assign(self) -> None:
        self._generation = self._group.generation
        self._owned = self._group.members[self._member_id].assignment
        self._assigned_by_callback = False
        if callback := self._callbacks.get("assign"):
            callback(self, _parts(self._owned))
        if not self._assigned_by_callback:
            self.assign(_parts(self._owned))

    def consumer_group_metadata(self) -> GroupMetadata:
        return GroupMetadata(self._group._name, self._generation, self._member_id, self._name)

    def committed(self, partitions: Iterable[TopicPartition], timeout: float = -1.0) -> list[TopicPartition]:
        self._injector.before("committed")
        places = [(one.topic, one.partition) for one in partitions]
        found = self._broker.committed(self._group._name, places)
        self._injector.after("committed")
        return [
            TopicPartition(*partition_key, offset, metadata=note)
            for partition_key in places
            for offset, note in [found.get(partition_key, (-1001, ""))]
        ]

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool = True) -> None:
        self._injector.before("commit_offsets")
        values = {(one.topic, one.partition): (one.offset, one.metadata or "") for one in offsets}
        call = partial(self._broker.commit, self.consumer_group_metadata(), values)
        self._sender.send(ApiKey.OFFSETS, call)
        self._injector.after("commit_offsets")

    def close(self) -> None:
        """Leave; a static member says no goodbye."""
        self._injector.before("leave")
        if self._topics and self._member_id:
            self._revoke("revoke")
            if not self._name:
                self._group.leave(self._member_id)
                self._broker.version += 1
        self._topics, self._positions = (), {}
        self._injector.after("leave")

    def session_ends(self) -> None:
        """The broker has not heard from this member for too long; a name that another has taken is left alone."""
        self._expire(self._member_id)

    def _expire(self, member_id: str) -> None:
        if member_id in self._group.members:
            self._group.leave(member_id)
            self._broker.version += 1

    # ---- positions ----

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self._assigned_by_callback = True
        self._positions, self._paused, self._eof_emitted = {}, set(), {}
        for one in partitions:
            self._positions[one.topic, one.partition] = self._start(one)

    def _start(self, one: TopicPartition) -> int:
        partition = self._broker.partitions[one.topic, one.partition]
        if one.offset >= 0:
            return min(one.offset, partition.end)
        if one.offset == OFFSET_BEGINNING:
            return 0
        if one.offset == OFFSET_END:
            return partition.stable_end
        partition_key = (one.topic, one.partition)
        found = self._group.offsets.get(partition_key)
        return found[0] if found else (0 if self._from_beginning else partition.stable_end)

    def unassign(self) -> None:
        self._positions, self._paused = {}, set()

    def assignment(self) -> list[TopicPartition]:
        return _parts(self._positions)

    def seek(self, partition: TopicPartition) -> None:
        partition_key = partition.topic, partition.partition
        if partition_key not in self._positions:
            raise KafkaException(KafkaError(KafkaError._STATE, "not assigned"))
        self._positions[partition_key] = self._start(partition)
        self._eof_emitted.pop(partition_key, None)

    def rewind(self, records: int) -> None:
        """A fault: read again what was read."""
        self._positions = {
            partition_key: max(0, position - records) for partition_key, position in self._positions.items()
        }

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused |= {(one.topic, one.partition) for one in partitions}

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        self._paused -= {(one.topic, one.partition) for one in partitions}

    def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = -1.0, cached: bool = False
    ) -> tuple[int, int]:
        found = self._broker.partitions[partition.topic, partition.partition]
        return 0, found.stable_end if self._committed_only else found.end

    def list_topics(self, topic: str | None = None, timeout: float = -1.0) -> Any:
        names = list(self._broker.topics) if topic is None else [topic]
        return SimpleNamespace(topics={name: self._metadata(name) for name in names})

    def _metadata(self, topic: str) -> Any:
        if topic not in self._broker.topics:
            return SimpleNamespace(error=KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART), partitions={})
        return SimpleNamespace(error=None, partitions=dict.fromkeys(range(self._broker.topics[topic])))


def _parts(places: Iterable[PartitionKey]) -> list[TopicPartition]:
    return [TopicPartition(*partition_key) for partition_key in places]
