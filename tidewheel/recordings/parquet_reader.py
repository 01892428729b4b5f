"""Rows of a Parquet file as batches, with the same columns and the same exactness as CSV.

Numbers of any type: a float means the shortest decimal that reads back as it. What no fast way takes is written as
text and read as a CSV file's is.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import E9, INT64_MAX
from tidewheel.recordings.assembly import assemble
from tidewheel.recordings.columns import (
    FLOAT_EXACT_BELOW,
    PRICE_TYPE,
    e9_of,
    null_rows,
    prices_e9,
    sizes_e9,
    times_ns,
)
from tidewheel.recordings.digits import ReadColumn
from tidewheel.recordings.fields import parse_batch
from tidewheel.recordings.guessing import Sample
from tidewheel.recordings.layout import Layout, NumberTime
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import NO_SIZE, RawBatch, SourceError
from tidewheel.recordings.selection import Selection
from tidewheel.recordings.text_column import TextColumn

BATCH_ROWS = 32_768
SAMPLE_ROWS = 500
# nautilus keeps a number as the bytes of a whole one, of 1e-9 or 1e-16.
RAW_DECIMALS = {8: pa.decimal128(28, 9), 16: pa.decimal128(38, 16)}


def parquet_sample(path: Path) -> Sample:
    """The file's first rows as texts. Raises SourceError where it is not readable Parquet."""
    try:
        with _opened(path) as file:
            schema = file.schema_arrow
            rows = next(file.iter_batches(SAMPLE_ROWS), None)
            columns = [_shown_texts(column) for column in rows.columns] if rows is not None else []
            instants = frozenset(
                name for name, kind in zip(schema.names, schema.types, strict=True) if pa.types.is_timestamp(kind)
            )
            notes = tuple(
                f"{field.name} is of no zone and taken as UTC"
                for field in schema
                if pa.types.is_timestamp(field.type) and field.type.tz is None
            )
            texts = tuple(zip(*columns, strict=True))
            return Sample(str(path), tuple(schema.names), texts, instants=instants, notes=notes, first="row 1")
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise _unreadable(path, failure) from None


def _opened(path: Path) -> parquet.ParquetFile:
    # Read through a buffer as it goes on, so that a file of one large row group takes no more memory than others.
    return parquet.ParquetFile(path, pre_buffer=False, buffer_size=1024 * 1024)


def _unreadable(path: Path, failure: Exception) -> SourceError:
    if isinstance(failure, OSError) and failure.errno is not None:
        return SourceError(f"{path} cannot be read: {failure.strerror}")
    words = " ".join(str(failure).split())
    return SourceError(f"{path} cannot be read as Parquet: {words[:200]}")


def batches(path: Path, layout: Layout, selection: Selection, mark: PlaceMark = NO_MARK) -> Iterator[RawBatch]:
    """Raises SourceError where the file is not readable Parquet, or was the death of a reader before this one, after
    yielding what could be read."""
    place = 1
    try:
        with _opened(path) as file:
            batches = file.iter_batches(BATCH_ROWS, columns=list(layout.wanted))
            while True:
                if not mark.begin(where := f"{path}, row {place}"):
                    raise SourceError(
                        f"{where}: the reader of Parquet crashed here. The file is damaged, or its library is"
                    )
                rows = next(batches, None)
                parsed = None if rows is None else _parse(rows, place, layout, selection)
                mark.end()
                if rows is None or parsed is None:
                    break
                yield parsed
                place += rows.num_rows
    except (pa.ArrowException, OSError) as failure:
        raise _unreadable(path, failure) from None


def _parse(rows: pa.RecordBatch, first_place: int, layout: Layout, selection: Selection) -> RawBatch:
    chosen = selection.chosen({name: _text_column(rows.column(name)) for name in selection.columns}, first_place)
    times = _times(rows.column(layout.time), layout)
    prices = [_prices(rows.column(name), layout) for name in layout.prices]
    sizes = [_sizes(rows.column(name), layout.size_scale) for name in layout.sizes]
    return assemble(
        [times, *prices, *sizes],
        chosen,
        first_place,
        layout,
        lambda index: _line(rows.slice(index, 1)),
        lambda at: _one_by_one(rows, at, 0, layout),
    )


def _one_by_one(rows: pa.RecordBatch, at: Int64, first_place: int, layout: Layout) -> RawBatch:
    """These rows as their texts say."""
    some = rows.take(pa.Array.from_buffers(pa.int64(), len(at), [None, pa.py_buffer(at.astype(np.int64))]))
    texts: Mapping[str, list[str]] = {
        name: (_shown_texts if name == layout.time else _texts)(some.column(name)) for name in layout.wanted
    }
    fields = [dict(zip(texts, values, strict=True)) for values in zip(*texts.values(), strict=True)]
    return parse_batch(layout, fields, first_place, [",".join(row.values()).encode() for row in fields])


