"""One recorded file: how it is understood, and its rows as batches, judged by time."""

from collections.abc import Iterator

import numpy as np

from tidewheel.recordings import csv_reader
from tidewheel.recordings.guessing import guess_layout
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.opening import RecordedPath, chunks, is_parquet
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.sampling import csv_sample
from tidewheel.recordings.selection import Instruments, Selection
from tidewheel.recordings.time_order import TimeOrder, YearLimits
from tidewheel.recordings.validator import usable_rows

SAMPLE_BYTES = 64 * 1024


class RecordedFile:
    """A file's rows in order. Each row is in a batch, or SourceError is raised from there on; none is left out.

    `instruments`: what columns that tell instruments apart have said, shared by the files of a recording.
    """

    def __init__(
        self,
        part: RecordedPath,
        options: ReadingOptions,
        instruments: Instruments | None = None,
        mark: PlaceMark = NO_MARK,
    ) -> None:
        self.part = part
        self._options = options
        self._instruments = Instruments(options.chosen) if instruments is None else instruments
        self._mark = mark
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """How it is read. Raises SourceError where it cannot be read, or is not understood."""
        if self._layout is None:
            self._layout = self._guessed()
        return self._layout

    def name_instruments(self) -> None:
        """Learn of the instruments that its first rows are of. Raises SourceError."""
        for _ in self._read(self.layout, sample=True, instruments=self._instruments):
            if self._instruments.names:
                return

    @property
    def of(self) -> dict[str, str]:
        """What the columns that tell instruments apart say, as far as rows have been read."""
        values_of: dict[str, list[str]] = {}
        for (name, _), value in self._instruments.first.items():
            values_of.setdefault(name, []).append(value.decode("utf-8", errors="replace"))
        return {name: ", ".join(dict.fromkeys(values)) for name, values in values_of.items()}

    def batches(self) -> Iterator[RawBatch]:
        """Its rows, those out of order of time with a fault. Raises SourceError in one line for a file that is missing,
        unreadable, damaged, not understood or out of order."""
        return TimeOrder(self._options, self.describe).judged(self.rows())

    def unordered(self) -> Iterator[RawBatch]:
        """Its rows whatever their order, those of an unlikely year with a fault. Raises SourceError."""
        years = YearLimits(self._options.year_max, self.describe) if self._options.year_max else None
        for batch in self.rows():
            yield batch if years is None else years.checked(batch, usable_rows(batch))

    def earliest_ns(self) -> int:
        """The earliest time among its first quotes; the latest there is where it has none. Raises SourceError."""
        for batch in self._read(self.layout, sample=True):
            rows = usable_rows(batch)
            if rows.any():
                return int(batch.time_ns[rows].min())
        return int(np.iinfo(np.int64).max)

    def describe(self, place: int) -> str:
        """A place in words."""
        return f"{self.part.name}, {'row' if self._is_parquet else 'line'} {place}"

    @property
    def _is_parquet(self) -> bool:
        try:
            return is_parquet(self.part)
        except OSError as failure:
            raise SourceError(f"{self.part} cannot be read: {failure.strerror}") from None

    def _guessed(self) -> Layout:
        if self._is_parquet:
            # Only here, since it costs a tenth of a second that other sources need not pay.
            from tidewheel.recordings import parquet_reader

            return guess_layout(parquet_reader.parquet_sample(self.part.path), self._options)
        return guess_layout(csv_sample(self._first_lines(), str(self.part)), self._options)

    def rows(self) -> Iterator[RawBatch]:
        """Its rows as they stand, with their instruments where they are of several. Raises SourceError."""
        return self._read(self.layout, instruments=self._instruments)

    def _read(
        self, layout: Layout, *, sample: bool = False, instruments: Instruments | None = None
    ) -> Iterator[RawBatch]:
        selection = Selection(layout, str(self.part), instruments)
        if self._is_parquet:
            from tidewheel.recordings import parquet_reader

            return parquet_reader.batches(self.part.path, layout, selection, self._mark)
        blocks = [self._first_lines()] if sample else self._blocks()
        return csv_reader.batches(blocks, layout, selection, self._mark, str(self.part))

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
            raise SourceError(f"{self.part} is empty")
        return lines[: lines.rfind(b"\n", 0, 2 * SAMPLE_BYTES) + 1] or lines

    def _blocks(self) -> Iterator[bytes]:
        try:
            yield from csv_reader.whole_lines(chunks(self.part), str(self.part))
        except OSError as failure:
            raise SourceError(f"{self.part} cannot be read: {failure.strerror or failure}") from None
