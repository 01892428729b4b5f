"""What readers of committed records get of one market, and the error for what they must not get."""

from tests.simulation.broker import partition_of
from tests.simulation.inputs import PARTITIONS, ExpectedMarket
from tests.simulation.records import PartitionKey, Record
from tests.simulation.services import System
from tidewheel.contracts.topics import Topic


class InvariantError(Exception):
    """A promise that was not kept; the message says which."""


def partition_key_of(market: ExpectedMarket, topic: Topic) -> PartitionKey:
    """The one partition on which a market's records of a topic belong."""
    return topic.name, partition_of(market.instrument.encode(), topic.partitions(PARTITIONS))


def records(system: System, market: ExpectedMarket, topic: Topic) -> list[tuple[int, Record]]:
    """A market's records with their offsets."""
    key = market.instrument.encode()
    found = system.broker.partitions[partition_key_of(market, topic)].committed()
    return [(offset, record) for offset, record in found if record.key == key]


def values(system: System, market: ExpectedMarket, topic: Topic) -> list[bytes]:
    """The bytes of a market's records."""
    return [record.value or b"" for _, record in records(system, market, topic)]
