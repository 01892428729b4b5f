"""What decoders refuse beyond broken bytes: records that contradict themselves, each with its reason."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tidewheel.contracts.codecs import market, models, orders, training
from tidewheel.contracts.codecs.columns import packed
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.prices import PRICE_MAX_E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import market_pb2, models_pb2, orders_pb2, training_pb2


def column(*values: int) -> bytes:
    return packed(np.array(values, dtype=np.int64))


def second(**changed: Any) -> bytes:
    """A good market second of two quotes, then spoilt."""
    at = 10 * NS_PER_S
    fields = {
        "instrument": "sim:BTC-USD",
        "session": 1,
        "second": 10,
        "first_seq": 1,
        "count": 2,
        "time_ns": column(at, at + 5),
        "bid_e9": column(100, 102),
        "offer_e9": column(101, 103),
        "close_bid_e9": 102,
        "close_offer_e9": 103,
        "source_kind": 2,
    }
    return market_pb2.MarketSecond(**{**fields, **changed}).SerializeToString()


def second_orders(**changed: Any) -> bytes:
    at = 10 * NS_PER_S
    fields = {
        "instrument": "sim:BTC-USD",
        "session": 1,
        "second": 10,
        "count": 2,
        "order_id": column(10_000, 10_001),
        "placed_ns": column(at, at + 5),
        "bid_e9": column(100, 102),
        "offer_e9": column(101, 103),
        "upper_e9": column(111, 113),
        "lower_e9": column(91, 93),
    }
    return orders_pb2.SecondOrders(**{**fields, **changed}).SerializeToString()


def example(**changed: Any) -> bytes:
    fields = {
        "instrument": "sim:BTC-USD",
        "example_seq": 1,
        "schema_hash": SCHEMA_HASH,
        "features": bytes(4 * 605),
    }
    return orders_pb2.Example(**{**fields, **changed}).SerializeToString()


def test_what_is_spoilt_below_was_good() -> None:
    assert len(market.decode_second(second()).quotes) == 2
    assert len(orders.decode_orders(second_orders())) == 2
    assert market.decode_second(second(first_seq=2**63 - 3)).last_seq == 2**63 - 2
    assert (
        orders.decode_orders(second_orders(upper_e9=column(111, PRICE_MAX_E9), lower_e9=column(1, 1))).lower_e9[0] == 1
    )
    assert orders.decode_example(example()).label == 0


AT = 10 * NS_PER_S


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"session": 0}, "count from 1"),
        ({"first_seq": 0}, "count from 1"),
        ({"second": -1}, "second from 0"),
        ({"source_kind": 9}, "SourceKind"),
        ({"time_ns": column(AT)}, "time_ns has 8 bytes"),
        ({"flags": b"\x01\x00\x00"}, "flags has 3 bytes"),
        ({"time_ns": column(AT - 1, AT)}, "outside second"),
        ({"time_ns": column(AT, AT + NS_PER_S)}, "outside second"),
        ({"time_ns": column(AT + 5, AT)}, "decrease"),
        ({"close_bid_e9": 101}, "not the last quote"),
        ({"close_bid_e9": 0}, "no usable price"),
        ({"close_offer_e9": 101}, "no usable price"),
        ({"open_bid_e9": 1}, "one side only"),
        ({"open_bid_e9": 2, "open_offer_e9": 1}, "opening quote is no usable price"),
        ({"open_bid_e9": -1, "open_offer_e9": 1}, "opening quote is no usable price"),
        ({"open_bid_e9": 1, "open_offer_e9": -(2**63)}, "opening quote is no usable price"),
        ({"bid_e9": column(-(2**63), 102)}, "a quote is no usable price"),
        ({"bid_e9": column(0, 102)}, "a quote is no usable price"),
        ({"offer_e9": column(99, 103)}, "a quote is no usable price"),
        ({"second": 2**63 // NS_PER_S}, "beyond all numbers"),
        ({"first_seq": 2**63 - 2}, "beyond all numbers"),
        ({"count": 0}, "has no quote"),
        ({"count": 0, "open_bid_e9": 101, "open_offer_e9": 103}, "changed in a quiet second"),
    ],
)
def test_market_seconds_that_contradict_themselves(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRecordError, match=words) as caught:
        market.decode_second(second(**changed))
    assert caught.value.reason is DeadLetterReason.INCONSISTENT


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"bid_e9": b""}, "bid_e9 has 0 bytes"),
        ({"placed_ns": column(AT - 1, AT)}, "outside second"),
        ({"placed_ns": column(AT, AT + NS_PER_S)}, "outside second"),
        ({"placed_ns": column(AT + 5, AT)}, "do not grow"),
        ({"order_id": column(10_001, 10_001)}, "do not grow"),
        ({"upper_e9": column(101, 113)}, "between its thresholds"),
        ({"lower_e9": column(91, 102)}, "between its thresholds"),
        ({"bid_e9": column(102, 102)}, "between its thresholds"),
        ({"offer_e9": column(-(2**63), 103)}, "between its thresholds"),
        ({"lower_e9": column(91, 0)}, "no usable price"),
        ({"lower_e9": column(-(2**63), 93)}, "no usable price"),
        ({"upper_e9": column(111, PRICE_MAX_E9 + 1)}, "no usable price"),
        ({"not_placed": [orders_pb2.NotPlaced(reason=9)]}, "NotPlacedReason"),  # type: ignore[arg-type]
    ],
)
def test_orders_that_contradict_themselves(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRecordError, match=words) as caught:
        orders.decode_orders(second_orders(**changed))
    assert caught.value.reason is DeadLetterReason.INCONSISTENT


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"schema_hash": b""}, DeadLetterReason.WRONG_SCHEMA),
        ({"schema_hash": bytes(32)}, DeadLetterReason.WRONG_SCHEMA),
        ({"features": bytes(4 * 604)}, DeadLetterReason.INCONSISTENT),
        ({"label": 2}, DeadLetterReason.INCONSISTENT),
        ({"example_seq": 0}, DeadLetterReason.INCONSISTENT),
        ({"instrument": "BTC"}, DeadLetterReason.UNKNOWN_INSTRUMENT),
    ],
)
def test_examples_that_cannot_be_used(changed: dict[str, Any], reason: DeadLetterReason) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        orders.decode_example(example(**changed))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("decode", "message", "reason"),
    [
        (market.decode_second, second(instrument=""), DeadLetterReason.UNKNOWN_INSTRUMENT),
        (market.decode_second, b"\xff", DeadLetterReason.UNDECODABLE),
        (
            market.decode_feed_status,
            market_pb2.FeedStatus(instrument="sim:X").SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            market.decode_dead_letter,
            market_pb2.DeadLetter(reason="odd").SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            orders.decode_transaction,
            orders_pb2.Transaction(instrument="sim:X").SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            orders.decode_transaction,
            orders_pb2.Transaction(instrument="sim:X", outcome=1, entry_e9=5, exit_e9=7, pnl_e9=1).SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            training.decode_run_event,
            training_pb2.TrainingRunEvent(instrument="sim:X").SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (models.decode_model, models_pb2.Model(format_version=99).SerializeToString(), DeadLetterReason.UNDECODABLE),
        (
            models.decode_model,
            models_pb2.Model(format_version=1, mean=bytes(8)).SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            models.decode_model,
            models_pb2.Model(format_version=1, mean=bytes(7)).SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
        (
            models.decode_model_record,
            models_pb2.ModelRecord(instrument="sim:X").SerializeToString(),
            DeadLetterReason.INCONSISTENT,
        ),
    ],
)
def test_reasons(decode: Callable[[bytes], Any], message: bytes, reason: DeadLetterReason) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        decode(message)
    assert caught.value.reason is reason
