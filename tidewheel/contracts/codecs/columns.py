"""Packed little-endian columns, and the one way to parse a message."""

from functools import lru_cache
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message
from numpy.typing import NDArray

from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.market import NO_FLAGS, NO_INT64, Int64, check_instrument

M = TypeVar("M", bound=Message)
INSTRUMENTS_KNOWN_MAX = 1_024  # ids that are not looked at again


def parse(message: type[M], payload: bytes | None) -> M:
    """The message in a record's value. Raises InvalidRecordError."""
    try:
        return message.FromString(payload or b"")
    except DecodeError as failure:
        raise InvalidRecordError(DeadLetterReason.UNDECODABLE, f"no {message.DESCRIPTOR.name}: {failure}") from None


@lru_cache(maxsize=INSTRUMENTS_KNOWN_MAX)
def checked_instrument(text: str) -> str:
    """A valid instrument id. Raises InvalidRecordError; an empty message, which parses as anything, ends here."""
    try:
        return check_instrument(text)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.UNKNOWN_INSTRUMENT, str(failure)) from None


def int64s(packed: bytes, count: int, name: str) -> Int64:
    """A column of exactly `count` values; the array is read-only and shares the bytes."""
    if len(packed) != 8 * count:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, f"column {name} has {len(packed)} bytes for {count} values of 8"
        )
    return np.frombuffer(packed, dtype="<i8") if count else NO_INT64


def optional_int64s(packed: bytes, count: int, name: str) -> Int64:
    """A column that may be absent as a whole."""
    return int64s(packed, count, name) if packed else NO_INT64


def optional_flags(packed: bytes, count: int, name: str) -> NDArray[np.uint16]:
    """A column of uint16 that may be absent as a whole."""
    if not packed:
        return NO_FLAGS
    if len(packed) != 2 * count:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, f"column {name} has {len(packed)} bytes for {count} values of 2"
        )
    return np.frombuffer(packed, dtype="<u2")


def int64_rows(message: Message, names: tuple[str, ...]) -> Int64:
    """Columns of a message, all as long as the first, as the rows of an array."""
    count = len(getattr(message, names[0])) // 8
    return np.stack([int64s(getattr(message, name), count, name) for name in names])


def float64s(packed: bytes) -> NDArray[np.float64]:
    """A column of any length."""
    if len(packed) % 8:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"a column of float64 has {len(packed)} bytes")
    return np.frombuffer(packed, dtype="<f8")


def packed_float64s(column: NDArray[np.float64]) -> bytes:
    """A column of float64 as it travels."""
    return column.astype("<f8").tobytes()


def packed(column: NDArray[np.int64] | NDArray[np.uint16]) -> bytes:
    """A column as it travels: little-endian whatever the machine."""
    return column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes()
