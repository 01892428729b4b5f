"""Files of recorded messages: written as they come, read again in bounded memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pyarrow as pa

from tidewheel.domain.feeds import VENUES
from tidewheel.recordings.opening import RecordedPath, chunks
from tidewheel.recordings.quotes import SourceError
from tidewheel.venues.frame_log import Header, Message, header_line, lines, message_line, read_header


class FrameWriter:
    """A new file, packed by zstd. Never replaces one: raises FileExistsError, OSError."""

    def __init__(self, path: Path, header: Header) -> None:
        self._file = path.open("xb")
        self._packed = pa.CompressedOutputStream(self._file, "zstd")
        self._packed.write(header_line(header).encode())

    def write(self, message: Message) -> None:
        self._packed.write(message_line(message).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._packed.close()
        self._file.close()


class FrameFile:
    """A file that `FrameWriter` wrote. Raises SourceError where it is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header = read_header(next(self._lines(), ""), path.name, tuple(VENUES))

    def message_lines(self) -> Iterator[str]:
        """The lines behind the first. Raises SourceError where the file is cut off, after what could be read."""
        content = self._lines()
        next(content, None)
        return content

    def _lines(self) -> Iterator[str]:
        try:
            yield from lines(chunks(RecordedPath(self.path)), self.path.name)
        except OSError as failure:
            raise SourceError(f"{self.path} cannot be read: {failure.strerror}") from None
