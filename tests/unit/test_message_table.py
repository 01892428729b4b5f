"""Tables of fields: what is left out is found when one is made, and what is compiled reads as if written by hand."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import pytest
from google.protobuf import struct_pb2

from tidewheel.contracts.codecs.columns import int64s
from tidewheel.contracts.codecs.message_table import (
    INSTRUMENT,
    Column,
    Converted,
    Line,
    MessageTable,
    Nested,
    Rows,
    Within,
    enum,
)
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.labeler_state import Frontier
from tidewheel.domain.models import Champion, Hyperparameters
from tidewheel.domain.training import Trial
from tidewheel.wire.v1 import models_pb2, orders_pb2, training_pb2


@dataclass(frozen=True)
class TooShort:
    seq: int
    flagged: int


@dataclass(frozen=True)
class TooLong:
    seq: int
    flagged: int
    hits: int
    misses: int = 0


@dataclass(frozen=True)
class WithMap:
    fields: dict[str, object]


class Side(IntEnum):
    BID = 1
    OFFER = 2


@pytest.mark.parametrize(
    ("message", "value", "lines", "words"),
    [
        (models_pb2.Champion, TooShort, {}, "nothing of the value lies in hits"),
        (models_pb2.Champion, TooLong, {}, "no field misses"),
        (models_pb2.Champion, Champion, {"wins": INSTRUMENT}, "no field wins"),
        (models_pb2.Champion, Champion, {"seq": Rows("seq", "seq")}, "no field seq"),
        (models_pb2.Champion, Champion, {"seq": Column(int64s)}, "columns and no count"),
        (models_pb2.Champion, TooShort, {"hits": INSTRUMENT}, "line hits does not fit"),
        (training_pb2.Trial, Trial, {}, "hyperparameters is a message and needs a line"),
        (orders_pb2.LabelerFrontier, Frontier, {"place": Within(Frontier)}, "line place does not fit"),
        (struct_pb2.Struct, WithMap, {}, "fields is a map"),
        (struct_pb2.Struct, WithMap, {"fields": Converted(dict, dict)}, "fields is a map"),
    ],
)
def test_a_table_that_leaves_a_field_out_is_never_made(
    message: Any, value: Any, lines: dict[str, Line], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        MessageTable(message, value, lines)


def test_what_is_compiled_reads_as_if_written_by_hand() -> None:
    hyperparameters = MessageTable(models_pb2.Hyperparameters, Hyperparameters)
    assert MessageTable(models_pb2.Champion, Champion, {"seq": Converted(abs)}).source == (
        "def to_wire(value):\n"
        "    message = Champion_2(seq=value.seq, flagged=value.flagged, hits=value.hits)\n"
        "    return message\n"
        "def encode(value):\n"
        "    message = Champion_2(seq=value.seq, flagged=value.flagged, hits=value.hits)\n"
        "    return message.SerializeToString()\n"
        "def from_wire(message):\n"
        "    seq_ = abs_0(message.seq)\n"
        "    return Champion_1(seq_, message.flagged, message.hits)\n"
        "def decode(payload):\n"
        "    message = parse_3(Champion_2, payload)\n"
        "    seq_ = abs_0(message.seq)\n"
        "    return Champion_1(seq_, message.flagged, message.hits)"
    )
    trial = MessageTable(training_pb2.Trial, Trial, {"hyperparameters": Nested(hyperparameters)})
    value = Trial(1, 2, 0.5, True, 0.25, 0.75, 1.5, Hyperparameters(True, 0.0, 0.1, 2.0, 0.0, 32, 3))
    assert trial.from_wire(trial.to_wire(value)) == trial.decode(trial.encode(value)) == value


def test_a_record_is_refused_in_the_order_of_the_lines() -> None:
    def refuse(number: int) -> int:
        raise InvalidRecordError(DeadLetterReason.MALFORMED, f"refused {number}")

    for first, then in (("seq", "hits"), ("hits", "seq")):
        table = MessageTable(models_pb2.Champion, Champion, {first: Converted(refuse), then: enum(Side)})
        with pytest.raises(InvalidRecordError, match="refused"):
            table.decode(b"")
        table = MessageTable(models_pb2.Champion, Champion, {first: enum(Side), then: Converted(refuse)})
        with pytest.raises(InvalidRecordError, match="0 is not a valid Side"):
            table.decode(b"")


def test_what_is_not_set_stands_for_one_member_where_the_table_says_so() -> None:
    kind = enum(Side, absent=Side.OFFER).from_wire
    assert [kind(number) for number in (0, 1, 2)] == [Side.OFFER, Side.BID, Side.OFFER]
    with pytest.raises(InvalidRecordError, match="3 is not a valid Side"):
        kind(3)
