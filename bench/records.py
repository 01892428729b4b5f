"""Records on the topics: a made market written to them, and what a service made of it counted and hashed."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Protocol

from confluent_kafka import Message, Producer

from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime.kafka import KAFKA, Clients, flush, read_to_end
from tidewheel.runtime.outbox import PARTITION_OF_KEY, Outbox

LABELED = "tidewheel_labeled_market_time_seconds"


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def write(
    producer: Producer, pairs: Iterable[tuple[MarketSecond, SecondOrders]], partition: int = PARTITION_OF_KEY
) -> None:
    """Seconds and their orders on the labeler's two inputs, in this order, delivered when it returns."""
    outbox = Outbox(producer)
    for second, orders in pairs:
        outbox.produce(TICKS.name, encode_second(second), second.instrument, partition)
        outbox.produce(ORDERS.name, encode_orders(orders), second.instrument, partition)
    flush(producer)


def outputs(bootstrap: str, digest: Digest, partition: int | None = None, clients: Clients = KAFKA) -> tuple[int, int]:
    """How many transactions and examples are committed, in all or on one partition; takes them into the digest."""
    starts = None if partition is None else {partition: 0}
    transactions, examples = (
        count(read_to_end(bootstrap, topic.name, starts, clients=clients), digest) for topic in (TRANSACTIONS, EXAMPLES)
    )
    return transactions, examples


def count(messages: Iterable[Message], digest: Digest) -> int:
    """Number of records. Digested instrument by instrument: how those of several lie among each other is chance."""
    counted = 0
    of_instrument: dict[Any, Digest] = {}
    for message in messages:
        of_instrument.setdefault(message.key(), sha256()).update(message.value() or b"")
        counted += 1
    for instrument in sorted(of_instrument):
        digest.update(instrument + of_instrument[instrument].digest())
    return counted
