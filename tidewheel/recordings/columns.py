"""Whole columns of text into numbers. No parser of a library sees a field before its length and letters are checked."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import E9, INT64_MAX
from tidewheel.recordings.layout import NumberTime, TextTime
from tidewheel.recordings.quotes import NO_SIZE
from tidewheel.recordings.text_times import text_times

Mask = NDArray[np.bool_]
# What a library's parser of numbers may be given: digits and one point, at most so many characters.
NUMBER_CHARS_MAX = 28
WHOLE_CHARS_MAX = 18
# With so few characters a number has at most nine decimals.
SHORT_CHARS = 10
# Below this, two numbers of nine decimals are never the same double, so the nearest one is the one meant.
FLOAT_EXACT_BELOW = 2_097_152.0
PRICE_TYPE = pa.decimal128(38, 9)
PLACEHOLDER = "1"
POINT = ord(".")


@dataclass(frozen=True)
class TextColumn:
    """A column of texts as Arrow holds it: all bytes in one run, and where each field begins."""

    array: pa.Array

    def __len__(self) -> int:
        return len(self.array)

    @cached_property
    def offsets(self) -> NDArray[np.int32]:
        start = self.array.offset
        return np.frombuffer(self.array.buffers()[1], np.int32)[start : start + len(self.array) + 1]

    @cached_property
    def data(self) -> NDArray[np.uint8]:
        buffer = self.array.buffers()[2]
        return np.frombuffer(buffer, np.uint8) if buffer is not None else np.empty(0, dtype=np.uint8)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        return np.diff(self.offsets)

    @cached_property
    def own_bytes(self) -> NDArray[np.uint8]:
        """The bytes of these rows alone."""
        return self.data[self.offsets[0] : self.offsets[-1]]

    @cached_property
    def not_plain(self) -> Mask | None:
        """Rows with a character that is no digit and no point; None where there is none."""
        # In the order of ASCII, a slash lies between the point and the digits.
        shifted = self.own_bytes - np.uint8(POINT)
        plain = shifted <= ord("9") - POINT
        plain &= shifted != ord("/") - POINT
        if plain.all():
            return None
        rows = np.zeros(len(self), dtype=np.bool_)
        rows[self.rows_of(np.flatnonzero(~plain))] = True
        return rows

    def rows_of(self, positions: Int64) -> Int64:
        """The rows that bytes at these positions of `own_bytes` belong to."""
        found = np.searchsorted(self.offsets, positions + self.offsets[0], side="right") - 1
        return np.asarray(found, dtype=np.int64)

    def all_equal(self, value: bytes) -> bool:
        """Whether every row holds just this."""
        return bool((self.lengths == len(value)).all()) and self.own_bytes.tobytes() == value * len(self)

    def equal_to(self, value: bytes) -> Mask:
        """Which rows hold just this."""
        same = self.lengths == len(value)
        if same.all() and value:
            return np.asarray((self.own_bytes.reshape(-1, len(value)) == np.frombuffer(value, np.uint8)).all(axis=1))
        rows = np.flatnonzero(same)
        if value:
            table = self.data[self.offsets[rows][:, None] + np.arange(len(value))]
            same[rows] = (table == np.frombuffer(value, np.uint8)).all(axis=1)
        return np.asarray(same)

    def without(self, rows: Mask) -> pa.Array:
        """The column as strings, a number in place of each of these rows."""
        if not rows.any():
            # Of nothing but digits and points, so it is text for sure.
            buffers = self.array.buffers()
            return pa.StringArray.from_buffers(len(self), buffers[1], buffers[2], offset=self.array.offset)
        return pc.if_else(pa.array(rows), pa.scalar(PLACEHOLDER.encode(), self.array.type), self.array).cast(
            pa.string()
        )


def prices_e9(column: TextColumn, scale: int) -> tuple[Int64, Mask] | None:
    """Numbers in 1e-9 units, and which rows must be looked at by themselves. None where they cannot be told apart."""
    irregular = (column.lengths == 0) | (column.lengths > NUMBER_CHARS_MAX)
    if column.not_plain is not None:
        irregular |= column.not_plain
    return _e9(column, irregular) if scale == 0 else _whole(column, irregular, 10 ** (9 + scale))


def sizes_e9(column: TextColumn, scale: int) -> tuple[Int64, Mask] | None:
    """As of prices; an empty field is a missing size."""
    empty = column.lengths == 0
    irregular = column.lengths > NUMBER_CHARS_MAX
    if column.not_plain is not None:
        irregular |= column.not_plain
    read = _e9(column, irregular | empty) if scale == 0 else _whole(column, irregular | empty, 10 ** (9 + scale))
    if read is None:
        return None
    values, left = read
    values[empty] = NO_SIZE
    return values, left & ~empty


def times_ns(column: TextColumn, clock: NumberTime | TextTime) -> tuple[Int64, Mask] | None:
    """Instants, and which rows must be looked at by themselves."""
    if isinstance(clock, TextTime):
        return text_times(column.data, column.offsets, clock)
    irregular = column.lengths == 0
    if column.not_plain is not None:
        irregular |= column.not_plain
    if clock.fractions and clock.unit == "s":
        return _e9(column, irregular | (column.lengths > NUMBER_CHARS_MAX))
    return _whole(column, irregular, clock.unit_ns)


def _whole(column: TextColumn, irregular: Mask, unit: int) -> tuple[Int64, Mask] | None:
    irregular = irregular | (column.lengths > WHOLE_CHARS_MAX)
    points = np.flatnonzero(column.own_bytes == POINT)
    if len(points):
        irregular[column.rows_of(points)] = True
    try:
        values = column.without(irregular).cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    beyond = values > INT64_MAX // unit
    if beyond.any():
        irregular |= beyond
        values = np.where(beyond, 0, values)
    return values * unit, irregular


def _e9(column: TextColumn, irregular: Mask) -> tuple[Int64, Mask] | None:
    try:
        if column.lengths.max(initial=0) <= SHORT_CHARS:
            values = column.without(irregular).cast(pa.float64()).to_numpy(zero_copy_only=False)
            if values.max(initial=0.0) < FLOAT_EXACT_BELOW:
                return np.rint(values * E9).astype(np.int64), irregular
        return _exact_e9(column, irregular)
    except pa.ArrowInvalid:
        return None


def _exact_e9(column: TextColumn, irregular: Mask) -> tuple[Int64, Mask] | None:
    texts = column.without(irregular)
    try:
        values = e9_of(texts.cast(PRICE_TYPE))
    except pa.ArrowInvalid:
        # Rows of more decimals than are kept; or of two points, which raises again.
        points = np.flatnonzero(column.own_bytes == POINT)
        rows = column.rows_of(points)
        decimals = column.offsets[rows + 1] - column.offsets[0] - points - 1
        irregular = irregular.copy()
        irregular[rows[decimals > 9]] = True
        values = e9_of(column.without(irregular).cast(PRICE_TYPE))
    return None if values is None else (values, irregular)


def e9_of(decimals: pa.Array) -> Int64 | None:
    """The values of a decimal128(_, 9) array in 1e-9 units, 0 where null; None where one does not fit in 64 bits."""
    buffer = decimals.buffers()[1]
    words = np.frombuffer(buffer, dtype="<i8")[2 * decimals.offset : 2 * (decimals.offset + len(decimals))]
    values = words[0::2].astype(np.int64)
    high = words[1::2]
    if decimals.null_count:
        null = decimals.is_null().to_numpy(zero_copy_only=False)
        values[null] = 0
        high = np.where(null, 0, high)
    # A decimal128 is two words; the upper one must be only the lower one's sign.
    return values if np.array_equal(high, values >> 63) else None
