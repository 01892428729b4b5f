"""What passes between a source and the core: raw quotes in columns, ticks, and rejected rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import Int64, Quotes, no_flags, no_int64

NO_SIZE = -1
NO_VENUE_TIME = 0
NO_VENUE_SEQ = -1
# Optional columns of Quotes, and what a row without a value holds in them.
OPTIONAL_COLUMNS = (
    ("bid_size_e9", NO_SIZE),
    ("offer_size_e9", NO_SIZE),
    ("venue_time_ns", NO_VENUE_TIME),
    ("venue_seq", NO_VENUE_SEQ),
)


class SourceError(TidewheelError):
    """A source cannot be read, or not further; the message is one sentence for people."""


class ParseFlag(IntFlag):
    """What parsing changed in a row that is no fault, by bit."""

    PRICE_ROUNDED = 1  # a side has more than nine decimals
    SIZE_LEFT_OUT = 2  # a size is no number of 0 or more that fits


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row is no tick."""

    reason: DeadLetterReason
    detail: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is no tick. `place` is its line or message number in the source, `good_before` the number of ticks
    between the rejected row before it and this one."""

    place: int
    reason: DeadLetterReason
    detail: str
    raw: bytes
    good_before: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """Word of a live source that the wall clock has reached `time_ns`: what came before it is complete."""

    time_ns: int


def no_parse_flags() -> NDArray[np.uint8]:
    """The empty column of parse flags, as a default."""
    return np.empty(0, dtype=np.uint8)


def _no_raw(_: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True, eq=False)
class RawBatch:
    """Rows of a source in order of receipt, unjudged; optional columns are empty where the source has none.

    `faults`: row index -> what the source itself could not read; the row's numbers then mean nothing. `raw`: the text
    of a row by index, asked for rejected rows only. `instrument`: which of a recording's instruments a row is of, empty
    where there is one. How rows are cut into batches changes nothing downstream.
    """

    place: Int64
    time_ns: Int64
    bid_e9: Int64
    offer_e9: Int64
    bid_size_e9: Int64 = field(default_factory=no_int64)
    offer_size_e9: Int64 = field(default_factory=no_int64)
    venue_time_ns: Int64 = field(default_factory=no_int64)
    venue_seq: Int64 = field(default_factory=no_int64)
    flags: NDArray[np.uint16] = field(default_factory=no_flags)
    parse_flags: NDArray[np.uint8] = field(default_factory=no_parse_flags)
    instrument: Int64 = field(default_factory=no_int64)
    faults: Mapping[int, Fault] = field(default_factory=dict)
    raw: Callable[[int], bytes] = _no_raw
    connection_epoch: int = 1
    left_out: int = 0  # rows beside these that are of another instrument than the one chosen

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True, slots=True, eq=False)
class TickBatch:
    """The usable rows of a batch and their places in the source. In `quotes` the flags are always there, one a row.

    `rejected`: each rejected row, with the number of ticks of this batch that came before it.
    """

    quotes: Quotes
    place: Int64
    rejected: Sequence[tuple[int, RejectedRow]] = ()
    connection_epoch: int = 1
    parse_flags: NDArray[np.uint8] = field(default_factory=no_parse_flags)
    left_out: int = 0


ROW_COLUMNS = (
    *("place", "time_ns", "bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9"),
    *("venue_time_ns", "venue_seq", "flags", "parse_flags", "instrument"),
)


def take_rows(batch: RawBatch, rows: Int64, *, left_out: int = 0) -> RawBatch:
    """Some rows of a batch by their indices."""
    columns = {name: column[rows] if len(column := getattr(batch, name)) else column for name in ROW_COLUMNS}
    indices = rows.tolist()
    faults = {new: batch.faults[old] for new, old in enumerate(indices) if old in batch.faults} if batch.faults else {}
    return replace(
        batch, **columns, faults=faults, raw=lambda index: batch.raw(indices[index]), left_out=batch.left_out + left_out
    )


def concat_quotes(pieces: Sequence[Quotes]) -> Quotes:
    """Runs of quotes one after another. All have flags; where only some have an optional column, the others are
    filled."""
    if len(pieces) == 1:
        return pieces[0]
    optional = {
        name: np.concatenate([_filled(getattr(piece, name), len(piece), missing) for piece in pieces])
        for name, missing in OPTIONAL_COLUMNS
        if any(len(getattr(piece, name)) for piece in pieces)
    }
    return Quotes(
        time_ns=np.concatenate([piece.time_ns for piece in pieces]),
        bid_e9=np.concatenate([piece.bid_e9 for piece in pieces]),
        offer_e9=np.concatenate([piece.offer_e9 for piece in pieces]),
        flags=np.concatenate([piece.flags for piece in pieces]),
        **optional,
    )


def _filled(column: Int64, count: int, missing: int) -> Int64:
    return column if len(column) else np.full(count, missing, dtype=np.int64)


def slice_quotes(quotes: Quotes, start: int, end: int) -> Quotes:
    """Rows `start` to `end` as views; columns that are empty stay so."""
    return Quotes(
        quotes.time_ns[start:end],
        quotes.bid_e9[start:end],
        quotes.offer_e9[start:end],
        quotes.bid_size_e9[start:end],
        quotes.offer_size_e9[start:end],
        quotes.venue_time_ns[start:end],
        quotes.venue_seq[start:end],
        quotes.flags[start:end],
    )


def copy_quotes(quotes: Quotes) -> Quotes:
    """The same quotes without a hold on the batch they were cut from."""
    return Quotes(*(getattr(quotes, name).copy() for name in Quotes.__slots__))
