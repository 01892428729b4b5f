"""Several streams of batches in order of time as one, in bounded memory: files that begin later are opened later."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from tidewheel.domain.market import Int64, no_int64
from tidewheel.recordings.quotes import OPTIONAL_COLUMNS, ROW_COLUMNS, RawBatch, SourceError
from tidewheel.recordings.validator import usable_rows

# Of several files, a row's place is its line plus its file's number, from 1, times two to this.
FILE_SHIFT = 40
# Files that may be read at once: each takes a few megabytes.
OPEN_MAX = 64
EARLIEST = int(np.iinfo(np.int64).min)
NO_ROWS = RawBatch(no_int64(), no_int64(), no_int64(), no_int64())
FILLERS = {"flags": 0, "parse_flags": 0, "instrument": 0, **dict(OPTIONAL_COLUMNS)}


class Mergeable(Protocol):
    """A recorded file."""

    def batches(self) -> Iterator[RawBatch]: ...

    def rows(self) -> Iterator[RawBatch]: ...

    def earliest_ns(self) -> int: ...


class _Stream:
    """A file's rows that are not yet given on; its keys never fall: each is the latest time up to that row."""

    def __init__(self, number: int, batches: Iterator[tuple[RawBatch, Int64]]) -> None:
        self.number = number
        self._batches = batches
        self._latest = EARLIEST
        self.left_out = 0
        self._batch: RawBatch | None = None
        self._keys: Int64 = np.empty(0, dtype=np.int64)
        self._next()

    @property
    def over(self) -> bool:
        return self._batch is None

    @property
    def last_key(self) -> int:
        return int(self._keys[-1])

    def take(self, bound: int) -> list[tuple[RawBatch, Int64]]:
        """All rows up to a key, with their keys."""
        taken = []
        while self._batch is not None and (count := int(self._keys.searchsorted(bound, side="right"))):
            taken.append((part(self._batch, 0, count), self._keys[:count]))
            if count < len(self._keys):
                self._batch, self._keys = part(self._batch, count, len(self._keys)), self._keys[count:]
                break
            self._next()
        return taken

    def _next(self) -> None:
        for batch, times in self._batches:
            self.left_out += batch.left_out
            if not len(batch):
                continue
            times = np.where(usable_rows(batch), times, EARLIEST)
            times[0] = max(times[0], self._latest)
            self._keys = np.maximum.accumulate(times)
            self._latest = self.last_key
            place = batch.place + (self.number << FILE_SHIFT)
            self._batch, self.left_out = replace(batch, place=place, left_out=self.left_out), 0
            return
        self._batch, self._keys = None, np.empty(0, dtype=np.int64)


def merged(files: Sequence[Mergeable], late_max_ns: int | None = None) -> Iterator[RawBatch]:
    """All rows by time; of one instant, those of the file before come first. Raises SourceError. `late_max_ns`: files
    of several instruments, which nobody has judged by time: a single row ahead by more is no clock for the others."""
    unopened = sorted((file.earliest_ns(), number) for number, file in enumerate(files))
    streams: list[_Stream] = []
    while unopened or streams:
        bound = min((stream.last_key for stream in streams), default=EARLIEST)
        while unopened and (not streams or unopened[0][0] <= bound):
            number = unopened.pop(0)[1]
            stream = _Stream(number + 1, _with_times(files[number], late_max_ns))
            if stream.over:
                yield replace(NO_ROWS, left_out=stream.left_out)
                continue
            streams.append(stream)
            streams.sort(key=lambda one: one.number)
            bound = min(one.last_key for one in streams)
            if len(streams) > OPEN_MAX:
                raise SourceError(f"more than {OPEN_MAX} files are of the same time: merge them first, or use --sort")
        pieces = [piece for stream in streams for piece in stream.take(bound)]
        if left_out := sum(stream.left_out for stream in streams if stream.over):
            yield replace(NO_ROWS, left_out=left_out)
        streams = [stream for stream in streams if not stream.over]
        if pieces:
            yield interleaved(pieces)


def _with_times(file: Mergeable, late_max_ns: int | None) -> Iterator[tuple[RawBatch, Int64]]:
    if late_max_ns is not None:
        return steadied(file.rows(), late_max_ns)
    return ((batch, batch.time_ns) for batch in file.batches())


def steadied(batches: Iterator[RawBatch], late_max_ns: int) -> Iterator[tuple[RawBatch, Int64]]:
    """Batches with times to merge them by: a quote far ahead of both quotes after it has none."""
    before: RawBatch | None = None
    for batch in batches:
        if before is not None:
            yield before, _steady_times(before, batch, late_max_ns)
        before = batch
    if before is not None:
        yield before, _steady_times(before, NO_ROWS, late_max_ns)


def _steady_times(batch: RawBatch, following: RawBatch, late_max_ns: int) -> Int64:
    rows = np.flatnonzero(usable_rows(batch))
    ahead = following.time_ns[np.flatnonzero(usable_rows(following))[:2]]
    times = np.concatenate((batch.time_ns[rows], ahead, np.full(2, np.iinfo(np.int64).max)))
    latest_after = np.maximum(times[1:-1], np.where(times[2:] == times[-1], EARLIEST, times[2:]))[: len(rows)]
    stray = latest_after < times[: len(rows)] - late_max_ns
    steady = batch.time_ns.copy()
    steady[rows[stray]] = EARLIEST
    return steady


def interleaved(pieces: Sequence[tuple[RawBatch, Int64]]) -> RawBatch:
    """Batches as one, by their rows' keys; of equal keys, in the order given."""
    if len(pieces) == 1:
        return pieces[0][0]
    batches = [batch for batch, _ in pieces]
    order = np.concatenate([keys for _, keys in pieces]).argsort(kind="stable")
    starts = np.cumsum([0, *(len(batch) for batch in batches)])
    faults = {int(starts[n]) + row: fault for n, batch in enumerate(batches) for row, fault in batch.faults.items()}
    if faults:
        new_row = np.empty(len(order), dtype=np.int64)
        new_row[order] = np.arange(len(order))
        faults = {int(new_row[row]): fault for row, fault in faults.items()}

    def raw(index: int) -> bytes:
        row = int(order[index])
        number = int(np.searchsorted(starts, row, side="right")) - 1
        return batches[number].raw(row - int(starts[number]))

    columns = {name: _joined(batches, name)[order] for name in ROW_COLUMNS if _has(batches, name)}
    values = replace(NO_ROWS, **columns)  # type: ignore[arg-type]
    return replace(values, faults=faults, raw=raw, left_out=sum(batch.left_out for batch in batches))


def _has(batches: Sequence[RawBatch], name: str) -> bool:
    return any(len(getattr(batch, name)) for batch in batches)


def _joined(batches: Sequence[RawBatch], name: str) -> Int64:
    return np.concatenate([_filled(batch, name) for batch in batches])


def _filled(batch: RawBatch, name: str) -> Int64:
    column: Int64 = getattr(batch, name)
    if len(column) or not len(batch):
        return column
    return np.full(len(batch), FILLERS[name], dtype=column.dtype)


def part(batch: RawBatch, start: int, end: int) -> RawBatch:
    """Rows `start` to `end` as views."""
    if start == 0 and end == len(batch):
        return batch
    columns = {name: getattr(batch, name)[start:end] for name in ROW_COLUMNS}
    faults = {row - start: fault for row, fault in batch.faults.items() if start <= row < end}
    raw, left_out = batch.raw, batch.left_out if start == 0 else 0
    return replace(batch, **columns, faults=faults, raw=lambda index: raw(start + index), left_out=left_out)
