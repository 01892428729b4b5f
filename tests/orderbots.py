"""An order bot in a process of its own for tests, and what it reads and writes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from tests import service_under_test
from tests.service_under_test import KeyAndValue, ServiceProcess, produce
from tests.waiting import Deadline
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import decode_orders
from tidewheel.contracts.topics import ORDERBOT_GROUP, ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.runtime.kafka import consumer_config, partitions_of


def order_bot(kafka: str, folder: Path, program: Iterable[str] = (), **environment: str) -> ServiceProcess:
    """With a short session, so that a killed member's partitions are soon given away."""
    return ServiceProcess("orderbot", folder, program, **{"KAFKA": kafka, "SESSION_TIMEOUT_S": "2", **environment})


def publish(kafka: str, seconds: Iterable[MarketSecond], partition: int | None = None) -> None:
    publish_raw(kafka, [(second.instrument.encode(), encode_second(second)) for second in seconds], partition)


def publish_raw(kafka: str, records: Iterable[KeyAndValue], partition: int | None = None) -> None:
    produce(kafka, TICKS.name, records, partition)


class Tail:
    """What came on a topic since it was opened, read on with each look."""

    def __init__(self, kafka: str, topic: str = ORDERS.name) -> None:
        self._consumer = Consumer(consumer_config(kafka, "test", "test"))
        partitions = partitions_of(self._consumer, topic)
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        # (partition, key, value), in the order of each partition.
        self.records: list[tuple[int, bytes | None, bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def read_until(self, done: Callable[[], bool], what: str) -> None:
        deadline = Deadline()
        while not done():
            deadline.check(what)
            for message in self._consumer.consume(1000, 0.05):
                assert message.error() is None, message.error()
                self.records.append((message.partition() or 0, message.key(), message.value() or b""))

    @property
    def seconds(self) -> set[tuple[str, int]]:
        """Instrument and second of the orders that came."""
        decoded = (decode_orders(value) for _, _, value in self.records)
        return {(orders.instrument, orders.second) for orders in decoded}

    def read_seconds(self, wanted: Iterable[MarketSecond]) -> None:
        """Read until the orders of all these seconds came."""
        names = {(second.instrument, second.second) for second in wanted}
        self.read_until(lambda: len(self.records) >= len(names) and names <= self.seconds, "orders of each second")


def committed(kafka: str) -> dict[int, int]:
    """Partition -> committed offset of the group; partitions without one are left out."""
    return service_under_test.committed(kafka, ORDERBOT_GROUP, TICKS.name)
