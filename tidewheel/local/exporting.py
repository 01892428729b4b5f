"""Topics as files: Parquet for programs, CSV and JSON lines for people.

Bounded memory: a batch of records becomes a batch of rows in a file of its instrument; the files are put together, in
order of instrument, at the end. A file appears under its name only when it is whole.
"""

import json
import math
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from confluent_kafka import KafkaException, Message

from tidewheel.contracts.continuity import CHECKERS, TopicOrder
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.tables import TABLE_VIEWS, ColumnType, TableView
from tidewheel.contracts.topics import LABELER_STATE
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.prices import decimal_text
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError

BATCH_RECORDS = 2_000
# A market second may hold hundreds of quotes, so rows are bounded too.
BATCH_ROWS = 200_000
PRICE_SUFFIX = "_e9"
SUFFIXES = (".parquet", ".csv", ".jsonl")
EXPORTED_FILES = (
    *((name, ".parquet") for name in TABLE_VIEWS if name != LABELER_STATE.name),
    ("transactions", ".csv"),
    ("bars", ".csv"),
)
ARROW_TYPES = {
    ColumnType.INT: pa.int64(),
    ColumnType.PRICE: pa.int64(),
    ColumnType.FLOAT: pa.float64(),
    ColumnType.BOOL: pa.bool_(),
    ColumnType.TEXT: pa.string(),
    ColumnType.BYTES: pa.binary(),
    ColumnType.FLOATS: pa.list_(pa.float32()),
}


@dataclass(slots=True)
class ExportResult:
    """What an export wrote, and what it left out: repeats, and records that their readers reject.

    `repeats_shown`: of a topic whose records are written exactly once, those that repeat others or come late; they are
    in the file. `missing`: records that by the others' numbers should be there.
    """

    rows: int = 0
    repeats: int = 0
    repeats_shown: int = 0
    missing: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def undecodable(self) -> int:
        """Records left out since they could not be decoded."""
        return self.reasons.total()


def export_all(bootstrap: Broker, folder: Path) -> dict[str, ExportResult]:
    """Every topic as Parquet, `bars` as well, transactions and bars as CSV too; file name -> what is in it.

    What was left out, what repeats and what is missing is said on standard error. Raises FatalError where Kafka
    cannot be read, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = {
        f"{name}{suffix}": export(bootstrap, TABLE_VIEWS[name], folder / f"{name}{suffix}")
        for name, suffix in EXPORTED_FILES
    }
    for name, exported in done.items():
        if name.endswith(".parquet"):
            warn_left_out(name, exported)
    return done


def export(bootstrap: Broker, view: TableView, target: Path, instrument: str | None = None) -> ExportResult:
    """Write one view to a file of a kind in SUFFIXES. Raises FatalError where Kafka cannot be read, OSError."""
    sink_type = SINKS[target.suffix]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=target.parent) as folder:
        parts: dict[str, Sink] = {}
        reading = _TopicReader(view, instrument)
        try:
            for name, records in reading.batches(read_to_end(bootstrap, view.topic.name)):
                if name not in parts:
                    parts[name] = sink_type(Path(folder) / f"{len(parts)}{target.suffix}", view)
                parts[name].write(table_of(view, records))
        except KafkaException as failure:
            words = failure.args[0].str()
            raise FatalError(f"topic {view.topic.name} could not be read from {bootstrap}: {words}") from None
        finally:
            for part in parts.values():
                part.close()
        whole = Path(folder) / f"whole{target.suffix}"
        sink_type.concatenate([parts[name].path for name in sorted(parts)], whole, view)
        whole.replace(target)
    reading.exported.rows = sum(part.rows for part in parts.values())
    return reading.exported


class _TopicReader:
    """Turns a topic's messages into batches of decoded records, each of one instrument, without repeats."""

    def __init__(self, view: TableView, instrument: str | None) -> None:
        self._view = view
        self._instrument = instrument
        self._reached: dict[str, int] = {}
        self._seen: set[Hashable] = set()
        self._order = TopicOrder(view.topic.name) if view.topic.name in CHECKERS else None
        self.exported = ExportResult()

    def batches(self, messages: Iterator[Message]) -> Iterator[tuple[str, list[Any]]]:
        buffered: dict[str, list[Any]] = {}
        rows: Counter[str] = Counter()
        for message in messages:
            try:
                record = self._view.decode(message.key(), message.value())
            except InvalidRecordError as bad:
                self.exported.reasons[bad.reason] += 1
                continue
            name = record.instrument
            if self._instrument not in (None, name):
                continue
            if self._order is not None:
                self._order.take(record)
            if self._is_repeat(name, record):
                continue
            batch = buffered.setdefault(name, [])
            batch.append(record)
            rows[name] += len(getattr(record, "quotes", ()))
            if len(batch) == BATCH_RECORDS or rows[name] > BATCH_ROWS:
                yield name, buffered.pop(name)
                rows[name] = 0
        yield from buffered.items()
        self._count_breaks()

    def _count_breaks(self) -> None:
        if self._order is None:
            return
        self.exported.missing = self._order.counts.skipped
        if self._view.position is None:
            self.exported.repeats_shown = self._order.counts.repeated

    def _is_repeat(self, name: str, record: Any) -> bool:
        repeat = False
        if self._view.position is not None:
            position = self._view.position(record)
            repeat = position <= self._reached.get(name, -1)
            self._reached[name] = max(position, self._reached.get(name, -1))
        if self._view.identity is not None:
            identity = self._view.identity(record)
            repeat = identity in self._seen
            self._seen.add(identity)
        self.exported.repeats += repeat
        return repeat


