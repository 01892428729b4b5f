"""Rows of features as people give them: one row in several forms, many in a CSV or Parquet file."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.features import FEATURE_COUNT, FEATURE_NAMES

NPY = b"\x93NUMPY"
FLOAT32_MAX = float(np.finfo(np.float32).max)
# Far more than 605 numbers in any form; what is longer is no row.
FEATURES_BYTES_MAX = 1_000_000
# The column of exported examples and predictions that holds a row's features.
FEATURES_COLUMN = "features"
CSV_FIELD_BYTES_MAX = 1_000_000


def parse_features(content: bytes) -> NDArray[np.float32]:
    """The numbers in a JSON list, a CSV line or an .npy array. Raises ValueError in words for people."""
    if content.startswith(NPY):
        return _parse_npy(content)
    try:
        text = content.decode().strip()
        numbers = json.loads(text) if text.startswith("[") else [float(number) for number in text.split(",")]
    except ValueError:
        raise ValueError("must be one row of numbers: a JSON list, one CSV line or an .npy array") from None
    if any(type(number) not in (int, float) for number in numbers):
        raise ValueError("holds something that is no number")
    return _as_row(numbers)


def _parse_npy(content: bytes) -> NDArray[np.float32]:
    try:
        numbers = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError):
        raise ValueError("is an .npy file that holds no array of numbers") from None
    if numbers.dtype.kind not in "fiu" or numbers.ndim not in (1, 2) or (numbers.ndim == 2 and len(numbers) != 1):
        raise ValueError(f"holds an array of {numbers.dtype} with the shape {numbers.shape}; one row is wanted")
    return _as_row(numbers.reshape(-1).tolist())


def _as_row(numbers: list[int | float]) -> NDArray[np.float32]:
    if not all(abs(number) <= FLOAT32_MAX for number in numbers):
        raise ValueError("holds a number that is not finite, or too large for a float32")
    return np.array(numbers, dtype=np.float32)


def read_row(path: Path) -> NDArray[np.float32]:
    """The one row of a file, or of standard input for `-`. Raises ValueError in words for people, OSError."""
    with click.open_file(str(path), "rb") as file:
        content = file.read(FEATURES_BYTES_MAX + 1)
    if len(content) > FEATURES_BYTES_MAX:
        raise ValueError("is too long for one row of numbers")
    return parse_features(content)


def read_batches(path: Path, rows_each: int) -> Iterator[NDArray[np.float32]]:
    """The rows of a .csv or .parquet file in batches of shape (n, 605): a column `features` as `tidewheel export`
    writes it, or a column a feature, by name or in the order of the schema. Raises ValueError in words for people."""
    if path.suffix == ".parquet":
        yield from _parquet_batches(path, rows_each)
    elif path.suffix == ".csv":
        yield from _csv_batches(path, rows_each)
    else:
        raise ValueError("must end in .csv or .parquet")


def _parquet_batches(path: Path, rows_each: int) -> Iterator[NDArray[np.float32]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if FEATURES_COLUMN in file.schema_arrow.names:
            for batch in file.iter_batches(rows_each, columns=[FEATURES_COLUMN]):
                column = batch.column(0)
                yield _as_rows(column.flatten().to_numpy(zero_copy_only=False), len(column))
            return
        missing = [name for name in FEATURE_NAMES if name not in file.schema_arrow.names]
        if missing:
            raise ValueError(f"has neither a column features nor one named {missing[0]}")
        for batch in file.iter_batches(rows_each, columns=list(FEATURE_NAMES)):
            columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in FEATURE_NAMES]
            yield _as_rows(np.column_stack(columns).reshape(-1), len(batch))
    except pa.ArrowException as failure:
        raise ValueError(f"is no Parquet file that can be read: {failure}") from None


def _csv_batches(path: Path, rows_each: int) -> Iterator[NDArray[np.float32]]:
    csv.field_size_limit(CSV_FIELD_BYTES_MAX)
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        first = next(lines, None)
        if first is None:
            return
        places = _places(first)
        waiting = [] if places is not None else [first]
        for line in lines:
            waiting.append(line)
            if len(waiting) >= rows_each:
                yield _csv_rows(waiting, places, lines.line_num)
                waiting = []
        if waiting:
            yield _csv_rows(waiting, places, lines.line_num)


def _places(head: list[str]) -> list[int] | None:
    """Where the features stand, by the header's names; None where the first line is a row already."""
    if FEATURES_COLUMN in head:
        return [head.index(FEATURES_COLUMN)]
    if set(FEATURE_NAMES) <= set(head):
        return [head.index(name) for name in FEATURE_NAMES]
    return None


def _csv_rows(lines: list[list[str]], places: list[int] | None, line: int) -> NDArray[np.float32]:
    try:
        chosen = lines if places is None else [[cells[place] for place in places] for cells in lines]
        words = [cells[0].split() if len(cells) == 1 else cells for cells in chosen]
        numbers = [float(word) for row in words for word in row]
    except (ValueError, IndexError):
        raise ValueError(f"up to line {line}: holds something that is no row of numbers") from None
    return _as_rows(np.array(numbers), len(lines))


def _as_rows(numbers: NDArray[Any], count: int) -> NDArray[np.float32]:
    if len(numbers) != count * FEATURE_COUNT:
        raise ValueError(f"has {len(numbers):,} numbers in {count:,} rows; a row has {FEATURE_COUNT}")
    if not (np.abs(numbers) <= FLOAT32_MAX).all():
        raise ValueError("holds a number that is not finite, or too large for a float32")
    return numbers.reshape(count, FEATURE_COUNT).astype(np.float32)
