"""Topics `orders`, `transactions` and `examples`."""

from tidewheel.contracts.codecs.columns import checked_instrument, int64s, packed, parse
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.features import FEATURES_BYTES, SCHEMA_HASH, Example
from tidewheel.domain.orders import NotPlacedReason, Outcome, SecondOrders, Transaction
from tidewheel.domain.prices import PRICE_MAX_E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import orders_pb2


def encode_orders(value: SecondOrders) -> bytes:
    message = orders_pb2.SecondOrders(
        instrument=value.instrument, session=value.session, second=value.second, count=len(value)
    )
    if len(value):
        message.order_id = packed(value.order_id)
        message.placed_ns = packed(value.placed_ns)
        message.bid_e9 = packed(value.bid_e9)
        message.offer_e9 = packed(value.offer_e9)
        message.upper_e9 = packed(value.upper_e9)
        message.lower_e9 = packed(value.lower_e9)
    for reason in sorted(value.not_placed):
        message.not_placed.add(reason=int(reason), count=value.not_placed[reason])
    return message.SerializeToString(deterministic=True)


def decode_orders(payload: bytes | None) -> SecondOrders:
    """Raises InvalidRecordError."""
    message = parse(orders_pb2.SecondOrders, payload)
    count = message.count
    try:
        not_placed = {NotPlacedReason(row.reason): row.count for row in message.not_placed}
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    value = SecondOrders(
        checked_instrument(message.instrument),
        message.session,
        message.second,
        int64s(message.order_id, count, "order_id"),
        int64s(message.placed_ns, count, "placed_ns"),
        int64s(message.bid_e9, count, "bid_e9"),
        int64s(message.offer_e9, count, "offer_e9"),
        int64s(message.upper_e9, count, "upper_e9"),
        int64s(message.lower_e9, count, "lower_e9"),
        not_placed,
    )
    if count:
        _check_orders(value)
    return value


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
    return orders_pb2.Transaction(
        instrument=value.instrument,
        order_id=value.order_id,
        session=value.session,
        placed_ns=value.placed_ns,
        entry_e9=value.entry_e9,
        upper_e9=value.upper_e9,
        lower_e9=value.lower_e9,
        resolved_ns=value.resolved_ns,
        resolved_seq=value.resolved_seq,
        exit_e9=value.exit_e9,
        outcome=int(value.outcome),  # type: ignore[arg-type]
        pnl_e9=value.pnl_e9,
    ).SerializeToString()


def decode_transaction(payload: bytes | None) -> Transaction:
    """Raises InvalidRecordError."""
    message = parse(orders_pb2.Transaction, payload)
    try:
        outcome = Outcome(message.outcome)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    if message.pnl_e9 != message.exit_e9 - message.entry_e9:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"pnl_e9 {message.pnl_e9} is not exit - entry")
    return Transaction(
        checked_instrument(message.instrument),
        message.order_id,
        message.session,
        message.placed_ns,
        message.entry_e9,
        message.upper_e9,
        message.lower_e9,
        message.resolved_ns,
        message.resolved_seq,
        message.exit_e9,
        outcome,
    )


def encode_example(value: Example) -> bytes:
    return orders_pb2.Example(
        instrument=value.instrument,
        example_seq=value.example_seq,
        order_id=value.order_id,
        placed_ns=value.placed_ns,
        resolved_ns=value.resolved_ns,
        label=value.label,
        schema_hash=value.schema_hash,
        features=value.features,
        pnl_e9=value.pnl_e9,
    ).SerializeToString()


def decode_example(payload: bytes | None) -> Example:
    """Raises InvalidRecordError; a row of another schema is one."""
    message = parse(orders_pb2.Example, payload)
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
    return Example(
        checked_instrument(message.instrument),
        message.example_seq,
        message.order_id,
        message.placed_ns,
        message.resolved_ns,
        message.label,
        message.features,
        message.pnl_e9,
        message.schema_hash,
    )
