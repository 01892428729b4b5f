"""The rows of a recording dealt out to its instruments, each judged by time as if it had a file of its own."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from tidewheel.domain.market import NO_INT64
from tidewheel.recordings.merging import NO_ROWS
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import RawBatch, SourceError, take_rows
from tidewheel.recordings.selection import Instruments
from tidewheel.recordings.time_order import TimeOrder

# What a step of reading gives: batches in their order by the name of their instrument, "" where there is only one.
Dealt = dict[str, list[RawBatch]]


class Dealer:
    """Deals batches whose rows name their instrument. `describe`: a place in words."""

    def __init__(self, instruments: Instruments, options: ReadingOptions, describe: Callable[[int], str]) -> None:
        self._instruments = instruments
        self._options = options
        self._describe = describe
        self._orders: dict[int, TimeOrder] = {}
        self._failures: list[SourceError] = []

    def dealt(self, batches: Iterable[RawBatch]) -> Iterator[Dealt]:
        """Each row in a batch of its instrument; none is left out. Raises SourceError where the rows of one go back in
        time, after all that the others had before."""
        rest = iter(batches)
        while not self._failures:
            try:
                batch = next(rest, None)
            except SourceError as broken:
                self._failures.append(broken)
                break
            if batch is None:
                break
            yield self._step(batch)
        yield {self._instruments.names[number]: self._judged(number, None) for number in list(self._orders)}
        if self._failures:
            raise self._failures[0]

    def _step(self, batch: RawBatch) -> Dealt:
        names = self._instruments.names
        dealt = {names[number]: self._judged(number, part) for number, part in parts(batch)}
        if batch.left_out:  # they are of none of these, and must be counted once
            dealt.setdefault(names[0], []).append(replace(NO_ROWS, left_out=batch.left_out))
        return dealt

    def _judged(self, number: int, part: RawBatch | None) -> list[RawBatch]:
        """What can be judged with this part of an instrument, or at its end."""
        if self._options.sort:
            return [] if part is None else [part]
        order = self._orders.setdefault(number, TimeOrder(self._options, self._describe))
        judged: list[RawBatch] = []
        try:
            judged.extend(order.flush() if part is None else order.push(part))
        except SourceError as failure:
            del self._orders[number]
            self._failures.append(self._of_one(number, failure))
        return judged

    def _of_one(self, number: int, failure: SourceError) -> SourceError:
        names, column = self._instruments.names, self._instruments.column
        others = ",".join(name for name in names if name != names[number])
        assert column is not None
        without = f". To run without {names[number]}: --instrument-column {column.name}={others}" if others else ""
        return SourceError(f"{failure}{without}")


def parts(batch: RawBatch) -> Iterator[tuple[int, RawBatch]]:
    """The rows of each instrument that has any, with its number."""
    numbers = batch.instrument
    counts = np.bincount(numbers) if len(numbers) else NO_INT64
    for number in np.flatnonzero(counts).tolist():
        one = batch if counts[number] == len(batch) else take_rows(batch, np.flatnonzero(numbers == number))
        yield number, replace(one, instrument=NO_INT64, left_out=0)


def each_batch(dealt: Dealt) -> Iterator[tuple[str, RawBatch]]:
    """One after another."""
    return ((name, batch) for name, batches in dealt.items() for batch in batches)
