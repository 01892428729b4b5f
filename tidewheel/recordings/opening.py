"""A file's bytes, unpacked where they are packed, as a stream in bounded memory."""

import zlib
from collections.abc import Iterator
from pathlib import Path

from tidewheel.recordings.quotes import SourceError

CHUNK_BYTES = 1024 * 1024
GZIP = 16 + zlib.MAX_WBITS


def stored(path: Path) -> Iterator[bytes]:
    """A file's bytes as they lie there. Raises OSError."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def unpacked(path: Path) -> Iterator[bytes]:
    """A gzip file's content, several members one after another included. Raises SourceError where it is damaged or cut
    off, after yielding what could be read before that."""
    unpack = zlib.decompressobj(GZIP)
    try:
        for packed in stored(path):
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
