"""What a library's parser is reading at the moment, kept on disk, so that a crash of it names file and place.

A block at which a process before this one died is read by the definition, line by line, and by no library.
"""

from pathlib import Path
from typing import IO

MARK_BYTES = 4_096


class PlaceMark:
    """A small file that says which block of which file is being parsed; without a path it does nothing."""

    def __init__(self, path: Path | None = None) -> None:
        """Raises OSError."""
        self._file: IO[bytes] | None = None
        self.died_at = ""
        if path is not None:
            path.touch()
            self._file = path.open("r+b", buffering=0)
            self.died_at = _place(self._file)
            self.end()

    @staticmethod
    def last_place(path: Path) -> str:
        """Where a reader that is gone was, empty where it was nowhere. Raises OSError."""
        path.touch()
        with path.open("rb") as file:
            return _place(file)

    def begin(self, place: str) -> bool:
        """Say what is read next. False where that was the death of a process: no library may see it again."""
        if self._file is None:
            return True
        if place == self.died_at:
            return False
        self._write(place.encode()[:MARK_BYTES])
        return True

    def end(self) -> None:
        """It has been read."""
        if self._file is not None:
            self._write(b"")

    def _write(self, text: bytes) -> None:
        assert self._file is not None
        self._file.seek(0)
        self._file.write(text.ljust(MARK_BYTES, b"\0"))


def _place(file: IO[bytes]) -> str:
    return file.read(MARK_BYTES).rstrip(b"\0").decode("utf-8", errors="replace")


NO_MARK = PlaceMark()
