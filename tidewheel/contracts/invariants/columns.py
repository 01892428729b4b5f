"""Columns that hold millions of numbers in a few bytes each and can be searched."""

from array import array
from bisect import bisect_left
from typing import Any

import numpy as np

from tidewheel.domain.market import Int64

NOT_FOUND = -1


def position_of(numbers: "array[int]", number: int) -> int:
    """Where a number stands in a rising column; ABSENT where it does not."""
    at = bisect_left(numbers, number)
    return at if at < len(numbers) and numbers[at] == number else NOT_FOUND


def as_numpy(column: "array[int]") -> Int64:
    """A copy, since an array that is looked into cannot grow."""
    return np.array(column, dtype=np.int64)


class RecordIndex:
    """Records by a number that rises but for faults, with offset and fingerprint of each: 24 bytes a record."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.fingerprints = array("q")
        self.offsets = array("q")

    def __len__(self) -> int:
        return len(self.numbers)

    def find(self, number: int) -> int:
        """The place of a record, ABSENT where there is none."""
        return position_of(self.numbers, number)

    def add(self, number: int, fingerprint: int, offset: int) -> None:
        """A record of a new number."""
        rises = not self.numbers or number > self.numbers[-1]
        at = len(self.numbers) if rises else bisect_left(self.numbers, number)
        columns = (self.numbers, number), (self.fingerprints, fingerprint), (self.offsets, offset)
        for column, value in columns:
            column.append(value) if rises else column.insert(at, value)


class FlagColumn:
    """Numbers that rise but for faults, each with a flag: 9 bytes a number."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self._set = bytearray()

    def __len__(self) -> int:
        return len(self.numbers)

    def extend(self, numbers: Any) -> None:
        """A column of rising numbers, none of them here yet."""
        if not len(self.numbers) or (len(numbers) and numbers[0] > self.numbers[-1]):
            self.numbers.frombytes(np.ascontiguousarray(numbers, dtype=np.int64).tobytes())
            self._set.extend(bytes(len(numbers)))
            return
        for number in map(int, numbers):
            at = bisect_left(self.numbers, number)
            self.numbers.insert(at, number)
            self._set.insert(at, 0)

    def find(self, number: int) -> int:
        return position_of(self.numbers, number)

    def set(self, at: int) -> bool:
        """Set a number's flag; returns what it was."""
        was, self._set[at] = bool(self._set[at]), 1
        return was

    def unset(self) -> list[int]:
        """The numbers whose flag was never set."""
        flags = np.array(self._set, dtype=np.uint8)
        unset: list[int] = as_numpy(self.numbers)[flags == 0].tolist()
        return unset
