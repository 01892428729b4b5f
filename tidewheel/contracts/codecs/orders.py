"""Topics `orders`, `transactions` and `examples`."""

from collections.abc import Iterable, Mapping
from typing import Any

from tidewheel.contracts.codecs.columns import int64s
from tidewheel.contracts.codecs.message_table import (
    COUNT,
    INSTRUMENT,
    Checked,
    Column,
    Computed,
    Filled,
    MessageTable,
    enum,
)
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.features import FEATURES_BYTES, SCHEMA_HASH, Example
from tidewheel.domain.orders import NotPlacedReason, Outcome, SecondOrders, Transaction
from tidewheel.domain.prices import PRICE_MAX_E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import orders_pb2


def encode_orders(value: SecondOrders) -> bytes:
    return SECOND_ORDERS.encode(value)


def decode_orders(payload: bytes | None) -> SecondOrders:
    """Raises InvalidRecordError."""
    value = SECOND_ORDERS.decode(payload)
    if len(value.order_id):
        _check_orders(value)
    return value


def _add_not_placed(rows: Any, not_placed: Mapping[NotPlacedReason, int]) -> None:
    for reason in sorted(not_placed):
        rows.add(reason=reason, count=not_placed[reason])


def _not_placed_from_wire(rows: Iterable[orders_pb2.NotPlaced]) -> dict[NotPlacedReason, int]:
    try:
        return {NotPlacedReason(row.reason): row.count for row in rows}
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None


SECOND_ORDERS = MessageTable(
    orders_pb2.SecondOrders,
    SecondOrders,
    {
        "not_placed": Filled(_not_placed_from_wire, _add_not_placed),
        "instrument": INSTRUMENT,
        "count": COUNT,
        "order_id": Column(int64s),
        "placed_ns": Column(int64s),
        "bid_e9": Column(int64s),
        "offer_e9": Column(int64s),
        "upper_e9": Column(int64s),
        "lower_e9": Column(int64s),
    },
)


def _check_orders(value: SecondOrders) -> None:
    """As the bot places them: prices beyond these are beyond what labels and their sums can hold."""
    start = value.second * NS_PER_S
    placed = value.placed_ns
    if placed[0] < start or placed[-1] >= start + NS_PER_S:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"an order lies outside second {value.second}")
    lower, bid, offer, upper = value.lower_e9, value.bid_e9, value.offer_e9, value.upper_e9
    if not ((lower < bid) & (bid <= offer) & (offer < upper)).all():
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "an order's quote is not between its thresholds")
    if lower.min() <= 0 or upper.max() > PRICE_MAX_E9:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "an order's threshold is no usable price")
    if len(value) > 1 and not ((value.order_id[1:] > value.order_id[:-1]) & (placed[1:] >= placed[:-1])).all():
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "order ids or their instants do not grow")


def encode_transaction(value: Transaction) -> bytes:
    return TRANSACTION.encode(value)


def decode_transaction(payload: bytes | None) -> Transaction:
    """Raises InvalidRecordError."""
    return TRANSACTION.decode(payload)


def _check_pnl(message: orders_pb2.Transaction) -> None:
    if message.pnl_e9 != message.exit_e9 - message.entry_e9:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"pnl_e9 {message.pnl_e9} is not exit - entry")


TRANSACTION = MessageTable(
    orders_pb2.Transaction,
    Transaction,
    {"outcome": enum(Outcome), "pnl_e9": Computed(_check_pnl), "instrument": INSTRUMENT},
)


def encode_example(value: Example) -> bytes:
    return EXAMPLE.encode(value)


def decode_example(payload: bytes | None) -> Example:
    """Raises InvalidRecordError; a row of another schema is one."""
    return EXAMPLE.decode(payload)


def _check_example(message: orders_pb2.Example) -> None:
    if message.schema_hash != SCHEMA_HASH:
        raise InvalidRecordError(
            DeadLetterReason.WRONG_SCHEMA,
            f"features of schema {message.schema_hash.hex()[:12] or '(none)'}, known is {SCHEMA_HASH.hex()[:12]}",
        )
    if len(message.features) != FEATURES_BYTES:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, f"features have {len(message.features)} bytes, not {FEATURES_BYTES}"
        )
    if message.label > 1 or message.example_seq < 1:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, f"label {message.label}, example_seq {message.example_seq}"
        )


EXAMPLE = MessageTable(orders_pb2.Example, Example, {"schema_hash": Checked(_check_example), "instrument": INSTRUMENT})
