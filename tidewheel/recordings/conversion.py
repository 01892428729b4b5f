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
from tidewheel.recordings.accounts import Accounts
from tidewheel.recordings.dealing import each_batch
from tidewheel.recordings.quotes import NO_SIZE, RawBatch, take_rows
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import usable_rows

PRICE = pa.decimal128(28, 9)
QUOTE_FIELDS = (
    pa.field("time_ns", pa.int64(), nullable=False),
    pa.field("bid", PRICE, nullable=False),
    pa.field("offer", PRICE, nullable=False),
)
SYMBOL = "symbol"
SIZES = ("bid_size", "offer_size")
GROUP_ROWS = 1_000_000


def convert(recording: Recording, target: Path, progress: Callable[[int], None]) -> Account:
    """Write all rows that are quotes, as they are; `progress` is told how many rows have been read.

    Nothing is there under the target's name before all is written. Raises SourceError where the recording cannot be
    read, FileExistsError rather than replace a file, OSError.
    """
    with draft_of(target) as draft:
        return write(recording, draft, progress)


def write(recording: Recording, draft: Path, progress: Callable[[int], None]) -> Account:
    """The same without a care for what is there under that name. Raises SourceError, OSError."""
    accounts, layouts = Accounts(), [file.layout for file in recording.files]
    # A column that the recording has not is none of the file's either.
    sizes = [name for name in SIZES if any(getattr(layout, name) for layout in layouts)]
    schema = schema_of(sizes, symbols=recording.several)
    with parquet.ParquetWriter(draft, schema, compression="zstd") as writer:
        for rows in _groups(_quotes(recording, schema, accounts, progress)):
            writer.write_table(rows)
    recording.check_found(accounts)
    return accounts.total


def _quotes(
    recording: Recording, schema: pa.Schema, accounts: Accounts, progress: Callable[[int], None]
) -> Iterator[pa.RecordBatch]:
    for dealt in recording.dealt():
        for name, batch in each_batch(dealt):
            accounts.take(name, batch)
            progress(accounts.total.rows)
            yield record_batch(take_rows(batch, np.flatnonzero(usable_rows(batch))), schema, name)


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


def schema_of(sizes: Sequence[str], *, symbols: bool = False) -> pa.Schema:
    """The columns of a converted file; `symbols`: of several instruments."""
    symbol = [pa.field(SYMBOL, pa.string(), nullable=False)] if symbols else []
    return pa.schema([*symbol, *QUOTE_FIELDS, *(pa.field(name, PRICE) for name in sizes)])


def record_batch(batch: RawBatch, schema: pa.Schema, symbol: str = "") -> pa.RecordBatch:
    """Quotes as Arrow has them, with the times of their source. `symbol`: whose they are, where there are several."""
    sizes = [_sizes(getattr(batch, f"{name}_e9"), len(batch)) for name in SIZES if name in schema.names]
    symbols = [pa.repeat(symbol, len(batch))] if SYMBOL in schema.names else []
    columns = [*symbols, pa.array(batch.time_ns), decimals(batch.bid_e9), decimals(batch.offer_e9), *sizes]
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
def draft_of(target: Path) -> Iterator[Path]:
    """A file beside the target that takes its name once the block is left in order, and never another's. Raises
    FileExistsError, OSError."""
    if target.exists():
        raise FileExistsError(target)
    with TemporaryDirectory(prefix=".convert-", dir=target.parent) as folder:
        draft = Path(folder) / target.name
        yield draft
        target.hardlink_to(draft)