# ---- columns -------------------------------------------------------------------------------------------------------


def _plain(column: pa.Array) -> pa.Array:
    """The column without its wrapping: a dictionary's values, a timestamp's number of nanoseconds, a raw decimal."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("ns", column.type.tz)).cast(pa.int64())
    if pa.types.is_fixed_size_binary(column.type) and column.type.byte_width in RAW_DECIMALS:
        return _raw_decimals(column)
    return column


def _raw_decimals(column: pa.Array) -> pa.Array:
    width = column.type.byte_width
    if width == 16:
        return pa.Array.from_buffers(RAW_DECIMALS[16], len(column), column.buffers(), offset=column.offset)
    words = np.frombuffer(column.buffers()[1], "<i8")[column.offset : column.offset + len(column)]
    # The same number as two words, which is what a decimal is.
    wide = np.column_stack((words, words >> 63)).astype("<i8")
    valid = column.buffers()[0] if column.offset == 0 else None
    if valid is None and column.null_count:
        return _raw_decimals(pa.concat_arrays([column]))
    return pa.Array.from_buffers(RAW_DECIMALS[8], len(column), [valid, pa.py_buffer(wide.tobytes())])


def _texts(column: pa.Array) -> list[str]:
    return [text or "" for text in _strings(column).to_pylist()]


def _strings(column: pa.Array) -> pa.Array:
    # Arrow writes a float as the shortest decimal that reads back as the same float.
    plain = _plain(column)
    if pa.types.is_binary(plain.type) or pa.types.is_large_binary(plain.type):
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in plain.to_pylist()], pa.string())
    try:
        return plain.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # a list, a struct
        return pa.array([None if v is None else str(v) for v in plain.to_pylist()], pa.string())


def _text_column(column: pa.Array) -> TextColumn:
    strings = _strings(column)
    return TextColumn.of((strings.fill_null("") if strings.null_count else strings).cast(pa.binary()))


def _times(column: pa.Array, layout: Layout) -> ReadColumn:
    column = _plain(column)
    if pa.types.is_integer(column.type) and not column.null_count and isinstance(layout.clock, NumberTime):
        times = np.from_dlpack(column)
        unit_ns = layout.clock.unit_ns
        if not len(times) or (times.min() >= 0 and int(times.max()) <= INT64_MAX // unit_ns):
            return _plain_column(times.astype(np.int64) * unit_ns)
    if pa.types.is_floating(column.type):
        column = pa.array(_shown_texts(column), pa.string())
    return times_ns(_text_column(column), layout.clock)


def _shown_texts(column: pa.Array) -> list[str]:
    if not pa.types.is_floating(column.type):
        return _texts(column)
    return ["" if value is None else _float_text(value) for value in column.to_pylist()]


def _float_text(value: float) -> str:
    """A number's digits without an exponent."""
    return format(Decimal(repr(value)), "f") if math.isfinite(value) else repr(value)


def _prices(column: pa.Array, layout: Layout) -> ReadColumn:
    plain = _plain(column)
    values = decimals_e9(plain) if layout.scale == 0 else None
    if values is not None:
        return _plain_column(values)
    return prices_e9(_text_column(plain), layout.scale)


def decimals_e9(column: pa.Array) -> Int64 | None:
    """The column in 1e-9 units, or None where a value must be looked at by itself."""
    if column.null_count:
        return None
    if pa.types.is_float64(column.type):
        values = np.from_dlpack(column)
        # NaN and infinity fail both tests.
        if not (np.abs(values) < FLOAT_EXACT_BELOW).all():
            return None
        scaled = np.rint(values * E9)
        return scaled.astype(np.int64) if np.array_equal(scaled / E9, values) else None
    if not (pa.types.is_decimal(column.type) or pa.types.is_integer(column.type)):
        return None
    try:
        return e9_of(column.cast(PRICE_TYPE))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _sizes(column: pa.Array, scale: int) -> ReadColumn:
    plain = _plain(column)
    null = null_rows(plain)
    if null.all():
        return _plain_column(np.full(len(plain), NO_SIZE, dtype=np.int64))
    values = None
    kind = plain.type
    if scale == 0 and (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        values = decimals_e9(plain.fill_null(_zero(plain.type)) if plain.null_count else plain)
    if values is None or (values < 0).any():
        return sizes_e9(_text_column(plain), scale)
    values = values.copy()
    values[null] = NO_SIZE
    return _plain_column(values)


def _plain_column(values: Int64) -> ReadColumn:
    return ReadColumn(values, np.zeros(len(values), dtype=np.bool_))


def _zero(kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(Decimal(0) if pa.types.is_decimal(kind) else 0, kind)


def _line(row: pa.RecordBatch) -> bytes:
    return ",".join(_texts(column)[0] for column in row.columns).encode()