def table_of(view: TableView, records: Sequence[Any]) -> pa.Table:
    """A batch of records as an Arrow table; of no records, an empty table with the same columns."""
    columns = view.columns(records)
    return pa.table({name: _array(column_type, columns[name]) for name, column_type in view.schema.items()})


def json_rows(view: TableView, table: pa.Table, more: Mapping[str, object] | None = None) -> Iterator[str]:
    """A JSON object a row, values as in Parquet; bytes in hex, or as text with escapes where they are mostly that.
    `more`: beside the columns, in each."""
    plain = {name: _for_json(column_type, table[name]) for name, column_type in view.schema.items()}
    for values in zip(*plain.values(), strict=True):
        yield json.dumps({**dict(zip(plain, values, strict=True)), **(more or {})})


def _for_json(column_type: ColumnType, column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if column_type is ColumnType.BYTES:
        return [None if value is None else bytes_text(value) for value in values]
    if column_type is ColumnType.FLOAT:
        return [None if value is None or not math.isfinite(value) else value for value in values]
    return values


def bytes_text(value: bytes) -> str:
    """Bytes for people: the text they are, else in hex."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def _array(column_type: ColumnType, column: Any) -> pa.Array:
    if column_type is ColumnType.FLOATS:
        values = pa.array(np.ascontiguousarray(column).reshape(-1), pa.float32())
        offsets = pa.array(np.arange(0, len(values) + 1, FEATURE_COUNT, dtype=np.int32))
        return pa.ListArray.from_arrays(offsets, values)
    if column_type is ColumnType.TEXT and isinstance(column, np.ndarray):
        column = column.tolist()
    return pa.array(column, ARROW_TYPES[column_type])


class Sink(Protocol):
    """A file of one instrument's rows, and how such files become one."""

    path: Path
    rows: int

    def __init__(self, path: Path, view: TableView) -> None: ...
    def write(self, table: pa.Table) -> None: ...
    def close(self) -> None: ...
    @staticmethod
    def concatenate(parts: list[Path], whole: Path, view: TableView) -> None: ...


class ParquetSink:
    """Values as they are, prices in 1e-9 units."""

    def __init__(self, path: Path, view: TableView) -> None:
        self.path = path
        self.rows = 0
        self._writer = self._opened(path, view)

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)
        self.rows += table.num_rows

    def close(self) -> None:
        self._writer.close()

    @classmethod
    def concatenate(cls, parts: list[Path], whole: Path, view: TableView) -> None:
        if len(parts) == 1:
            parts[0].replace(whole)
            return
        with cls._opened(whole, view) as writer:
            for part in parts:
                source = pq.ParquetFile(part)
                for group in range(source.num_row_groups):
                    writer.write_table(source.read_row_group(group))

    @staticmethod
    def _opened(path: Path, view: TableView) -> pq.ParquetWriter:
        # Features hardly repeat, so a dictionary of them would be work for nothing.
        words = [name for name, column_type in view.schema.items() if column_type is not ColumnType.FLOATS]
        return pq.ParquetWriter(
            path, table_of(view, []).schema, compression="zstd", compression_level=1, use_dictionary=words
        )


