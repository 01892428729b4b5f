"""What watches a run, while the broker is killed and started again under it."""

import logging
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from tests.servers import server_port
from tests.waiting import LIMIT_S, eventually
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import ObservedSystem
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.runtime import topic_admin

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
