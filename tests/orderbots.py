"""An order bot in a process of its own for tests, and what it reads and writes."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, Producer, TopicPartition

from tests.waiting import LIMIT_S, Deadline, eventually
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import decode_orders
from tidewheel.contracts.topics import ORDERBOT_GROUP, ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.local.processes.subprocesses import free_port, kill_group, start
from tidewheel.runtime.kafka import consumer_config, flush, partitions_of, producer_config

MODULE = ("-m", "services.orderbot")


class OrderBotProcess:
    """A running process; killed at the latest when left."""

    def __init__(self, kafka: str, folder: Path, *, program: Iterable[str] = MODULE, **environment: str) -> None:
        self.log = folder / "orderbot.log"
        self._port = free_port()
        # A short session, so that a killed member's partitions are soon given away.
        settings = {"KAFKA": kafka, "METRICS_PORT": str(self._port), "SESSION_TIMEOUT_S": "2", **environment}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEWHEEL_")}
        env = {**inherited, **{f"TIDEWHEEL_{name}": value for name, value in settings.items()}}
        self.process: subprocess.Popen[bytes] = start([sys.executable, *program], self.log, env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        kill_group(self.process)
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=LIMIT_S) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=LIMIT_S) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))

    def await_ready(self) -> Self:
        eventually(lambda: self.answers("/ready") or self.process.poll() is not None, "the order bot is ready")
        assert self.process.poll() is None, self.log.read_text()
        return self


def publish(kafka: str, seconds: Iterable[MarketSecond], partition: int | None = None) -> None:
    publish_raw(kafka, [(second.instrument.encode(), encode_second(second)) for second in seconds], partition)


def publish_raw(kafka: str, records: Iterable[tuple[bytes | None, bytes | None]], partition: int | None = None) -> None:
    producer = Producer(producer_config(kafka, "test"))
    for key, value in records:
        producer.produce(TICKS.name, value, key, **({} if partition is None else {"partition": partition}))
    flush(producer)


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
    consumer = Consumer(consumer_config(kafka, "test", ORDERBOT_GROUP))
    try:
        asked = [TopicPartition(TICKS.name, partition) for partition in partitions_of(consumer, TICKS.name)]
        return {p.partition: p.offset for p in consumer.committed(asked, LIMIT_S) if p.offset >= 0}
    finally:
        consumer.close()
