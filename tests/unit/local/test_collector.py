"""When the collector says that it has read all there is, on a topic of the test's own."""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, TopicPartition

from tidewheel.local.monitoring import collector
from tidewheel.local.monitoring.collector import Collector
from tidewheel.local.monitoring.observed import ObservedSystem
from tidewheel.runtime.kafka import KAFKA


class Topic:
    """One partition at whose end the consumer always stands; `on_read` is called while it reads."""

    def __init__(self) -> None:
        self.end = 10
        self.on_read: Callable[[], None] = lambda: None

    def assignment(self) -> list[TopicPartition]:
        return []

    def consume(self, count: int, timeout: float) -> list[Message]:
        read_to = self.end
        self.on_read()
        return [Message(topic="ticks", partition=0, offset=read_to, error=KafkaError(KafkaError._PARTITION_EOF))]


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def reader(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> Collector:
    def end_offsets(*_: Any) -> dict[tuple[str, int], int]:
        return {("ticks", 0): topic.end}

    monkeypatch.setattr(collector, "end_offsets", end_offsets)
    clients: Any = replace(KAFKA, consumer=lambda _: topic)
    return Collector("nowhere", ObservedSystem(), threading.Lock(), logging.getLogger("test"), clients=clients)


def test_a_request_is_answered_once_all_is_read(topic: Topic, reader: Collector) -> None:
    reader.poll_once()
    assert not reader.caught_up, "nobody has asked"
    reader.request_catch_up()
    assert not reader.wait_caught_up(0)
    reader.poll_once()
    assert reader.wait_caught_up(0)


def test_a_request_made_while_another_is_answered_waits_for_its_own_ends(topic: Topic, reader: Collector) -> None:
    def more() -> None:
        topic.on_read = lambda: None
        topic.end += 5
        reader.request_catch_up()

    topic.on_read = more
    reader.request_catch_up()
    reader.poll_once()
    assert not reader.caught_up, "five records were not read"
    reader.poll_once()
    assert reader.caught_up
