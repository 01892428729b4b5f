"""A recorded file, opened: how it is understood, and its rows as batches."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from tidewheel.recordings import csv_reader
from tidewheel.recordings.opening import stored, unpacked
from tidewheel.recordings.quotes import RawBatch, SourceError

SUFFIXES = (".csv", ".csv.gz", ".parquet")


class Recording:
    """A file's rows in order. Each row is in a batch, or SourceError is raised from there on; none is left out."""

    def __init__(self, path: Path) -> None:
        if not path.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{path}: a recorded file's name must end in {', '.join(SUFFIXES)}")
        # While it parses, Arrow would take SIGTERM and SIGINT for itself and fail, and the service never hear of them.
        pa.enable_signal_handlers(False)
        self._path = path

    def batches(self) -> Iterator[RawBatch]:
        """Raises SourceError in one line for a file that is missing, unreadable, damaged or of other columns."""
        path, name = self._path, self._path.name.lower()
        try:
            if path.stat().st_size == 0:
                raise SourceError(f"{path} is empty")
            if name.endswith(".parquet"):
                # Only here, since it costs a tenth of a second that other sources need not pay.
                from tidewheel.recordings import parquet_reader

                yield from parquet_reader.batches(path)
            else:
                chunks = unpacked(path) if name.endswith(".gz") else stored(path)
                yield from csv_reader.batches(csv_reader.whole_lines(chunks, str(path)), str(path))
        except OSError as failure:
            raise SourceError(f"{path} cannot be read: {failure.strerror}") from None
