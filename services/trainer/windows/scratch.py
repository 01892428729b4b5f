"""Scratch space: where rows wait outside of the process until they are needed.

What lies there can be read again from the log, so it is a cache and never a truth: nothing of it outlives the process.
Space is taken in slots, each of a size that is asked for and in one piece. One thread takes slots, writes and frees;
another may read meanwhile what was written. The service brings a file (`scratch_file`); whoever makes windows without a
service has it in memory.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Slot(Protocol):
    """Bytes of a fixed number. Whoever took it frees it, once; from then on it is another's."""

    def write(self, at_bytes: int, data: bytes) -> None:
        """Put bytes there from `at_bytes` on."""

    def read(self, at_bytes: int, size_bytes: int) -> bytes:
        """So many bytes from `at_bytes` on, which were written before."""

    def free(self) -> None:
        """Give it back."""


class Scratch(Protocol):
    """Gives out slots. What it, or a slot, raises where there is no space left ends the process."""

    def slot(self, size_bytes: int) -> Slot:
        """One that nobody else has. What it holds is not said."""

    @property
    def used_bytes(self) -> int:
        """Of the slots that are taken."""

    def close(self) -> None:
        """Let go of everything."""


class ScratchMemory:
    """Scratch space in this process's own memory."""

    def __init__(self) -> None:
        self.used_bytes = 0

    def slot(self, size_bytes: int) -> Slot:
        self.used_bytes += size_bytes
        return _MemorySlot(self, size_bytes)

    def close(self) -> None:
        """Slots go with those who hold them."""


class _MemorySlot:
    def __init__(self, scratch: ScratchMemory, size_bytes: int) -> None:
        self._scratch = scratch
        self._bytes: NDArray[np.uint8] | None = np.empty(size_bytes, dtype=np.uint8)

    def write(self, at_bytes: int, data: bytes) -> None:
        self._taken()[at_bytes : at_bytes + len(data)] = np.frombuffer(data, dtype=np.uint8)

    def read(self, at_bytes: int, size_bytes: int) -> bytes:
        return self._taken()[at_bytes : at_bytes + size_bytes].tobytes()

    def free(self) -> None:
        self._scratch.used_bytes -= len(self._taken())
        self._bytes = None

    def _taken(self) -> NDArray[np.uint8]:
        assert self._bytes is not None, "the slot was freed"
        return self._bytes
