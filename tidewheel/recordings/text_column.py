"""A column of texts as one run of bytes and where each field lies in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tidewheel.domain.market import Int64

Mask = NDArray[np.bool_]
Words = NDArray[np.uint64]
WORD_BYTES = 8
# So many bytes before the end of a field and after its start may be looked at, whatever they are.
MARGIN_BYTES = 3 * WORD_BYTES
# More values than this are told apart row by row, not value by value.
FEW_VALUES = 64
MARGIN = b"\n" * MARGIN_BYTES


@dataclass(frozen=True)
class TextColumn:
    """`data` begins and ends with MARGIN; field n is its bytes from `starts[n]` to `ends[n]`."""

    data: bytes
    starts: Int64
    ends: Int64

    @staticmethod
    def of(array: pa.Array) -> "TextColumn":
        """Of binary values without a null."""
        _, offsets, values = array.buffers()
        at = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1].astype(np.int64)
        at += MARGIN_BYTES
        return TextColumn(b"".join((MARGIN, values or b"", MARGIN)), at[:-1], at[1:])

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> bytes:
        return self.data[self.starts[row] : self.ends[row]]

    @cached_property
    def lengths(self) -> Int64:
        return self.ends - self.starts

    @cached_property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest; 0 where there is no row."""
        if not len(self):
            return 0, 0
        return int(self.lengths.min()), int(self.lengths.max())

    def words(self, at: Int64) -> Words:
        """The eight bytes from each of these positions on, the first in the lowest place."""
        return self._pieces(at, WORD_BYTES).view("<u8")

    def words_before_end(self, count: int) -> Sequence[Words]:
        """The last `count` times eight bytes up to the end of each field, the last eight first."""
        table = self._pieces(self.ends - WORD_BYTES * count, WORD_BYTES * count).view("<u8").reshape(-1, count)
        return [table[:, number] for number in reversed(range(count))]

    def equal_to(self, value: bytes) -> Mask:
        """Which rows hold just this."""
        same = self.lengths == len(value)
        if value and same.any():
            rows = np.flatnonzero(same)
            texts = self._pieces(self.starts[rows], len(value)).view(np.uint8).reshape(-1, len(value))
            same[rows] = (texts == np.frombuffer(value, np.uint8)).all(axis=1)
        return np.asarray(same)

    def all_equal(self, value: bytes) -> bool:
        """Whether every row holds just this."""
        if not len(self) or self.length_range != (len(value), len(value)):
            return not len(self)
        return not value or self._pieces(self.starts, len(value)).tobytes() == value * len(self)

    def encoded(self) -> tuple[list[bytes], Int64]:
        """The values, each once in the order of their first rows, and which of them each row has."""
        values: list[bytes] = []
        codes = np.empty(len(self), dtype=np.int64)
        left = np.arange(len(self))
        while len(left) and len(values) < FEW_VALUES:
            value = self[left[0]]
            same = TextColumn(self.data, self.starts[left], self.ends[left]).equal_to(value)
            codes[left[same]] = len(values)
            values.append(value)
            left = left[~same]
        numbers: dict[bytes, int] = {}
        for row in left.tolist():
            codes[row] = len(values) + numbers.setdefault(self[row], len(numbers))
        return [*values, *numbers], codes

    def begins_with(self, character: str) -> Mask:
        """Which rows, of ASCII."""
        first = np.frombuffer(self.data, np.uint8)[self.starts]
        return np.asarray((first == ord(character)) & (self.lengths > 0))

    def _pieces(self, at: Int64, length: int) -> NDArray[np.void]:
        """So many bytes from each of these positions on. Raises IndexError beyond the end of the data."""
        every = np.ndarray((max(len(self.data) - length + 1, 0),), f"V{length}", self.data, strides=(1,))
        return every[at]
