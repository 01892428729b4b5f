"""A real Kafka against the laws that the simulation's broker is held to."""

import pytest

from tests.conformance.broker_laws import Bench, BrokerLaws
from tidewheel.runtime.kafka import KAFKA

pytestmark = pytest.mark.broker


class TestKafka(BrokerLaws):
    @pytest.fixture
    def bench(self, broker: str) -> Bench:
        return Bench(broker, KAFKA, patience_s=30.0)
