"""The declared topics on a real broker."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.service_under_test import patiently
from tidewheel.contracts.offset_metadata import encode_replay_offset
from tidewheel.contracts.topics import EXAMPLES, TOPICS, TRAINER_GROUP
from tidewheel.runtime import kafka, topic_admin

pytestmark = pytest.mark.broker


def test_creating_twice_changes_nothing(broker: str) -> None:
    assert topic_admin.create(broker, 2) == []
    assert topic_admin.faults(broker) == []


def test_another_count_of_partitions_is_a_fault(broker: str) -> None:
    assert topic_admin.faults(broker, 2) == []
    (fault,) = topic_admin.faults(broker, 3)
    assert fault.startswith("topics keyed by instrument have 2 partitions instead of 3; ")


def test_a_changed_retention_is_a_fault(broker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = TOPICS["ticks"]
    changed = {
        **TOPICS,
        "ticks": type(declared)(
            **{**{name: getattr(declared, name) for name in declared.__slots__}, "retention_ms": 1}
        ),
    }
    monkeypatch.setattr(topic_admin, "TOPICS", changed)
    assert [fault for fault in topic_admin.faults(broker) if "retention.ms" in fault]


def test_what_the_trainer_would_go_back_to_and_cannot_is_a_fault(broker: str) -> None:
    """Records deleted up to an offset stand for what retention does in days."""
    produced(broker, 4)
    commit_trainer(broker, 3, encode_replay_offset(1))
    assert topic_admin.faults(broker) == []
    delete_before(broker, 2)
    (fault,) = topic_admin.faults(broker)
    assert "partition 0 begins at offset 2, and the trainer needs it from 1" in fault
    commit_trainer(broker, 3, "")
    assert topic_admin.faults(broker) == []


def produced(broker: str, count: int) -> None:
    producer = Producer(kafka.producer_config(broker, "test"))
    for _ in range(count):
        producer.produce(EXAMPLES.name, b"x", "sim:A", 0)
    kafka.flush(producer)


def commit_trainer(broker: str, offset: int, metadata: str) -> None:
    consumer = Consumer(kafka.consumer_config(broker, "test", TRAINER_GROUP))
    patiently(lambda: consumer.commit(offsets=[TopicPartition(EXAMPLES.name, 0, offset, metadata)], asynchronous=False))
    consumer.close()


def delete_before(broker: str, offset: int) -> None:
    admin = AdminClient(kafka.client(broker, "test"))
    for deleted in admin.delete_records([TopicPartition(EXAMPLES.name, 0, offset)]).values():
        deleted.result()
