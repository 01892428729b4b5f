"""Topic `labeler-state`: frontiers, snapshots in parts, and the state inside a snapshot."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.codecs.columns import checked_instrument, int64s, packed, parse
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.labeler_state import HISTORY_COLUMNS, ORDER_COLUMNS, Frontier, LabelerState
from tidewheel.wire.v1 import orders_pb2

FRONTIER = "frontier"
SNAPSHOT = "snapshot"


def frontier_key(instrument: str) -> bytes:
    return f"{instrument}|{FRONTIER}".encode()


def snapshot_key(instrument: str, part: int) -> bytes:
    return f"{instrument}|{SNAPSHOT}|{part}".encode()


def key_kind(key: bytes | None) -> str:
    """FRONTIER or SNAPSHOT. Raises InvalidRecordError for any other key."""
    words = (key or b"").decode(errors="replace").split("|")
    if words[1:] == [FRONTIER] or (words[1:2] == [SNAPSHOT] and len(words) == 3):
        return words[1]
    raise InvalidRecordError(DeadLetterReason.UNDECODABLE, f"the key {key!r} is none of the labeler's")


@dataclass(frozen=True, slots=True)
class LabelerFrontier:
    """How far an instrument's labels are written; `config`: the settings that shape labels, in words."""

    instrument: str
    frontier: Frontier
    config: str


@dataclass(frozen=True, slots=True, eq=False)
class LabelerSnapshot:
    """Part of a snapshot as of `second`; the offsets are those of the first records after it."""

    instrument: str
    second: int
    part: int
    parts: int
    ticks_offset: int
    orders_offset: int
    config: str
    payload: bytes


def encode_frontier(value: LabelerFrontier) -> bytes:
    return orders_pb2.LabelerFrontier(
        instrument=value.instrument,
        second=value.frontier.second,
        example_seq=value.frontier.example_seq,
        transactions=value.frontier.transactions,
        config=value.config,
    ).SerializeToString(deterministic=True)


def decode_frontier(payload: bytes | None) -> LabelerFrontier:
    """Raises InvalidRecordError."""
    message = parse(orders_pb2.LabelerFrontier, payload)
    return LabelerFrontier(
        checked_instrument(message.instrument),
        Frontier(message.second, message.example_seq, message.transactions),
        message.config,
    )


def encode_snapshot(value: LabelerSnapshot) -> bytes:
    return orders_pb2.LabelerSnapshot(
        instrument=value.instrument,
        second=value.second,
        part=value.part,
        parts=value.parts,
        ticks_offset=value.ticks_offset,
        orders_offset=value.orders_offset,
        config=value.config,
        payload=value.payload,
    ).SerializeToString(deterministic=True)


def decode_snapshot(payload: bytes | None) -> LabelerSnapshot:
    """Raises InvalidRecordError."""
    message = parse(orders_pb2.LabelerSnapshot, payload)
    if message.part >= message.parts:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"part {message.part} of {message.parts}")
    return LabelerSnapshot(
        checked_instrument(message.instrument),
        message.second,
        message.part,
        message.parts,
        message.ticks_offset,
        message.orders_offset,
        message.config,
        message.payload,
    )


def encode_state(value: LabelerState) -> bytes:
    mid, day_open, day_high, day_low = map(packed, value.history)
    order_id, placed_ns, bid, offer, upper, lower = map(packed, value.orders)
    return orders_pb2.LabelerState(
        instrument=value.instrument,
        session=value.session,
        second=value.frontier.second,
        next_seq=value.next_seq,
        example_seq=value.frontier.example_seq,
        transactions=value.frontier.transactions,
        mid_e9=mid,
        day_open_e9=day_open,
        day_high_e9=day_high,
        day_low_e9=day_low,
        close_bid_e9=value.close_bid_e9,
        close_offer_e9=value.close_offer_e9,
        order_id=order_id,
        placed_ns=placed_ns,
        bid_e9=bid,
        offer_e9=offer,
        upper_e9=upper,
        lower_e9=lower,
        session_open=value.session_open,
        session_first_second=value.session_first_second,
    ).SerializeToString(deterministic=True)


def decode_state(payload: bytes | None) -> LabelerState:
    """Raises InvalidRecordError."""
    message = parse(orders_pb2.LabelerState, payload)
    return LabelerState(
        instrument=checked_instrument(message.instrument),
        frontier=Frontier(message.second, message.example_seq, message.transactions),
        session=message.session,
        session_open=message.session_open,
        session_first_second=message.session_first_second,
        next_seq=message.next_seq,
        close_bid_e9=message.close_bid_e9,
        close_offer_e9=message.close_offer_e9,
        history=_table(message, ("mid_e9", "day_open_e9", "day_high_e9", "day_low_e9")),
        orders=_table(message, ("order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9")),
    )


def _table(message: orders_pb2.LabelerState, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Columns of one length as the rows of an array."""
    assert len(names) in (HISTORY_COLUMNS, ORDER_COLUMNS)
    count = len(getattr(message, names[0])) // 8
    return np.stack([int64s(getattr(message, name), count, name) for name in names])
