"""From a path as it is written to the files it means, and a file's bytes, unpacked, as a stream in bounded memory.

What a file is packed with is told by its first bytes, not by its name.
"""

import bz2
import glob
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidewheel.recordings.quotes import SourceError

CHUNK_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS
PACKED = (".gz", ".zst", ".bz2", ".xz")
KINDS = (".csv", ".tsv", ".parquet", ".zip")
SUFFIXES = (*KINDS, *(f"{kind}{packed}" for kind in KINDS[:2] for packed in PACKED))
MAGIC_BYTES = 6
ZIP, PARQUET = b"PK\x03\x04", b"PAR1"


@dataclass(frozen=True, slots=True)
class RecordedPath:
    """A file, or a member of a zip archive."""

    path: Path
    member: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)


def expand(path: Path) -> list[RecordedPath]:
    """The files that a path, a folder or a pattern like `day-*.csv.gz` means, by name. Raises SourceError where there
    are none, OSError."""
    if not path.exists() and glob.has_magic(str(path)):
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
    elif path.is_dir():
        found = sorted(p for p in path.iterdir() if p.is_file() and p.name.lower().endswith(SUFFIXES))
    else:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{path} is no file. What comes by a pipe is read as replay:-")
        found = [path]
    if not found:
        raise SourceError(f"{path}: there are no recorded files ({', '.join(KINDS)}, or packed)")
    return [part for one in found for part in _members(one)]


def _members(path: Path) -> list[RecordedPath]:
    if not magic(path).startswith(ZIP):
        return [RecordedPath(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(one.filename for one in archive.infolist() if not one.is_dir())
    except zipfile.BadZipFile as failure:
        raise SourceError(f"{path} is damaged, or no zip archive: {failure}") from None
    quotes = [name for name in names if name.lower().endswith((".csv", ".tsv", *(f".csv{p}" for p in PACKED)))]
    if not (chosen := quotes or names):
        raise SourceError(f"{path} is an empty archive")
    return [RecordedPath(path, name) for name in chosen]


def magic(path: Path) -> bytes:
    """A file's first bytes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(MAGIC_BYTES)


def is_parquet(part: RecordedPath) -> bool:
    """Raises OSError."""
    return not part.member and magic(part.path).startswith(PARQUET)


def chunks(part: RecordedPath) -> Iterator[bytes]:
    """A file's content, unpacked. Raises OSError, and SourceError where it is damaged or cut off, after yielding what
    could be read before that."""
    content = _member(part) if part.member else _stored(part.path)
    first = next(content, b"")
    rest = _chain(first, content)
    for start, unpack in UNPACKERS:
        # So short a piece of a file that is cut off that only its name tells what it was.
        if first.startswith(start) or (0 < len(first) < len(start) and start.startswith(first) and _is_packed(part)):
            return unpack(rest, str(part))
    return rest


def _is_packed(part: RecordedPath) -> bool:
    return part.name.lower().endswith(PACKED)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _stored(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _member(part: RecordedPath) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(part.path) as archive, archive.open(part.member) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError) as failure:
        raise SourceError(f"{part} is damaged or cut off: {failure}") from None
    except (RuntimeError, NotImplementedError) as failure:  # a password, a method that Python has not
        raise SourceError(f"{part} cannot be unpacked: {failure}") from None


def unpacked(content: Iterator[bytes], file: str) -> Iterator[bytes]:
    """Gzip, several members one after another included."""
    unpack = zlib.decompressobj(GZIP)
    try:
        for packed in content:
            more = True
            while packed or more:
                if unpack.eof:
                    packed = packed.lstrip(b"\0")
                    if not packed:
                        break
                    unpack = zlib.decompressobj(GZIP)
                if plain := unpack.decompress(packed, CHUNK_BYTES):
                    yield plain
                # A full chunk may have left more inside, even where all input is taken in.
                more = len(plain) == CHUNK_BYTES and not unpack.eof
                packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    except zlib.error as failure:
        raise SourceError(f"{file} is damaged, or no gzip file: {failure}") from None
    if not unpack.eof:
        raise SourceError(f"{file} is cut off: its gzip stream has no end")


def _streams(make: Callable[[], Any], kind: str) -> Callable[[Iterator[bytes], str], Iterator[bytes]]:
    """Of `bz2` or `lzma`, several streams one after another included."""

    def unpack(content: Iterator[bytes], file: str) -> Iterator[bytes]:
        unpacker, fed = make(), True
        try:
            for packed in content:
                data = packed
                while data or not (unpacker.needs_input or unpacker.eof):
                    if unpacker.eof:
                        unpacker = make()
                        data = data.lstrip(b"\0")
                        if not data:
                            break
                    fed = True
                    if plain := unpacker.decompress(data, CHUNK_BYTES):
                        yield plain
                    data = unpacker.unused_data if unpacker.eof else b""
        except (OSError, EOFError, lzma.LZMAError) as failure:
            raise SourceError(f"{file} is damaged: {failure}") from None
        if fed and not unpacker.eof:
            raise SourceError(f"{file} is cut off: its {kind} stream has no end")

    return unpack


def _zstd(content: Iterator[bytes], file: str) -> Iterator[bytes]:
    source = pa.PythonFile(_Reader(content), mode="r")
    try:
        with closing(pa.CompressedInputStream(source, "zstd")) as stream:
            while plain := stream.read(CHUNK_BYTES):
                yield plain
    except (pa.ArrowException, OSError) as failure:
        raise SourceError(f"{file} is damaged or cut off: {' '.join(str(failure).split())[:200]}") from None


class _Reader:
    """Chunks as a file that can only be read on."""

    closed = False

    def __init__(self, content: Iterator[bytes]) -> None:
        self._content = content
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while not self._left:
            self._left = next(self._content, b"")
            if not self._left:
                return b""
        given, self._left = self._left[:size], self._left[size:]
        return given

    def close(self) -> None:
        self.closed = True


UNPACKERS: tuple[tuple[bytes, Callable[[Iterator[bytes], str], Iterator[bytes]]], ...] = (
    (b"\x1f\x8b", unpacked),
    (b"\x28\xb5\x2f\xfd", _zstd),
    (b"BZh", _streams(bz2.BZ2Decompressor, "bzip2")),
    (b"\xfd7zXZ\x00", _streams(lzma.LZMADecompressor, "xz")),
)
