"""The log as its readers take it in: an instrument's records as they lie, and the labels that the labeler's core makes
of them."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from services.labeler.config import LabelerConfig
from services.labeler.partition import Partition, SequenceBreak
from services.orderbot.core import OrderRule, orders_of
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.codecs.orders import decode_orders, encode_example, encode_transaction
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime.kafka import read_to_end

T = TypeVar("T", MarketSecond, SecondOrders)


def payloads(broker: str, topic: str, instrument: str) -> list[bytes]:
    """What a topic holds under an instrument's key, committed, as it lies."""
    return [one.value() or b"" for one in read_to_end(broker, topic) if one.key() == instrument.encode()]


def seconds_of(broker: str, instrument: str) -> list[MarketSecond]:
    return [decode_second(payload) for payload in payloads(broker, TICKS.name, instrument)]


def orders_on(broker: str, instrument: str) -> list[SecondOrders]:
    return [decode_orders(payload) for payload in payloads(broker, ORDERS.name, instrument)]


def ordered(seconds: Iterable[MarketSecond], rule: OrderRule) -> list[SecondOrders]:
    """As the order bot answers each record, one that comes again too."""
    return [orders_of(second, rule) for second in seconds]


def labels(seconds: Iterable[MarketSecond], orders: Iterable[SecondOrders]) -> list[bytes]:
    """Transactions and examples, in order."""
    return _labeled(seconds, orders)[0]


def breaks_in(seconds: Iterable[MarketSecond], orders: Iterable[SecondOrders]) -> list[SequenceBreak]:
    """What the labeler counts and tells of records that are not the next."""
    return _labeled(seconds, orders)[1]


def _labeled(
    seconds: Iterable[MarketSecond], orders: Iterable[SecondOrders]
) -> tuple[list[bytes], list[SequenceBreak]]:
    partition, made = Partition(LabelerConfig()), list[bytes]()

    def read(topic: str, records: Iterable[Any], take: Callable[[int, int, Any], list[Any]]) -> None:
        for offset, record in enumerate(records):
            partition.mark_read(topic, offset)
            for transaction, example in take(offset, 0, record):
                made.append(encode_transaction(transaction))
                if example is not None:
                    made.append(encode_example(example))

    read(TICKS.name, seconds, partition.on_second)
    read(ORDERS.name, orders, partition.on_orders)
    return made, partition.breaks


def first_of_each(records: Iterable[T]) -> list[T]:
    """Without those of a second that came before."""
    found: dict[int, T] = {}
    for record in records:
        found.setdefault(record.second, record)
    return list(found.values())