class _TextSink:
    """Text, one line a row."""

    def __init__(self, path: Path, view: TableView) -> None:
        self.path = path
        self.rows = 0
        self._view = view
        self._file = path.open("wb")

    def close(self) -> None:
        self._file.close()

    @classmethod
    def concatenate(cls, parts: list[Path], whole: Path, view: TableView) -> None:
        with whole.open("wb") as out:
            out.write(cls.header(view))
            for part in parts:
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out)

    @staticmethod
    def header(_view: TableView) -> bytes:
        return b""


class CsvSink(_TextSink):
    """For people: prices as decimals, their columns without `_e9`; what is missing is empty."""

    def write(self, table: pa.Table) -> None:
        columns = [_cells(column_type, table[name]) for name, column_type in self._view.schema.items()]
        lines = pc.binary_join_element_wise(*columns, ",", null_handling="replace", null_replacement="")
        self._file.write(("\n".join(lines.to_pylist()) + "\n").encode() if len(lines) else b"")
        self.rows += table.num_rows

    @staticmethod
    def header(view: TableView) -> bytes:
        return ",".join(name.removesuffix(PRICE_SUFFIX) for name in view.schema).encode() + b"\n"


class JsonlSink(_TextSink):
    """One JSON object a row."""

    def write(self, table: pa.Table) -> None:
        for line in json_rows(self._view, table):
            self._file.write(line.encode() + b"\n")
        self.rows += table.num_rows


def _cells(column_type: ColumnType, column: pa.ChunkedArray) -> pa.Array:
    """A column as the text of CSV cells."""
    if column_type is ColumnType.PRICE:
        return _by_value(column, decimal_text)
    if column_type is ColumnType.FLOATS:
        return pa.array([" ".join(map(repr, row)) for row in column.to_pylist()], pa.string())
    if column_type is ColumnType.BYTES:
        column = pa.array([None if value is None else bytes_text(value) for value in column.to_pylist()], pa.string())
    if column_type in (ColumnType.TEXT, ColumnType.BYTES):
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
        return pc.if_else(pc.match_substring_regex(column, '[",\r\n]'), quoted, column)
    return pc.cast(column, pa.string())


def _by_value(column: pa.ChunkedArray, text: Callable[[int], str]) -> pa.Array:
    """Each value's text, made once; prices repeat."""
    coded = pc.dictionary_encode(column.combine_chunks())
    texts = pa.array([text(value) for value in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices)


SINKS: dict[str, type[Sink]] = {".parquet": ParquetSink, ".csv": CsvSink, ".jsonl": JsonlSink}


def warn_left_out(name: str, exported: ExportResult) -> None:
    """What is not in the file, or should not be there, on standard error; none of that is a secret."""
    if count := exported.repeats:
        sys.stderr.write(f"{name}: {count} records repeat others and were left out\n")
    if count := exported.repeats_shown:
        sys.stderr.write(f"{name}: {count} records repeat others or come late, and should not; they are in the file\n")
    if count := exported.missing:
        sys.stderr.write(f"{name}: {count} records are missing, by the numbers of those that are there\n")
    if count := exported.undecodable:
        reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(exported.reasons.items()))
        sys.stderr.write(f"{name}: {count} records could not be decoded and were left out ({reasons})\n")
