"""Whole columns of text into numbers, each with the rows that must be looked at by themselves."""

import numpy as np
import pyarrow as pa

from tidewheel.domain.market import Int64
from tidewheel.recordings.digits import ReadColumn, scaled
from tidewheel.recordings.layout import NumberTime, TextTime
from tidewheel.recordings.quotes import NO_SIZE
from tidewheel.recordings.text_column import Mask, TextColumn
from tidewheel.recordings.text_time_column import text_times

E9_POWER = 9
UNIT_POWERS = {"s": 9, "ms": 6, "us": 3, "ns": 0}
# Below this, two numbers of nine decimals are never the same double, so the nearest one is the one meant.
FLOAT_EXACT_BELOW = 2_097_152.0
PRICE_TYPE = pa.decimal128(38, 9)


def prices_e9(column: TextColumn, scale: int) -> ReadColumn:
    """Numbers in 1e-9 units. `scale`: the power of ten that one unit of the text is."""
    return scaled(column, E9_POWER + scale)


def sizes_e9(column: TextColumn, scale: int) -> ReadColumn:
    """As of prices; an empty field is a missing size."""
    read = scaled(column, E9_POWER + scale)
    if not column.length_range[0]:
        empty = column.lengths == 0
        read.values[empty] = NO_SIZE
        read.irregular[empty] = False
    return read


def times_ns(column: TextColumn, clock: NumberTime | TextTime) -> ReadColumn:
    """Instants in nanoseconds."""
    if isinstance(clock, TextTime):
        return ReadColumn(*text_times(column, clock))
    read = scaled(column, UNIT_POWERS[clock.unit], points=clock.fractions)
    if clock.fractions:
        np.logical_or(read.irregular, column.begins_with("."), out=read.irregular)
    return read


def e9_of(decimals: pa.Array) -> Int64 | None:
    """The values of a decimal128(_, 9) array in 1e-9 units, 0 where null; None where one does not fit in 64 bits."""
    buffer = decimals.buffers()[1]
    words = np.frombuffer(buffer, dtype="<i8")[2 * decimals.offset : 2 * (decimals.offset + len(decimals))]
    values = words[0::2].astype(np.int64)
    high = words[1::2]
    if decimals.null_count:
        null = null_rows(decimals)
        values[null] = 0
        high = np.where(null, 0, high)
    # A decimal128 is two words; the upper one must be only the lower one's sign.
    return values if np.array_equal(high, values >> 63) else None


def null_rows(array: pa.Array) -> Mask:
    """Which values are missing."""
    # Without `to_numpy`, `pa.array` and `pa.scalar`, here and elsewhere: where pandas is installed they import it, and
    # that takes longer than most files.
    return np.from_dlpack(array.is_null().cast(pa.uint8())).astype(np.bool_)
