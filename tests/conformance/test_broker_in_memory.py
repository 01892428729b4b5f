"""The simulation's broker against the contract that Kafka is held to."""

from random import Random

import pytest

from tests.conformance.test_broker_contract import Bench, BrokerContract
from tests.simulation.broker import Broker
from tests.simulation.clients import clients
from tests.simulation.injector import NoFaults
from tidewheel.contracts.topics import TOPICS

PARTITIONS = 2
# Expected to fail, strictly: what begins to work must be taken off.
CANNOT = {
    BrokerContract.test_a_silent_member_loses_its_place_by_itself.__name__: (
        "it has no clock: the simulation ends sessions and old transactions itself"
    ),
    BrokerContract.test_a_record_that_is_too_large_is_refused.__name__: "it knows no sizes: what is sent is small",
}


class Settling(NoFaults):
    """A broker that carries out what it decided whenever it is asked anything."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker

    def before(self, effect: str) -> None:
        self._broker.settle()


class TestBrokerInMemory(BrokerContract):
    @pytest.fixture(params=range(3))
    def bench(self, request: pytest.FixtureRequest) -> Bench:
        chance = Random(request.param)
        broker = Broker({name: topic.partitions(PARTITIONS) for name, topic in TOPICS.items()}, chance)
        made = clients(broker, Settling(broker), chance)
        return Bench("memory", made, patience_s=0.2, expire=broker.expire, compact=broker.compact)

    @pytest.fixture(autouse=True)
    def what_it_cannot_do(self, request: pytest.FixtureRequest) -> None:
        if reason := CANNOT.get(request.node.originalname):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def test_what_it_cannot_do_are_laws() -> None:
    assert set(CANNOT) <= set(vars(BrokerContract))
