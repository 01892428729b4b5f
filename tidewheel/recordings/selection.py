"""Columns that tell instruments, venues or levels apart: one value throughout, or the rows of those chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Int64, check_symbol
from tidewheel.recordings.instrument_column import INSTRUMENTS_MAX, InstrumentColumn
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.quotes import Fault, RawBatch, SourceError, take_rows
from tidewheel.recordings.text_column import Mask, TextColumn

# Instead of an instrument's number: of none that is read, and of none at all.
OTHER, NAMELESS = -1, -2


class Instruments:
    """The instruments of a recording, numbered in the order in which they are named or first seen, and what its other
    columns that tell apart said of each first. Shared by its files."""

    def __init__(self, column: InstrumentColumn | None = None) -> None:
        self.column = column
        self.names: list[str] = list(column.values) if column else []
        self.first: dict[tuple[str, int], bytes] = {}

    def number(self, value: bytes) -> int:
        """Of the one that a field names: OTHER where it is not among those chosen, NAMELESS where it makes no
        instrument id. Raises SourceError where there are too many."""
        assert self.column is not None
        name = value.decode("utf-8", errors="replace").strip()
        if name in self.names:
            return self.names.index(name)
        if self.column.values:
            return OTHER
        try:
            check_symbol(name)
        except ValueError:
            return NAMELESS
        if len(self.names) == INSTRUMENTS_MAX:
            raise SourceError(
                f"column {self.column.name} names more than the {INSTRUMENTS_MAX} instruments that one run takes, "
                f"{name[:50]!r} beside them. Say which: --instrument-column {self.column.name}={self.names[0]},…"
            )
        self.names.append(name)
        return len(self.names) - 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows of a block are read. `numbers`: each row's instrument, or OTHER; None for all rows, of one.
    `faults`: rows that name no instrument; they count with the one before them."""

    numbers: Int64 | None = None
    faults: Mapping[int, Fault] = field(default_factory=dict)
    several: bool = False

    @property
    def kept(self) -> Mask | None:
        """None for all."""
        return None if self.numbers is None else np.asarray(self.numbers >= 0)

    def applied(self, batch: RawBatch) -> RawBatch:
        """The rows that are read, each with its instrument where there are several; the others are counted."""
        if self.numbers is None:
            return batch
        if self.several:
            batch = replace(batch, instrument=self.numbers, faults={**self.faults, **batch.faults})
        rows = np.flatnonzero(self.numbers >= 0)
        return batch if len(rows) == len(batch) else take_rows(batch, rows, left_out=len(batch) - len(rows))


ALL_ROWS = Chosen()


class Selection:
    """Judges the rows of one file in their order. A row without an instrument counts with the one before it, the first
    ones with the first that the recording has."""

    def __init__(self, layout: Layout, file: str, instruments: Instruments | None = None) -> None:
        self._of = Instruments(layout.chosen) if instruments is None else instruments
        self._file = file
        self._column = layout.chosen.name if layout.chosen else None
        self._several = layout.chosen is not None and layout.chosen.several
        self._apart = [name for name in layout.apart if name != self._column]
        self._before = 0
        self.columns = (*self._apart, *((self._column,) if self._column else ()))

    def chosen(self, columns: Mapping[str, TextColumn], first_place: int) -> Chosen:
        """Which rows are read. Raises SourceError where they are of more than one that cannot be told apart."""
        if self._column is None:
            for name in self._apart:
                self._check_alone(name, columns[name], first_place)
            return ALL_ROWS
        chosen = self._numbered(columns[self._column], first_place)
        for name in self._apart:
            self._check_each(name, columns[name], chosen, first_place)
        return chosen

    def _numbered(self, column: TextColumn, first_place: int) -> Chosen:
        values, codes = column.encoded()
        numbers = np.array([self._number(value, first_place) for value in values], dtype=np.int64)[codes]
        if not len(numbers):
            return Chosen(numbers, {}, self._several)
        faults = {int(row): self._nameless(values[codes[row]]) for row in np.flatnonzero(numbers == NAMELESS)}
        if faults:
            known = np.maximum.accumulate(np.where(numbers >= 0, np.arange(len(numbers)), -1))
            before = np.where(known >= 0, numbers[known], self._before)
            numbers = np.where(numbers == NAMELESS, before, numbers)
        if len(read := np.flatnonzero(numbers >= 0)):
            self._before = int(numbers[read[-1]])
        return Chosen(numbers, faults, self._several)

    def one_by_one(self, rows: list[dict[str, str] | Fault], first_place: int) -> Chosen:
        """The same of rows as their fields: the definition."""
        if not self.columns:
            return ALL_ROWS
        numbers, faults = [], {}
        for at, row in enumerate(rows):
            number = NAMELESS if isinstance(row, Fault) else self._of_row(row, first_place + at)
            if number == NAMELESS:
                number = self._before
                if self._column is not None and not isinstance(row, Fault):
                    faults[at] = self._nameless(row[self._column].encode())
            elif number != OTHER:
                self._before = number
            numbers.append(number)
        return Chosen(np.array(numbers, dtype=np.int64), faults, self._several) if self._column else ALL_ROWS

    def _of_row(self, row: Mapping[str, str], place: int) -> int:
        number = self._number(row[self._column].encode(), place) if self._column else 0
        for name in self._apart if number >= 0 else ():
            value = row[name].encode()
            if value != self._of.first.setdefault((name, number), value):
                raise self._mixed(name, number, value, place)
        return number

    def _number(self, value: bytes, place: int) -> int:
        try:
            return self._of.number(value)
        except SourceError as failure:
            raise SourceError(f"{self._file}, line {place} or soon after: {failure}") from None

    def _nameless(self, value: bytes) -> Fault:
        text = value.decode("utf-8", errors="replace")[:50]
        return Fault(DeadLetterReason.MALFORMED, f"{self._column} {text!r} makes no instrument id")

    def _check_alone(self, name: str, column: TextColumn, first_place: int) -> None:
        if not len(column):
            return
        first = self._of.first.setdefault((name, 0), column[0])
        if not column.all_equal(first):
            row = int(np.argmin(column.equal_to(first)))
            raise self._mixed(name, 0, column[row], first_place + row)

    def _check_each(self, name: str, column: TextColumn, chosen: Chosen, first_place: int) -> None:
        assert chosen.numbers is not None
        numbers = chosen.numbers.copy()
        numbers[list(chosen.faults)] = OTHER
        values, codes = column.encoded()
        pairs, rows = np.unique(numbers * len(values) + codes, return_index=True)
        for pair, row in sorted(zip(pairs.tolist(), rows.tolist(), strict=True), key=lambda one: one[1]):
            if pair >= 0:
                number, value = pair // len(values), values[pair % len(values)]
                if value != self._of.first.setdefault((name, number), value):
                    raise self._mixed(name, number, value, first_place + row)

    def _mixed(self, name: str, number: int, value: bytes, place: int) -> SourceError:
        before, now = (text.decode("utf-8", errors="replace")[:50] for text in (self._of.first[(name, number)], value))
        where = f"{self._file}, line {place}: column {name} says {now!r}, and {before!r} before it"
        if self._column is not None:
            return SourceError(
                f"{where}, of {self._column} {self._of.names[number]}: these are quotes of more than one. "
                f"A run tells them apart by one column: write a file of one {name}"
            )
        return SourceError(
            f"{where}: these are quotes of more than one. Choose one by --instrument-column {name}={before}, or "
            f"{name}={now}; --instrument-column {name} runs each as an instrument of its own"
        )
