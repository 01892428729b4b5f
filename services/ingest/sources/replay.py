"""Recorded files: CSV, CSV.gz and Parquet, read as a stream in bounded memory."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from services.ingest.quotes import RawBatch, SourceError
from services.ingest.sources import csv_reader
from tidewheel.domain.market import SourceKind

CHUNK_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
SUFFIXES = (".csv", ".csv.gz", ".parquet")


class Replay:
    """A file's rows in order. Each row is in a batch, or SourceError is raised from there on; none is left out."""

    kind = SourceKind.REPLAY
    replayable = True

    def __init__(self, path: Path) -> None:
        if not path.name.lower().endswith(SUFFIXES):
            raise SourceError(f"{path}: a recorded file's name must end in {', '.join(SUFFIXES)}")
        # While it parses, Arrow would take SIGTERM and SIGINT for itself and fail, and the service never hear of them.
        pa.enable_signal_handlers(False)
        self._path = path
        self.name = f"replay:{path.name}"

    def items(self) -> Iterator[RawBatch]:
        """Raises SourceError in one line for a file that is missing, unreadable, damaged or of other columns."""
        path, name = self._path, self._path.name.lower()
        try:
            if path.stat().st_size == 0:
                raise SourceError(f"{path} is empty")
            if name.endswith(".parquet"):
                # Only here, since it costs a tenth of a second that other sources need not pay.
                from services.ingest.sources import parquet_reader

                yield from parquet_reader.batches(path)
            else:
                chunks = unpacked(path) if name.endswith(".gz") else _stored(path)
                yield from csv_reader.batches(csv_reader.whole_lines(chunks, str(path)), str(path))
        except OSError as failure:
            raise SourceError(f"{path} cannot be read: {failure.strerror}") from None


def _stored(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def unpacked(path: Path) -> Iterator[bytes]:
    """A gzip file's content, several members one after another included. Raises SourceError where it is damaged or cut
    off, after yielding what could be read before that."""
    unpack = zlib.decompressobj(GZIP)
    try:
        for packed in _stored(path):
            more = True
            while packed or more:
                if unpack.eof:
                    packed = packed.lstrip(b"\0")
                    if not packed:
                        break
                    unpack = zlib.decompressobj(GZIP)
                if content := unpack.decompress(packed, CHUNK_BYTES):
                    yield content
                # A full chunk may have left more inside, even where all input is taken in.
                more = len(content) == CHUNK_BYTES and not unpack.eof
                packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    except zlib.error as failure:
        raise SourceError(f"{path} is damaged, or no gzip file: {failure}") from None
    if not unpack.eof:
        raise SourceError(f"{path} is cut off: its gzip stream has no end")
