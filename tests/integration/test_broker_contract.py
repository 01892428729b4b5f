"""A real Kafka against the contract that the simulation's broker is held to."""

from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from tests.conformance.test_broker_contract import Bench, BrokerContract
from tests.waiting import LIMIT_S
from tidewheel.runtime.kafka import KAFKA

pytestmark = pytest.mark.broker

CLEANER_RESTS = "log.cleaner.backoff.ms"


class TestKafka(BrokerContract):
    @pytest.fixture
    def bench(self, broker: str) -> Iterator[Bench]:
        admin = AdminClient({"bootstrap.servers": broker})
        node = str(next(iter(admin.list_topics(timeout=LIMIT_S).brokers)))
        changed: list[str] = []

        def compact(topic: str) -> None:
            """The next record begins another segment, and the cleaner does not rest."""
            _alter(admin, ResourceType.TOPIC, topic, {"segment.ms": "1", "min.cleanable.dirty.ratio": "0"})
            _alter(admin, ResourceType.BROKER, node, {CLEANER_RESTS: "100"})
            changed.append(topic)

        yield Bench(broker, KAFKA, patience_s=LIMIT_S, expire=lambda _: None, compact=compact)
        if changed:
            _alter(admin, ResourceType.BROKER, node, {CLEANER_RESTS: None})


def _alter(admin: AdminClient, kind: ResourceType, name: str, settings: Mapping[str, str | None]) -> None:
    """None takes a setting back."""
    entries = [
        ConfigEntry(
            *(setting, value),
            incremental_operation=AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET,
        )
        for setting, value in settings.items()
    ]
    for answer in admin.incremental_alter_configs([ConfigResource(kind, name, incremental_configs=entries)]).values():
        answer.result()
