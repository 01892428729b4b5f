"""Records on the topics: a made market written to them, and what a service made of it counted and hashed."""

from collections.abc import Iterable
from typing import Protocol

from confluent_kafka import Producer

from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime.kafka import flush, read_to_end
from tidewheel.runtime.transactional import PARTITION_OF_KEY, Outbox

LABELED = "tidewheel_labeled_market_time_seconds"


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def write(
    producer: Producer, pairs: Iterable[tuple[MarketSecond, SecondOrders]], partition: int = PARTITION_OF_KEY
) -> None:
    """Seconds and their orders on the labeler's two inputs, in this order, delivered when it returns."""
    outbox = Outbox(producer)
    for second, orders in pairs:
        outbox.produce(TICKS.name, encode_second(second), second.instrument, partition)
        outbox.produce(ORDERS.name, encode_orders(orders), second.instrument, partition)
    flush(producer)


def count(bootstrap: str, topic: str, digest: Digest, partition: int | None = None) -> int:
    """How many committed records a topic, or one partition of it, holds; takes them into the digest."""
    counted = 0
    for message in read_to_end(bootstrap, topic, None if partition is None else {partition: 0}):
        digest.update(message.value() or b"")
        counted += 1
    return counted
