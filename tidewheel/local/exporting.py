"""Topics as files: Parquet for programs, CSV and JSON lines for people.

Bounded memory: a batch of records becomes a batch of rows in a file of its instrument; the files are put together, in
order of instrument, at the end. A file appears under its name only when it is whole.
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.rows import VIEWS, View
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.prices import decimal_text
from tidewheel.runtime.kafka import read_to_end

BATCH_RECORDS = 2_000
PRICE_SUFFIX = "_e9"
SUFFIXES = (".parquet", ".csv", ".jsonl")
EVERYTHING = (
    *((name, ".parquet") for name in VIEWS),
    ("transactions", ".csv"),
    ("bars", ".csv"),
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote. `undecodable`: records left out, which their reader set aside as dead letters."""

    rows: int
    undecodable: int


def export_all(bootstrap: str, folder: Path) -> dict[str, Exported]:
    """Every topic as Parquet, `bars` as well, transactions and bars as CSV too; file name -> what is in it.

    Raises KafkaException, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {
        f"{name}{suffix}": export(bootstrap, VIEWS[name], folder / f"{name}{suffix}") for name, suffix in EVERYTHING
    }


def export(bootstrap: str, view: View, target: Path, instrument: str | None = None) -> Exported:
    """Write one view to a file of a kind in SUFFIXES. Raises KafkaException, OSError."""
    sink_type = SINKS[target.suffix]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        parts: dict[str, Sink] = {}
        reading = _Reading(view, instrument)
        for name, records in reading.batches(bootstrap):
            if name not in parts:
                parts[name] = sink_type(Path(folder) / f"{len(parts)}{target.suffix}")
            parts[name].write(table_of(view, records))
        for part in parts.values():
            part.close()
        empty = table_of(view, [])
        whole = Path(folder) / f"whole{target.suffix}"
        sink_type.put_together([parts[name].path for name in sorted(parts)], whole, empty)
        whole.replace(target)
    return Exported(reading.rows(parts), reading.undecodable)


class _Reading:
    """Reads a view's topic to its end: batches of decoded records, each of one instrument, repeats dropped."""

    def __init__(self, view: View, instrument: str | None) -> None:
        self._view = view
        self._instrument = instrument
        self._reached: dict[str, int] = {}
        self.undecodable = 0

    def batches(self, bootstrap: str) -> Iterator[tuple[str, list[Any]]]:
        waiting: dict[str, list[Any]] = {}
        for message in read_to_end(bootstrap, self._view.topic.name):
            try:
                record = self._view.decode(message.value())
            except BadRecord:
                self.undecodable += 1
                continue
            name = self._view.instrument(record)
            if self._is_wanted(name, record):
                batch = waiting.setdefault(name, [])
                batch.append(record)
                if len(batch) == BATCH_RECORDS:
                    yield name, waiting.pop(name)
        yield from waiting.items()

    def _is_wanted(self, name: str, record: Any) -> bool:
        if self._instrument is not None and name != self._instrument:
            return False
        if self._view.position is not None:
            position = self._view.position(record)
            if position <= self._reached.get(name, -1):
                return False
            self._reached[name] = position
        return True

    @staticmethod
    def rows(parts: "dict[str, Sink]") -> int:
        return sum(part.rows for part in parts.values())


def table_of(view: View, records: Sequence[Any]) -> pa.Table:
    """A batch of records as an Arrow table; of no records, an empty table with the same columns."""
    return pa.table({name: _array(name, column) for name, column in view.columns(records).items()})


INTEGER_SUFFIXES = ("_e9", "_ns", "_seq", "_id", "_count", "_epoch")
INTEGERS = frozenset(
    ("session", "seq", "second", "flags", "label", "partition", "offset", "trial", "last_seq", "tick_count")
)
FLOATS = ("objective", "precision", "recall", "threshold", "base_rate")
BOOLEANS = frozenset(("stale", "ends_session"))


def _array(name: str, column: Any) -> pa.Array:
    if name == "features":
        values = pa.array(np.ascontiguousarray(column).reshape(-1), pa.float32())
        offsets = pa.array(np.arange(0, len(values) + 1, FEATURE_COUNT, dtype=np.int32))
        return pa.ListArray.from_arrays(offsets, values)
    if name in INTEGERS or name.endswith(INTEGER_SUFFIXES):
        return pa.array(column, pa.int64())
    if name in BOOLEANS:
        return pa.array(column, pa.bool_())
    if name.endswith(FLOATS):
        return pa.array(column, pa.float64())
    return pa.array(column.tolist() if isinstance(column, np.ndarray) else column, pa.string())


class Sink(Protocol):
    """A file of one instrument's rows, and how such files become one."""

    path: Path
    rows: int

    def __init__(self, path: Path) -> None: ...
    def write(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...
    @staticmethod
    def put_together(parts: list[Path], whole: Path, empty: pa.Table) -> None: ...


class ParquetSink:
    """Values as they are, prices in 1e-9 units."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, table.schema, compression="zstd", compression_level=1)
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    @staticmethod
    def put_together(parts: list[Path], whole: Path, empty: pa.Table) -> None:
        if len(parts) == 1:
            parts[0].replace(whole)
            return
        with pq.ParquetWriter(whole, empty.schema, compression="zstd", compression_level=1) as writer:
            for part in parts:
                source = pq.ParquetFile(part)
                for group in range(source.num_row_groups):
                    writer.write_table(source.read_row_group(group))


class _TextSink:
    """Text, one line a row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._file = path.open("wb")

    def close(self) -> None:
        self._file.close()

    @classmethod
    def put_together(cls, parts: list[Path], whole: Path, empty: pa.Table) -> None:
        with whole.open("wb") as out:
            out.write(cls.header(empty))
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out)

    @staticmethod
    def header(_empty: pa.Table) -> bytes:
        return b""


class CsvSink(_TextSink):
    """For people: prices as decimals, their columns without `_e9`."""

    def write(self, table: pa.Table) -> None:
        plain = pa.table({_plain(name): _decimals(name, table[name]) for name in table.column_names})
        pyarrow.csv.write_csv(plain, self._file, pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed"))
        self.rows += table.num_rows

    @staticmethod
    def header(empty: pa.Table) -> bytes:
        return ",".join(_plain(name) for name in empty.column_names).encode() + b"\n"


class JsonlSink(_TextSink):
    """One JSON object a row, values as in Parquet."""

    def write(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            self._file.write(json.dumps(row).encode() + b"\n")
        self.rows += table.num_rows


def _plain(name: str) -> str:
    return name.removesuffix(PRICE_SUFFIX)


def _decimals(name: str, column: pa.ChunkedArray) -> pa.Array:
    if name == "features":
        return pa.array([" ".join(map(repr, row)) for row in column.to_pylist()], pa.string())
    if not name.endswith(PRICE_SUFFIX):
        return column
    values, places = np.unique(column.to_numpy(), return_inverse=True)
    texts = pa.array([decimal_text(value) for value in values.tolist()], pa.string())
    return texts.take(pa.array(places))


SINKS: dict[str, type[Sink]] = {".parquet": ParquetSink, ".csv": CsvSink, ".jsonl": JsonlSink}


def say_left_out(name: str, exported: Exported) -> None:
    """Undecodable records are no secret."""
    if exported.undecodable:
        sys.stderr.write(f"{name}: {exported.undecodable} records could not be decoded and were left out\n")
