"""What a service tells of its broker and its group: of a real broker, one that is away, and one that is back."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from tests.predictors import metric_value
from tests.servers import server_port
from tests.waiting import eventually
from tidewheel.contracts.topics import EXAMPLES, TRAINER_GROUP
from tidewheel.local.servers.kafka import LocalKafka, start_kafka
from tidewheel.runtime import topic_admin
from tidewheel.runtime.broker_monitor import BrokerMonitor
from tidewheel.runtime.kafka import consumer_config, flush, producer_config

pytestmark = pytest.mark.broker
SERVICE = "trainer"
LOG = logging.getLogger("monitor")


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    server = start_kafka(tmp_path, server_port(), server_port())
    topic_admin.create(server.bootstrap, 2)
    try:
        yield server
    finally:
        server.stop()


def lag(partition: int) -> float:
    labels = {"group": TRAINER_GROUP, "topic": EXAMPLES.name, "partition": str(partition)}
    return metric_value("tidewheel_consumer_lag_records", **labels)


def test_lag_and_health_are_the_brokers_own_word(kafka: LocalKafka) -> None:
    producer = Producer(producer_config(kafka.bootstrap, "test"))
    for _ in range(7):
        producer.produce(EXAMPLES.name, b"x", partition=1)
    flush(producer)
    consumer = Consumer(consumer_config(kafka.bootstrap, "test", TRAINER_GROUP))
    consumer.commit(offsets=[TopicPartition(EXAMPLES.name, 1, 4)], asynchronous=False)
    consumer.close()
    monitor = BrokerMonitor(SERVICE, kafka.bootstrap, TRAINER_GROUP, LOG)

    def asked() -> bool:
        monitor.ask()
        return metric_value("tidewheel_kafka_up", service=SERVICE) == 1

    eventually(asked, "the group's coordinator is there")
    assert (lag(0), lag(1)) == (0, 3)
    assert metric_value("tidewheel_kafka_brokers", service=SERVICE) == 1
    assert metric_value("tidewheel_kafka_partitions_offline", service=SERVICE) == 0
    assert metric_value("tidewheel_kafka_partitions_under_replicated", service=SERVICE) == 0
    assert metric_value("tidewheel_kafka_answer_duration_seconds", service=SERVICE) > 0
    kafka.stop()
    monitor.ask()
    assert metric_value("tidewheel_kafka_up", service=SERVICE) == 0
    back = start_kafka(kafka.directory, kafka.port, server_port())
    try:
        eventually(asked, "it answers again")
        assert lag(1) == 3
    finally:
        back.stop()
