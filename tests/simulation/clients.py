"""The factories by which services get clients of the broker in memory instead of Kafka's."""

from collections.abc import Iterable
from concurrent.futures import Future
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import TopicPartition

from tests.simulation.broker import Broker
from tests.simulation.consumer import SimConsumer
from tests.simulation.injector import FaultInjector
from tests.simulation.producer import SimProducer
from tidewheel.runtime.kafka import Clients, Config


class SimAdmin:
    """What `read_to_end` and `StaticMember` ask of an admin client."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def list_offsets(self, asked: Iterable[TopicPartition], **_more: Any) -> dict[TopicPartition, Future[Any]]:
        """Ends, uncommitted records included."""
        answers = {}
        for partition_key in asked:
            answers[partition_key] = Future[Any]()
            end = self._broker.partitions[partition_key.topic, partition_key.partition].end
            answers[partition_key].set_result(SimpleNamespace(offset=end))
        return answers

    def describe_consumer_groups(self, groups: Iterable[str], **_more: Any) -> dict[str, Future[Any]]:
        """Members with their static names."""
        answers = {}
        for group in groups:
            answers[group] = Future[Any]()
            found = self._broker.group(group).members.values()
            members = [SimpleNamespace(member_id=one.member_id, group_instance_id=one.name or None) for one in found]
            answers[group].set_result(SimpleNamespace(members=members))
        return answers


def clients(broker: Broker, injector: FaultInjector, chance: Random) -> Clients:
    """Clients of one process."""

    def consumer(config: Config) -> SimConsumer:
        return SimConsumer(broker, injector, chance, config)

    def producer(config: Config) -> SimProducer:
        return SimProducer(broker, injector, chance, config)

    return Clients(cast(Any, consumer), cast(Any, producer), cast(Any, lambda config: SimAdmin(broker)))
