"""Columns that tell instruments, venues or levels apart: one value throughout, or the rows of the one chosen."""

from collections.abc import Mapping

import numpy as np

from tidewheel.recordings.layout import Layout
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.text_column import Mask, TextColumn


class Selection:
    """Remembers the value of the first row of each such column, in `first` where several files share it."""

    def __init__(self, layout: Layout, file: str, first: dict[str, bytes] | None = None) -> None:
        self._chosen = (layout.chosen[0], layout.chosen[1].encode()) if layout.chosen else None
        self._first = {} if first is None else first
        self._file = file
        self._apart = [name for name in layout.apart if self._chosen is None or name != self._chosen[0]]
        self.columns = (*self._apart, *((self._chosen[0],) if self._chosen else ()))

    def kept(self, columns: Mapping[str, TextColumn], first_place: int) -> Mask | None:
        """Which rows are read; None for all. Raises SourceError where they are of more than one."""
        kept = columns[self._chosen[0]].equal_to(self._chosen[1]) if self._chosen else None
        for name in self._apart:
            column = columns[name]
            if not len(column):
                continue
            if kept is not None and not kept.any():
                continue
            first = self._first.setdefault(name, column[0 if kept is None else int(np.argmax(kept))])
            if column.all_equal(first):
                continue
            others = ~column.equal_to(first)
            if kept is not None:
                others &= kept
            if others.any():
                row = int(np.argmax(others))
                raise self._mixed(name, column[row], first_place + row)
        return kept

    def keeps(self, row: Mapping[str, str], place: int) -> bool:
        """Whether one row is read. Raises SourceError where it is of another than those before."""
        if self._chosen and row[self._chosen[0]].encode() != self._chosen[1]:
            return False
        for name in self._apart:
            value = row[name].encode()
            if value != self._first.setdefault(name, value):
                raise self._mixed(name, value, place)
        return True

    def _mixed(self, name: str, value: bytes, place: int) -> SourceError:
        before, now = (text.decode("utf-8", errors="replace")[:50] for text in (self._first[name], value))
        return SourceError(
            f"{self._file}, line {place}: column {name} says {now!r}, and {before!r} before it: these are quotes of "
            f"more than one. Choose one by --instrument-column {name}={before}, or {name}={now}"
        )
