"""What watches a run, while the broker is killed and started again under it."""

import logging
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from tests.servers import server_port
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.topics import EXAMPLES
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import ObservedSystem
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import read_to_end

pytestmark = pytest.mark.broker


def assigned(collector: Collector) -> bool:
    with suppress(KafkaException):
        collector.assign()
        return True
    return False


def test_the_collector_catches_up_after_a_broker_was_killed(tmp_path: Path) -> None:
    """It asked with the leaders' epochs of before the kill, was refused for ever, and the run never ended."""
    ports = server_port(), server_port()
    server = start_kafka(tmp_path, *ports)
    collector = Collector(server.bootstrap, ObservedSystem(), threading.Lock(), logging.getLogger("test"))
    try:
        topic_admin.create(server.bootstrap, 2)
        eventually(lambda: assigned(collector), "the new topics have leaders")
        collector.background.start()
        collector.request_catch_up()
        assert collector.wait_caught_up(LIMIT_S)
        server.process.kill()
        server.process.wait()
        server = start_kafka(tmp_path, *ports)
        collector.request_catch_up()
        assert collector.wait_caught_up(LIMIT_S)
    finally:
        collector.close()
        server.stop()


def test_a_transaction_that_timed_out_while_the_broker_was_away_holds_no_reader_up(tmp_path: Path) -> None:
    """Kafka 4.3 ends one whose partitions have no leader yet without its markers: readers waited for ever behind it."""
    ports = server_port(), server_port()
    server = start_kafka(tmp_path, *ports)
    try:
        topic_admin.create(server.bootstrap, 2)
        eventually(lambda: not topic_admin.faults(server.bootstrap), "the new topics have leaders")
        left = Producer(
            {"bootstrap.servers": server.bootstrap, "transactional.id": "left", "transaction.timeout.ms": 1000}
        )
        left.init_transactions(LIMIT_S)
        left.begin_transaction()
        sent = list[object]()
        left.produce(EXAMPLES.name, b"left open", b"key", 0, on_delivery=lambda *told: sent.append(told))
        eventually(lambda: bool(left.poll(0.1)) and bool(sent), "it lies in the log")
        server.process.kill()
        server.process.wait()
        server = start_kafka(tmp_path, *ports)
        assert list(read_to_end(server.bootstrap, EXAMPLES.name, {0: 0}, limit_s=LIMIT_S)) == []
    finally:
        server.stop()
