"""Scratch space in one file on local disk, which has no name: nothing is left of it, whatever ends the process.

It grows to the most that was ever taken at once; freed slots are taken again. The operating system writes to the disk
when it likes and keeps in its page cache what it has room for.
"""

import os
import tempfile
from errno import EDQUOT, EFBIG, ENOSPC

from services.trainer.windows.scratch import Slot
from tidewheel.runtime.process import FatalError

FULL = (ENOSPC, EDQUOT, EFBIG)


class ScratchFile:
    """One file descriptor. Raises FatalError, in one line, where no file can be made, and where the disk is full or
    fails."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        try:
            self._file = tempfile.TemporaryFile(buffering=0, prefix="tidewheel-", dir=directory)  # noqa: SIM115 (it is open for as long as there is a trainer)
        except OSError as failure:
            raise self.unusable(failure) from failure
        self._end_bytes = 0
        self._free: dict[int, list[int]] = {}  # size of a slot -> where free ones begin
        self.used_bytes = 0

    def slot(self, size_bytes: int) -> Slot:
        """Of the size asked for; sizes are few, so each keeps its own free ones."""
        if free := self._free.get(size_bytes):
            begin = free.pop()
        else:
            begin = self._end_bytes
            self._end_bytes += size_bytes
        self.used_bytes += size_bytes
        return _FileSlot(self, self.fileno(), begin, size_bytes)

    def freed(self, begin: int, size_bytes: int) -> None:
        """Called by a slot that is given back."""
        self._free.setdefault(size_bytes, []).append(begin)
        self.used_bytes -= size_bytes

    def fileno(self) -> int:
        """Its file descriptor."""
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()

    def unusable(self, failure: OSError) -> FatalError:
        """What a person can mend, in one line."""
        what = "is full" if failure.errno in FULL else f"fails: {failure.strerror}"
        return FatalError(f"scratch space in {self._directory} {what}; TIDEWHEEL_SCRATCH_DIR names another directory")


class _FileSlot:
    __slots__ = ("_begin", "_fd", "_file", "_freed", "_size_bytes")

    def __init__(self, file: ScratchFile, fd: int, begin: int, size_bytes: int) -> None:
        self._file, self._fd = file, fd
        self._begin, self._size_bytes = begin, size_bytes
        self._freed = False

    def write(self, at_bytes: int, data: bytes) -> None:
        self._check(at_bytes, len(data))
        at, rest = self._begin + at_bytes, memoryview(data)
        try:
            while rest:
                # Fewer bytes than were given: the next call says why.
                written = os.pwrite(self._fd, rest, at)
                at, rest = at + written, rest[written:]
        except OSError as failure:
            raise self._file.unusable(failure) from failure

    def read(self, at_bytes: int, size_bytes: int) -> bytes:
        self._check(at_bytes, size_bytes)
        at, parts = self._begin + at_bytes, []
        try:
            while size_bytes:
                part = os.pread(self._fd, size_bytes, at)
                assert part, "what is read was written before"
                parts.append(part)
                at, size_bytes = at + len(part), size_bytes - len(part)
        except OSError as failure:
            raise self._file.unusable(failure) from failure
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def free(self) -> None:
        self._check(0, 0)
        self._freed = True
        self._file.freed(self._begin, self._size_bytes)

    def _check(self, at_bytes: int, size_bytes: int) -> None:
        assert not self._freed, "the slot was freed"
        assert 0 <= at_bytes <= self._size_bytes - size_bytes, "the slot ends before"
