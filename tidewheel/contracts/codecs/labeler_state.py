"""Topic `labeler-state`: frontiers, snapshots in parts, and the state inside a snapshot."""

from dataclasses import dataclass

from tidewheel.contracts.codecs.message_table import INSTRUMENT, Checked, MessageTable, Rows, Within
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.labeler_state import Frontier, LabelerState
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


def _check_part(message: orders_pb2.LabelerSnapshot) -> None:
    if message.part >= message.parts:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"part {message.part} of {message.parts}")


FRONTIER_TABLE = MessageTable(
    orders_pb2.LabelerFrontier, LabelerFrontier, {"instrument": INSTRUMENT, "frontier": Within(Frontier)}
)
SNAPSHOT_TABLE = MessageTable(
    orders_pb2.LabelerSnapshot, LabelerSnapshot, {"part": Checked(_check_part), "instrument": INSTRUMENT}
)
STATE_TABLE = MessageTable(
    orders_pb2.LabelerState,
    LabelerState,
    {
        "instrument": INSTRUMENT,
        "frontier": Within(Frontier),
        "history": Rows("mid_e9", "day_open_e9", "day_high_e9", "day_low_e9"),
        "orders": Rows("order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9"),
    },
)


def encode_frontier(value: LabelerFrontier) -> bytes:
    return FRONTIER_TABLE.encode(value)


def decode_frontier(payload: bytes | None) -> LabelerFrontier:
    """Raises InvalidRecordError."""
    return FRONTIER_TABLE.decode(payload)


def encode_snapshot(value: LabelerSnapshot) -> bytes:
    return SNAPSHOT_TABLE.encode(value)


def decode_snapshot(payload: bytes | None) -> LabelerSnapshot:
    """Raises InvalidRecordError."""
    return SNAPSHOT_TABLE.decode(payload)


def encode_state(value: LabelerState) -> bytes:
    return STATE_TABLE.encode(value)


def decode_state(payload: bytes | None) -> LabelerState:
    """Raises InvalidRecordError."""
    return STATE_TABLE.decode(payload)
