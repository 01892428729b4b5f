"""A recording of any layout, written as Parquet of our own columns: every quote exactly, in bounded memory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from tidewheel.domain.market import Int64
from tidewheel.recordings.account import Account
from tidewheel.recordings.quotes import NO_SIZE, RawBatch, SourceError, take_rows
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import Validator, usable_rows

PRICE = pa.decimal128(28, 9)
QUOTE_FIELDS = (
    pa.field("time_ns", pa.int64(), nullable=False),
    pa.field("bid", PRICE, nullable=False),
    pa.field("offer", PRICE, nullable=False),
)
SIZES = ("bid_size", "offer_size")
GROUP_ROWS = 1_000_000


def convert(recording: Recording, target: Path, progress: Callable[[int], None]) -> Account:
    """Write all rows that are quotes, as they are; `progress` is told how many rows have been read.

    Nothing is there under the target's name before all is written. Raises SourceError where the recording cannot be
    read, FileExistsError rather than replace a file, OSError.
    """
    account, layouts = Account(), [file.layout for file in recording.files]
    # A column that the recording has not is none of the file's either.
    schema = schema_of([name for name in SIZES if any(getattr(layout, name) for layout in layouts)])
    with _draft(target) as draft, parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
        for rows in _groups(_quotes(recording, schema, account, progress)):
            writer.write_table(rows)
        if not account.ticks:
            raise SourceError(recording.without_quote(account))
    return account


def _quotes(
    recording: Recording, schema: pa.Schema, account: Account, progress: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    validator = Validator()
    for batch in recording.batches():
        account.on_ticks(validator.ticks(batch))
        progress(account.rows)
        yield record_batch(take_rows(batch, np.flatnonzero(usable_rows(batch))), schema)


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches put together to row groups of a size that reads well."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(one) for one in waiting) >= GROUP_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)


def schema_of(sizes: Sequence[str]) -> pa.Schema:
    """The columns of a converted file."""
    return pa.schema([*QUOTE_FIELDS, *(pa.field(name, PRICE) for name in sizes)])


def record_batch(batch: RawBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Quotes as Arrow has them, with the times of their source."""
    sizes = [_sizes(getattr(batch, f"{name}_e9"), len(batch)) for name in SIZES if name in schema.names]
    columns = [pa.array(batch.time_ns), decimals(batch.bid_e9), decimals(batch.offer_e9), *sizes]
    return pa.record_batch(columns, schema=schema)


def decimals(values_e9: Int64) -> pa.Array:
    """Numbers in 1e-9 units as decimals: the same whole number, in two words."""
    words = np.column_stack((values_e9, values_e9 >> 63)).astype("<i8")
    return pa.Array.from_buffers(PRICE, len(values_e9), [None, pa.py_buffer(words.tobytes())])


def _sizes(values_e9: Int64, count: int) -> pa.Array:
    if not len(values_e9):
        return pa.nulls(count, PRICE)
    missing = values_e9 == NO_SIZE
    if not missing.any():
        return decimals(values_e9)
    return pc.if_else(pa.array(missing), pa.scalar(None, PRICE), decimals(values_e9))


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its name once the block is left in order, and never another's."""
    if target.exists():
        raise FileExistsError(target)
    with TemporaryDirectory(prefix=".convert-", dir=target.parent) as folder:
        draft = Path(folder) / target.name
        yield draft
        target.hardlink_to(draft)
