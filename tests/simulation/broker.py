"""A Kafka broker in memory: topics, transactions, groups. Only what Tidewheel relies on; conformance tests hold it to
the real one. Nothing happens by itself: markers are written when `settle` or a later request of their owner does it."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from random import Random
from typing import Any

from aiokafka.partitioner import murmur2
from confluent_kafka import KafkaError, KafkaException

from tests.simulation import errors
from tests.simulation.consumer_groups import Group, GroupMetadata
from tests.simulation.records import Partition, PartitionKey, Record, Transaction, TransactionState
from tidewheel.telemetry.tracing.context import Headers

# How likely the coordinator goes on with its markers in a turn: some time passes between a commit and its last marker.
SETTLE_PROBABILITY = 0.3


@lru_cache(maxsize=1024)
def partition_of(key: bytes, partitions: int) -> int:
    """As every client of ours maps keys: murmur2 of the Java client, here by aiokafka's hand."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class Broker:
    """`version` counts everything that changes what anyone may see."""

    def __init__(self, topics: Mapping[str, int], chance: Random) -> None:
        self.topics = dict(topics)
        self.partitions: dict[PartitionKey, Partition] = {
            (topic, number): Partition() for topic, count in topics.items() for number in range(count)
        }
        self.groups: dict[str, Group] = {}
        self.version = 0
        self._chance = chance
        self._epochs: dict[str, int] = {}
        self._latest: dict[str, Transaction] = {}
        self._unsettled: list[Transaction] = []

    # ---- topics ----

    def partition_key_of(self, topic: str, key: bytes | None, partition: int) -> PartitionKey:
        """Where a record goes. Raises KafkaException where there is no such place."""
        if topic not in self.topics:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        if partition < 0:
            count = self.topics[topic]
            partition = self._chance.randrange(count) if key is None else partition_of(key, count)
        if partition >= self.topics[topic]:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return topic, partition

    def append(
        self,
        partition_key: PartitionKey,
        key: bytes | None,
        value: bytes | None,
        within: Transaction | None = None,
        headers: Headers | None = None,
    ) -> int:
        self.version += 1
        if within is not None and partition_key not in within.unmarked:
            within.unmarked.append(partition_key)
        return self.partitions[partition_key].append(Record(key, value, within, self.version, headers=headers))

    def compact(self, topic: str) -> None:
        for (name, _), one in self.partitions.items():
            if name == topic:
                one.compact()

    # ---- transactions ----

    def init(self, transactional_id: str) -> int:
        """A new epoch. What an earlier producer of this id left open is aborted; what it decided is carried out."""
        self._end_previous(transactional_id)
        self._epochs[transactional_id] = self._epochs.get(transactional_id, -1) + 1
        self.version += 1
        return self._epochs[transactional_id]

    def expire(self, transactional_id: str) -> None:
        """Abort what has been open for too long; its producer, if it lives, is fenced."""
        if self.open_transaction(transactional_id) is not None:
            self.init(transactional_id)

    def _end_previous(self, transactional_id: str) -> None:
        latest = self._latest.get(transactional_id)
        if latest is not None:
            if latest.state is TransactionState.OPEN:
                self._decide(latest, TransactionState.ABORTED)
            self._settle(latest)

    def register(self, transactional_id: str, epoch: int, what: PartitionKey | str) -> None:
        """A partition, or a group by its name, joins the open transaction, which is begun if there is none; the one
        before is brought to its end first. Raises KafkaException where the producer was replaced."""
        self._check_epoch(transactional_id, epoch)
        latest = self._latest.get(transactional_id)
        if latest is None or latest.state is not TransactionState.OPEN:
            if latest is not None:
                self._settle(latest)
            latest = self._latest[transactional_id] = Transaction(transactional_id)
            self._unsettled.append(latest)
            self.version += 1
        latest.registered.add(what)

    def registered(self, transactional_id: str, epoch: int, what: PartitionKey | str) -> Transaction:
        """The open transaction that a partition or a group was registered with. Raises KafkaException where there is
        none: it may have been ended without its owner's knowledge."""
        self._check_epoch(transactional_id, epoch)
        latest = self.open_transaction(transactional_id)
        if latest is None or what not in latest.registered:
            raise errors.invalid_state(f"{what} is in no open transaction of {transactional_id}")
        return latest

    def open_transaction(self, transactional_id: str) -> Transaction | None:
        latest = self._latest.get(transactional_id)
        return latest if latest is not None and latest.state is TransactionState.OPEN else None

    def epoch(self, transactional_id: str) -> int | None:
        return self._epochs.get(transactional_id)

    def _check_epoch(self, transactional_id: str, epoch: int) -> None:
        if self._epochs.get(transactional_id) != epoch:
            raise errors.fenced(f"{transactional_id} has epoch {self._epochs.get(transactional_id)}, not {epoch}")

    def add_offsets(
        self, transactional_id: str, epoch: int, who: GroupMetadata, offsets: Mapping[PartitionKey, tuple[int, str]]
    ) -> None:
        """Offsets of a group that is registered. Raises KafkaException where it is not, or the producer or the member
        was replaced."""
        transaction = self.registered(transactional_id, epoch, who.group)
        self.group(who.group).check(who)
        transaction.offsets.setdefault(who.group, {}).update(offsets)
        self.version += 1

    def end(self, transactional_id: str, epoch: int, state: TransactionState) -> None:
        """Decide whatever is open of this epoch; the same again changes nothing. Raises KafkaException for a producer
        that was replaced, and where that is not how the latest transaction ended."""
        self._check_epoch(transactional_id, epoch)
        latest = self._latest.get(transactional_id)
        if latest is not None and latest.state is TransactionState.OPEN:
            self._decide(latest, state)
        elif latest is None or latest.state is not state:
            raise errors.invalid_state(f"{transactional_id} has no transaction to be {state.value}")

    def _decide(self, transaction: Transaction, state: TransactionState) -> None:
        transaction.state = state
        self.version += 1

    def _settle(self, transaction: Transaction, markers: int | None = None) -> None:
        """Write some of the outstanding markers, all by default; the groups' come last or first, by chance."""
        if self._chance.random() < 0.5:
            self._settle_offsets(transaction)
        for partition_key in transaction.unmarked[:markers]:
            self.version += 1
            self.partitions[partition_key].mark(transaction, self.version)
        del transaction.unmarked[:markers]
        if not transaction.unmarked:
            self._settle_offsets(transaction)
        if transaction.settled and transaction in self._unsettled:
            self._unsettled.remove(transaction)

    def _settle_offsets(self, transaction: Transaction) -> None:
        if transaction.state is TransactionState.COMMITTED:
            for group, offsets in transaction.offsets.items():
                self.group(group).offsets.update(offsets)
        if transaction.offsets:
            self.version += 1
        transaction.offsets = {}

    def settle(self, *, partly: bool = False) -> None:
        """Go on with what was decided; `partly`: one marker more, of one transaction."""
        decided = [transaction for transaction in self._unsettled if transaction.state is not TransactionState.OPEN]
        if partly and decided and self._chance.random() < SETTLE_PROBABILITY:
            self._settle(self._chance.choice(decided), markers=1)
        elif not partly:
            for transaction in decided:
                self._settle(transaction)

    @property
    def unsettled(self) -> list[Transaction]:
        """Transactions that are open, or whose markers are not all written."""
        return list(self._unsettled)

    # ---- groups ----

    def group(self, name: str) -> Group:
        if name not in self.groups:
            self.groups[name] = Group(name, self.topics)
        return self.groups[name]

    def committed(self, group: str, places: Iterable[PartitionKey]) -> dict[PartitionKey, tuple[int, str]]:
        """Stable offsets. Raises KafkaException while a transaction that holds some of them is not settled."""
        places = list(places)
        for transaction in self._unsettled:
            if any(partition_key in transaction.offsets.get(group, ()) for partition_key in places):
                raise errors.unstable()
        offsets = self.group(group).offsets
        return {partition_key: offsets[partition_key] for partition_key in places if partition_key in offsets}

    def commit(self, who: GroupMetadata, offsets: Mapping[PartitionKey, tuple[int, str]]) -> None:
        """Offsets outside of transactions. Raises KafkaException where the member was replaced."""
        group = self.group(who.group)
        group.check(who)
        group.offsets.update(offsets)
        self.version += 1


def bytes_of(value: Any) -> bytes | None:
    """As confluent-kafka takes keys and values."""
    return value.encode() if isinstance(value, str) else value
