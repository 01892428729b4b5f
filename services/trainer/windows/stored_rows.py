"""Rows and samples in scratch space: what a trainer keeps of windows that are not in hand.

Rows lie in chunks, one after the other as they came. Windows that overlap share their chunks, so that nothing is copied
when one closes; a chunk's place is free when nobody holds it any more.
"""

import struct

import numpy as np

from services.trainer.dataset.rows import Index, Rows
from services.trainer.dataset.sample import Sample
from services.trainer.windows.scratch import Scratch
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES, Example

# One row, as it is packed and as numpy reads it: the columns of `Rows`, and the row's offset in the topic.
_PACKED = struct.Struct(f"<{FEATURES_BYTES}sB6q")
_COLUMNS = ("features", "label", "placed_ns", "resolved_ns", "order_id", "example_seq", "pnl_e9")
_ROW = np.dtype(
    [("features", "<f4", (FEATURE_COUNT,)), ("label", "u1"), *((name, "<i8") for name in (*_COLUMNS[2:], "offset"))]
)
ROW_BYTES = _ROW.itemsize
# 1.3 MB: what is read at once, and so is held beside the rows that are made of it.
CHUNK_ROWS = 512

_SAMPLE_ROW_BYTES = sum(column.nbytes for column in Sample.empty(1).columns())


class RefCountedSlot:
    """A slot that several hold, each of which frees it once. Shared and freed by one thread."""

    __slots__ = ("_holders", "_slot", "read", "write")

    def __init__(self, scratch: Scratch, size_bytes: int) -> None:
        self._slot = scratch.slot(size_bytes)
        self._holders = 1
        self.read, self.write = self._slot.read, self._slot.write

    def retain(self) -> None:
        """One more holds it."""
        self._holders += 1

    def free(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._slot.free()


class StoredRows:
    """The rows of a closed window: so many, of which the first stands at row number `skipped` of the first chunk."""

    def __init__(self, chunks: tuple[RefCountedSlot, ...], skipped: int, count: int) -> None:
        self._chunks = chunks
        self._skipped = skipped
        self._count = count

    def read(self, which: Index | None = None) -> Rows:
        """The rows of these numbers, which ascend; by default all."""
        places = self._skipped + (np.arange(self._count) if which is None else which)
        rows = Rows.empty(len(places))
        columns = dict(zip(_COLUMNS, rows.columns(), strict=True))
        bounds = np.searchsorted(places, np.arange(len(self._chunks) + 1) * CHUNK_ROWS)
        for number, chunk in enumerate(self._chunks):
            begin, end = bounds[number], bounds[number + 1]
            wanted = places[begin:end] - number * CHUNK_ROWS
            if len(wanted):
                first, size = int(wanted[0]), int(wanted[-1] - wanted[0]) + 1
                block = np.frombuffer(chunk.read(first * ROW_BYTES, size * ROW_BYTES), dtype=_ROW)
                for name, column in columns.items():
                    column[begin:end] = block[name] if size == len(wanted) else block[name][wanted - first]
        return rows

    def free(self) -> None:
        for chunk in self._chunks:
            chunk.free()


class OpenWindowRows:
    """The rows of a window being filled, `count` by now."""

    def __init__(self, scratch: Scratch) -> None:
        self.count = 0
        self._scratch = scratch
        self._chunks: list[RefCountedSlot] = []
        self._skipped = 0

    def put(self, example: Example, offset: int) -> None:
        """One more, whose record stands at `offset` of its partition."""
        row = self._skipped + self.count
        if row == len(self._chunks) * CHUNK_ROWS:
            self._chunks.append(RefCountedSlot(self._scratch, CHUNK_ROWS * ROW_BYTES))
        self._chunks[-1].write(
            row % CHUNK_ROWS * ROW_BYTES,
            _PACKED.pack(
                example.features,
                example.label,
                example.placed_ns,
                example.resolved_ns,
                example.order_id,
                example.example_seq,
                example.pnl_e9,
                offset,
            ),
        )
        self.count += 1

    @property
    def first_offset(self) -> int:
        """Where the record of the first row stands in its partition."""
        first = self._chunks[0].read(self._skipped * ROW_BYTES, ROW_BYTES)
        return int(np.frombuffer(first, dtype=_ROW)["offset"][0])

    def closed(self) -> StoredRows:
        """All of them, for one more who holds them."""
        for chunk in self._chunks:
            chunk.retain()
        return StoredRows(tuple(self._chunks), self._skipped, self.count)

    def forget(self, count: int) -> None:
        """The first `count` rows are of no window to come."""
        self.count -= count
        done, self._skipped = divmod(self._skipped + count, CHUNK_ROWS)
        if not self.count:
            done, self._skipped = len(self._chunks), 0
        for chunk in self._chunks[:done]:
            chunk.free()
        del self._chunks[:done]


class StoredSample:
    """A sample, held by windows that wait and by the open window that windows to come are made of."""

    def __init__(self, scratch: Scratch, sample: Sample, rows_max: int) -> None:
        """`rows_max`: of any sample, so that all have places of one size."""
        self._slot = RefCountedSlot(scratch, rows_max * _SAMPLE_ROW_BYTES)
        self._slot.write(0, b"".join(column.tobytes() for column in sample.columns()))
        self._rows = len(sample)

    def retain(self) -> None:
        """One more holds it, and frees it once."""
        self._slot.retain()

    def load(self) -> Sample:
        sample, at_bytes = Sample.empty(self._rows), 0
        data = self._slot.read(0, self._rows * _SAMPLE_ROW_BYTES)
        for column in sample.columns():
            column[:] = np.frombuffer(data, column.dtype, column.size, at_bytes).reshape(column.shape)
            at_bytes += column.nbytes
        return sample

    def free(self) -> None:
        self._slot.free()
