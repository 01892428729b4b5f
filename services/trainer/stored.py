"""Rows and samples in scratch space: what a trainer keeps of windows that are not in hand."""

import struct

import numpy as np

from services.trainer.rows import Index, Rows
from services.trainer.sample import Sample
from services.trainer.scratch import Scratch
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES, Example

# One row, as it is packed and as numpy reads it: the columns of `Rows`, and the row's offset in the topic.
_PACKED = struct.Struct(f"<{FEATURES_BYTES}sB6q")
_COLUMNS = ("features", "label", "placed_ns", "resolved_ns", "order_id", "example_seq", "pnl_e9")
_ROW = np.dtype(
    [("features", "<f4", (FEATURE_COUNT,)), ("label", "u1"), *((name, "<i8") for name in (*_COLUMNS[2:], "offset"))]
)
ROW_BYTES = _ROW.itemsize
# Rows read or copied at once, so that what is held beside the result stays small: 1.3 MB.
BLOCK_ROWS = 512

_SAMPLE_ROW_BYTES = sum(column.nbytes for column in Sample.empty(1).columns())


class StoredRows:
    """Room for the rows of one window, filled from the front."""

    def __init__(self, scratch: Scratch, count: int) -> None:
        self._scratch = scratch
        self._count = count
        self._slot = scratch.slot(count * ROW_BYTES)

    def put(self, at: int, example: Example, offset: int) -> None:
        """Row number `at`, whose record stands at `offset` of its partition."""
        self._slot.write(
            at * ROW_BYTES,
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

    def read(self, which: Index | None = None) -> Rows:
        """The rows of these numbers, which ascend; all of a full window."""
        which = np.arange(self._count) if which is None else which
        rows = Rows.empty(len(which))
        columns = dict(zip(_COLUMNS, rows.columns(), strict=True))
        for begin in range(0, len(which), BLOCK_ROWS):
            places = which[begin : begin + BLOCK_ROWS]
            first, end = int(places[0]), int(places[-1]) + 1
            block = np.frombuffer(self._slot.read(first * ROW_BYTES, (end - first) * ROW_BYTES), dtype=_ROW)
            for name, column in columns.items():
                column[begin : begin + len(places)] = block[name][places - first]
        return rows

    def offset(self, at: int) -> int:
        """Where the record of row number `at` stands in its partition."""
        return int(np.frombuffer(self._slot.read(at * ROW_BYTES, ROW_BYTES), dtype=_ROW)["offset"][0])

    def continued(self, first: int) -> "StoredRows":
        """Room for as many rows, which begins with a copy of those from number `first` on."""
        result = StoredRows(self._scratch, self._count)
        for begin in range(first, self._count, BLOCK_ROWS):
            size_bytes = (min(begin + BLOCK_ROWS, self._count) - begin) * ROW_BYTES
            result._slot.write((begin - first) * ROW_BYTES, self._slot.read(begin * ROW_BYTES, size_bytes))
        return result

    def free(self) -> None:
        self._slot.free()


class StoredSample:
    """A sample that several hold, each of which frees it once: windows that wait, and the filling that windows to come
    are made from. Its place is free when the last has."""

    def __init__(self, scratch: Scratch, sample: Sample, rows_max: int) -> None:
        """`rows_max`: of any sample, so that all have places of one size."""
        self._slot = scratch.slot(rows_max * _SAMPLE_ROW_BYTES)
        self._rows = len(sample)
        self._holders = 1
        self._slot.write(0, b"".join(column.tobytes() for column in sample.columns()))

    def shared(self) -> "StoredSample":
        """The same, with one more who holds it."""
        self._holders += 1
        return self

    def load(self) -> Sample:
        sample, at_bytes = Sample.empty(self._rows), 0
        data = self._slot.read(0, self._rows * _SAMPLE_ROW_BYTES)
        for column in sample.columns():
            column[:] = np.frombuffer(data, column.dtype, column.size, at_bytes).reshape(column.shape)
            at_bytes += column.nbytes
        return sample

    def free(self) -> None:
        self._holders -= 1
        if not self._holders:
            self._slot.free()
