"""Rows of a Parquet file as batches, with the same columns and the same exactness as CSV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from tidewheel.domain.market import NO_INT64, Int64
from tidewheel.domain.prices import E9, INT64_MAX
from tidewheel.recordings.csv_reader import e9_of
from tidewheel.recordings.fields import PRICES, Layout, parse_batch, parse_layout
from tidewheel.recordings.quotes import NO_SIZE, RawBatch, SourceError

BATCH_ROWS = 32_768
# Below this, two numbers of nine decimals are never the same double, so the nearest one is the one meant.
FLOAT_EXACT_BELOW = 2_097_152.0


def batches(path: Path) -> Iterator[RawBatch]:
    """Raises SourceError where the file is not readable Parquet, after yielding what could be read."""
    place = 1
    try:
        with parquet.ParquetFile(path) as file:
            layout = parse_layout(file.schema_arrow.names, str(path))
            time_type = file.schema_arrow.field(layout.time).type
            if not (pa.types.is_integer(time_type) or _is_text(time_type)):
                raise SourceError(f"{path}: column {layout.time} is {time_type}; it must hold whole numbers")
            for rows in file.iter_batches(BATCH_ROWS, columns=list(layout.wanted)):
                yield _parse_columns(rows, place, layout) or _parse_rows(rows, place, layout)
                place += rows.num_rows
    except (pa.ArrowException, OSError) as failure:
        words = " ".join(str(failure).split())
        raise SourceError(f"{path} cannot be read as Parquet: {words[:200]}") from None


def _parse_columns(rows: pa.RecordBatch, first_place: int, layout: Layout) -> RawBatch | None:
    time = rows.column(layout.time)
    if not pa.types.is_integer(time.type) or time.null_count:
        return None
    prices = [decimals_e9(rows.column(name)) for name in PRICES]
    sizes = [_sizes_e9(rows.column(name)) for name in layout.sizes]
    if any(column is None for column in (*prices, *sizes)):
        return None
    times = time.to_numpy()
    if len(times) and (times.min() < 0 or int(times.max()) > INT64_MAX // layout.unit_ns):
        return None
    columns = dict(zip((*PRICES, *layout.sizes), (*prices, *sizes), strict=True))
    return RawBatch(
        place=np.arange(first_place, first_place + rows.num_rows, dtype=np.int64),
        time_ns=times.astype(np.int64) * layout.unit_ns,
        bid_e9=columns["bid"],  # type: ignore[arg-type]
        offer_e9=columns["offer"],  # type: ignore[arg-type]
        bid_size_e9=columns.get("bid_size", NO_INT64),  # type: ignore[arg-type]
        offer_size_e9=columns.get("offer_size", NO_INT64),  # type: ignore[arg-type]
        raw=lambda index: _text(rows.slice(index, 1)),
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def decimals_e9(column: pa.Array) -> Int64 | None:
    """The column in 1e-9 units, or None where a value must be looked at by itself."""
    if column.null_count:
        return None
    if pa.types.is_float64(column.type):
        values = column.to_numpy()
        # NaN and infinity fail both tests.
        if not (np.abs(values) < FLOAT_EXACT_BELOW).all():
            return None
        scaled = np.rint(values * E9)
        return scaled.astype(np.int64) if np.array_equal(scaled / E9, values) else None
    if not (pa.types.is_decimal(column.type) or pa.types.is_integer(column.type) or _is_text(column.type)):
        return None
    try:
        return e9_of(column.cast(pa.decimal128(38, 9)))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _sizes_e9(column: pa.Array) -> Int64 | None:
    null = column.is_null().to_numpy(zero_copy_only=False)
    if null.all():
        return np.full(len(column), NO_SIZE, dtype=np.int64)
    if null.any():
        column = column.fill_null("0" if _is_text(column.type) else 0)
    values = decimals_e9(column)
    if values is None or (values < 0).any():
        return None
    values[null] = NO_SIZE
    return values


def _parse_rows(rows: pa.RecordBatch, first_place: int, layout: Layout) -> RawBatch:
    # Arrow writes a float as the shortest decimal that reads back as the same float.
    texts = {name: [text or "" for text in rows.column(name).cast(pa.string()).to_pylist()] for name in layout.wanted}
    fields = [dict(zip(texts, values, strict=True)) for values in zip(*texts.values(), strict=True)]
    return parse_batch(layout, fields, first_place, [",".join(row.values()).encode() for row in fields])


def _text(row: pa.RecordBatch) -> bytes:
    return ",".join("" if v is None else str(v) for v in row.to_pylist()[0].values()).encode()
