"""Rows put in order of time by an external merge sort: memory is bounded, what does not fit lies on disk meanwhile.

Rows of one instant stay in the order they were read in. A row that is no quote keeps its place behind the row that was
read before it.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Int64
from tidewheel.recordings.merging import EARLIEST, FILE_SHIFT, NO_ROWS, interleaved, part
from tidewheel.recordings.quotes import NO_SIZE, Fault, RawBatch, SourceError
from tidewheel.recordings.validator import fault_of, usable_rows

RUN_ROWS = 1_000_000
BLOCK_ROWS_MIN = 1_024
BATCH_ROWS = 32_768
LATEST = int(np.iinfo(np.int64).max)
Rows = NDArray[np.void]
NO_FAULT = NO_INSTRUMENT = -1
FIELDS = (
    "key",
    "place",
    "time_ns",
    "bid_e9",
    "offer_e9",
    "bid_size_e9",
    "offer_size_e9",
    "parse_flags",
    "instrument",
    "fault",
)
ROW = np.dtype([(name, "<i8") for name in FIELDS])
RAW_BYTES_MAX = 4_096


def sorted_batches(files: Iterable[tuple[int, Iterable[RawBatch]]]) -> Iterator[RawBatch]:
    """All rows of all files, given with their numbers, in order of time. While it reads it yields batches without rows,
    so that whoever waits sees that it goes on. Raises SourceError."""
    try:
        with tempfile.TemporaryFile(prefix="tidewheel-sort-") as stored, tempfile.TemporaryFile() as faults:
            runs = _Runs(stored, faults)
            for number, batches in files:
                for batch in batches:
                    runs.add(batch, number)
                    yield replace(NO_ROWS, left_out=batch.left_out)
            yield from runs.merged()
    except OSError as failure:
        raise SourceError(f"rows cannot be sorted in {tempfile.gettempdir()}: {failure.strerror or failure}") from None


@dataclass(slots=True)
class _Run:
    """Sorted rows in the file, of which some are read."""

    start: int
    left: int
    rows: Rows


class _Runs:
    """Takes rows, sorts as many as memory is meant to hold, and merges what came of it."""

    def __init__(self, stored: IO[bytes], faults: IO[bytes]) -> None:
        self._stored, self._faults = stored, faults
        self._waiting: list[Rows] = []
        self._count = 0
        self._latest = EARLIEST
        self._runs: list[_Run] = []
        self._end = 0

    def add(self, batch: RawBatch, number: int) -> None:
        """Rows of a file by its number."""
        if not len(batch):
            return
        rows = np.empty(len(batch), dtype=ROW)
        for name in FIELDS[1:-3]:
            column = getattr(batch, name)
            rows[name] = column if len(column) else NO_SIZE
        rows["place"] += number << FILE_SHIFT
        rows["parse_flags"] = batch.parse_flags if len(batch.parse_flags) else 0
        rows["instrument"] = batch.instrument if len(batch.instrument) else NO_INSTRUMENT
        usable = usable_rows(batch)
        rows["key"] = self._keys(batch.time_ns, usable)
        rows["fault"] = NO_FAULT
        for row in np.flatnonzero(~usable).tolist():
            rows["fault"][row] = self._store_fault(batch, row)
        self._waiting.append(rows)
        self._count += len(rows)
        if self._count >= RUN_ROWS:
            self._write_run()

    def _keys(self, times: Int64, usable: NDArray[np.bool_]) -> Int64:
        """A quote's time; of another row, that of the quote before it."""
        before = np.maximum.accumulate(np.where(usable, np.arange(len(times)), -1))
        keys = np.where(before >= 0, times[before], self._latest)
        self._latest = int(keys[-1])
        return keys

    def _store_fault(self, batch: RawBatch, row: int) -> int:
        fault = batch.faults.get(row) or fault_of(int(batch.bid_e9[row]), int(batch.offer_e9[row]))
        at = self._faults.seek(0, 2)
        raw = batch.raw(row)[:RAW_BYTES_MAX].decode("latin-1")
        self._faults.write(json.dumps([fault.reason, fault.detail, raw]).encode() + b"\n")
        return at

    def _sorted(self) -> Rows:
        rows = np.concatenate(self._waiting)
        self._waiting, self._count = [], 0
        return rows[rows["key"].argsort(kind="stable")]

    def _write_run(self) -> None:
        rows = self._sorted()
        self._stored.seek(self._end)
        self._stored.write(rows.tobytes())
        self._runs.append(_Run(self._end, len(rows), rows[:0]))
        self._end += rows.nbytes

    def merged(self) -> Iterator[RawBatch]:
        """All rows in order."""
        if self._count:
            last = self._sorted()
            self._runs.append(_Run(0, 0, last))
        block_rows = max(BLOCK_ROWS_MIN, RUN_ROWS // (4 * max(1, len(self._runs))))
        while runs := [run for run in self._runs if self._filled(run, block_rows)]:
            # Rows up to where the first run's part in memory ends; of one that ends in memory, none is missing.
            bound, first = min(((int(r.rows["key"][-1]), n) for n, r in enumerate(runs) if r.left), default=(LATEST, 0))
            pieces = []
            for number, run in enumerate(runs):
                # Of the same instant, more of that run may come, which were read before those of the runs after it.
                all_of_it = number <= first or bound == LATEST
                if count := int(run.rows["key"].searchsorted(bound, side="right" if all_of_it else "left")):
                    pieces.append((self._batch(run.rows[:count]), run.rows["key"][:count]))
                    run.rows = run.rows[count:]
            whole = interleaved(pieces)
            for start in range(0, len(whole), BATCH_ROWS):
                yield part(whole, start, min(start + BATCH_ROWS, len(whole)))

    def _filled(self, run: _Run, block_rows: int) -> bool:
        """Whether it has rows left, some of them in memory."""
        if not len(run.rows) and run.left:
            count = min(block_rows, run.left)
            self._stored.seek(run.start)
            run.rows = np.frombuffer(self._stored.read(count * ROW.itemsize), dtype=ROW)
            run.start += count * ROW.itemsize
            run.left -= count
        return len(run.rows) > 0

    def _batch(self, rows: Rows) -> RawBatch:
        faults, raw = {}, {}
        for row in np.flatnonzero(rows["fault"] != NO_FAULT).tolist():
            self._faults.seek(int(rows["fault"][row]))
            reason, detail, text = json.loads(self._faults.readline())
            faults[row] = Fault(DeadLetterReason(reason), detail)
            raw[row] = text.encode("latin-1")
        columns = {name: np.ascontiguousarray(rows[name]) for name in FIELDS[1:-3]}
        for name in ("bid_size_e9", "offer_size_e9"):
            if (columns[name] == NO_SIZE).all():
                columns[name] = columns[name][:0]
        parse_flags = rows["parse_flags"].astype(np.uint8)
        instrument = np.ascontiguousarray(rows["instrument"])
        if len(rows) and instrument[0] != NO_INSTRUMENT:
            columns["instrument"] = instrument
        values = replace(NO_ROWS, **columns)  # type: ignore[arg-type]
        return replace(values, parse_flags=parse_flags, faults=faults, raw=lambda row: raw.get(row, b""))
