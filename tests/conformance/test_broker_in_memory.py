"""The simulation's broker against the laws that Kafka is held to."""

from random import Random

import pytest

from tests.conformance.broker_laws import Bench, BrokerLaws
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.stage import Calm
from tidewheel.contracts.topics import TOPICS

PARTITIONS = 2


class Settling(Calm):
    """A broker that carries out what it decided whenever it is asked anything."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker

    def before(self, effect: str) -> None:
        self._broker.settle()


class TestBrokerInMemory(BrokerLaws):
    @pytest.fixture(params=range(3))
    def bench(self, request: pytest.FixtureRequest) -> Bench:
        chance = Random(request.param)
        broker = Broker({name: topic.partitions(PARTITIONS) for name, topic in TOPICS.items()}, chance)
        return Bench("memory", clients(broker, Settling(broker), chance), patience_s=0.2)

    @pytest.mark.xfail(strict=True, reason="it has no clock: the simulation ends sessions and old transactions itself")
    def test_a_silent_member_loses_its_place_by_itself(self, bench: Bench, names: str) -> None:
        super().test_a_silent_member_loses_its_place_by_itself(bench, names)

    @pytest.mark.xfail(strict=True, reason="it knows no sizes: what is sent is small")
    def test_a_record_that_is_too_large_is_refused(self, bench: Bench) -> None:
        super().test_a_record_that_is_too_large_is_refused(bench)
