"""Requests as nearly all callers write them, read where they lie: the instrument, then features to the end.

protobuf copies features out of a message, and again out of its own memory; of a batch of megabytes that costs as much
as its scores. What is written otherwise, in any way that the encoding allows, is protobuf's to read. Pure.
"""

from functools import lru_cache

from tidewheel.domain.features import FEATURES_BYTES
from tidewheel.wire.v1 import predictor_pb2

HEADS_KEPT, HEAD_BYTES_MAX = 4_096, 200
BYTES_WIRE_TYPE = 2
# One byte of a length carries seven bits of it.
MORE, SEVEN_BITS = 0x80, 0x7F


def _tag(message: type[predictor_pb2.PredictRequest] | type[predictor_pb2.PredictBatchRequest], field: str) -> int:
    tag = message.DESCRIPTOR.fields_by_name[field].number << 3 | BYTES_WIRE_TYPE
    assert tag < MORE, f"{field} has a number above 15, its tag more than one byte"
    return tag


INSTRUMENT = _tag(predictor_pb2.PredictRequest, "instrument")
assert _tag(predictor_pb2.PredictBatchRequest, "instrument") == INSTRUMENT
FEATURES_OF_ONE = _tag(predictor_pb2.PredictRequest, "features_f32")
FEATURES_OF_MANY = _tag(predictor_pb2.PredictBatchRequest, "features_f32")


def parse_usual(payload: bytes, features_tag: int) -> tuple[str, int] | None:
    """The instrument, and where the features begin, which end with the request; None where it is not the usual one,
    well-formed or not."""
    try:
        if payload[0] != INSTRUMENT or (length := payload[1]) >= MORE or payload[2 + length] != features_tag:
            return None
        place, size, shift = 3 + length, 0, 0
        while (part := payload[place]) >= MORE:
            size |= (part & SEVEN_BITS) << shift
            place, shift = place + 1, shift + 7
        if place + 1 + (size | part << shift) != len(payload):
            return None
        return payload[2 : 2 + length].decode(), place + 1
    except (IndexError, UnicodeDecodeError):
        return None


def parse_usual_row(payload: bytes) -> tuple[str, bytes] | None:
    """Instrument and features of a PredictRequest with one row; None as above. What comes before the features is the
    same for all requests on an instrument, and read once."""
    head = payload[:-FEATURES_BYTES]
    if len(head) > HEAD_BYTES_MAX or (instrument := _instrument_before_row(head)) is None:
        return None
    return instrument, payload[-FEATURES_BYTES:]


@lru_cache(maxsize=HEADS_KEPT)
def _instrument_before_row(head: bytes) -> str | None:
    usual = parse_usual(head + bytes(FEATURES_BYTES), FEATURES_OF_ONE)
    return usual[0] if usual is not None and usual[1] == len(head) else None
