"""A recording, opened: how it is understood, and its rows as batches in order of time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tidewheel.recordings import csv_reader
from tidewheel.recordings.guessing import guess_layout
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.opening import stored, unpacked
from tidewheel.recordings.options import NO_OPTIONS, ReadingOptions
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.sampling import csv_sample
from tidewheel.recordings.selection import Selection
from tidewheel.recordings.time_order import TimeOrder

SUFFIXES = (".csv", ".csv.gz", ".parquet")
SAMPLE_BYTES = 64 * 1024


class Recording:
    """A file's rows in order. Each row is in a batch, or SourceError is raised from there on; none is left out."""

    def __init__(self, path: Path, options: ReadingOptions = NO_OPTIONS) -> None:
        if not path.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{path}: a recorded file's name must end in {', '.join(SUFFIXES)}")
        # While it parses, Arrow would take SIGTERM and SIGINT for itself and fail, and the service never hear of them.
        pa.enable_signal_handlers(False)
        self.path = path
        self._options = options

    def layout(self) -> Layout:
        """How it is read. Raises SourceError where it cannot be read, or is not understood."""
        try:
            if self.path.stat().st_size == 0:
                raise SourceError(f"{self.path} is empty")
            if self._is_parquet:
                # Only here, since it costs a tenth of a second that other sources need not pay.
                from tidewheel.recordings import parquet_reader

                return guess_layout(parquet_reader.parquet_sample(self.path), self._options)
            return guess_layout(csv_sample(self._first_lines(), str(self.path)), self._options)
        except OSError as failure:
            raise SourceError(f"{self.path} cannot be read: {failure.strerror}") from None

    def _first_lines(self) -> bytes:
        """Whole lines, some tens of kilobytes of them. Raises SourceError where there are none."""
        lines = b""
        try:
            for block in self._blocks():
                lines += block
                if len(lines) > SAMPLE_BYTES:
                    break
        except SourceError:
            if not lines:
                raise
        if not lines:
            raise SourceError(f"{self.path} is empty")
        return lines

    def batches(self) -> Iterator[RawBatch]:
        """Raises SourceError in one line for a file that is missing, unreadable, damaged or not understood."""
        layout = self.layout()
        order = TimeOrder(self._options, self.describe)
        yield from order.judged(self._read(layout))

    def describe(self, place: int) -> str:
        """A place in words."""
        return f"{self.path.name}, {'row' if self._is_parquet else 'line'} {place}"

    @property
    def _is_parquet(self) -> bool:
        return self.path.name.lower().endswith(".parquet")

    def _read(self, layout: Layout) -> Iterator[RawBatch]:
        selection = Selection(layout, str(self.path))
        try:
            if self._is_parquet:
                from tidewheel.recordings import parquet_reader

                yield from parquet_reader.batches(self.path, layout, selection)
            else:
                yield from csv_reader.batches(self._blocks(), layout, selection)
        except OSError as failure:
            raise SourceError(f"{self.path} cannot be read: {failure.strerror}") from None

    def _blocks(self) -> Iterator[bytes]:
        chunks = unpacked(self.path) if self.path.name.lower().endswith(".gz") else stored(self.path)
        return csv_reader.whole_lines(chunks, str(self.path))
