"""What became of a recording's rows, as they are read: so many ticks, and what was set aside or is worth telling.

Rows read = ticks + set aside, always. Rows of another instrument than the one chosen stand beside both.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Int64, TickFlag
from tidewheel.recordings.quotes import Remark, TickBatch

WARN_SHARE = 0.01


class Telling(StrEnum):
    """What may be worth telling of a row that is a tick."""

    LATE = "late"
    LOCKED = "locked"
    DUPLICATE = "duplicate"
    PRICE_ROUNDED = "price_rounded"
    SIZE_LEFT_OUT = "size_left_out"


MEANING = {
    Telling.LATE: "came a little late and were moved onto the latest time",
    Telling.LOCKED: "have a bid that equals the offer",
    Telling.DUPLICATE: "say what the row before them says",
    Telling.PRICE_ROUNDED: "have a price of more than nine decimals, which was rounded",
    Telling.SIZE_LEFT_OUT: "have a size that cannot be kept and was left out",
}
FLAGS = {Telling.LATE: TickFlag.LATE, Telling.LOCKED: TickFlag.LOCKED, Telling.DUPLICATE: TickFlag.DUPLICATE}
REMARKS = {Telling.PRICE_ROUNDED: Remark.PRICE_ROUNDED, Telling.SIZE_LEFT_OUT: Remark.SIZE_LEFT_OUT}


def line(place: int) -> str:
    """A place where nothing better is known."""
    return f"line {place}"


@dataclass(slots=True)
class Entry:
    """Rows of one kind: how many, the first and the last place, and what was said of the first."""

    count: int
    first_place: int
    last_place: int
    first_detail: str = ""

    def add(self, count: int, last_place: int) -> None:
        """So many more, up to this place."""
        self.count += count
        self.last_place = last_place


@dataclass(slots=True)
class Account:
    """A running account; `on_ticks` takes what the validator made of each batch."""

    ticks: int = 0
    others: int = 0  # rows of another instrument than the one chosen
    set_aside: dict[DeadLetterReason, Entry] = field(default_factory=dict)
    told: dict[Telling, Entry] = field(default_factory=dict)

    @property
    def rows_set_aside(self) -> int:
        return sum(entry.count for entry in self.set_aside.values())

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.ticks + self.rows_set_aside

    @property
    def notable(self) -> int:
        """Rows set aside and rows told of; a row may be told of twice."""
        return self.rows_set_aside + sum(entry.count for entry in self.told.values())

    def on_ticks(self, batch: TickBatch) -> None:
        """Take in a batch that was judged."""
        self.ticks += len(batch.quotes)
        self.others += batch.left_out
        for _, row in batch.rejected:
            entry = self.set_aside.get(row.reason)
            if entry is None:
                self.set_aside[row.reason] = Entry(1, row.place, row.place, row.detail)
            else:
                entry.add(1, row.place)
        if len(batch.quotes):
            self._tell(batch.quotes.flags, FLAGS, batch.place)
        if len(batch.remarks):
            self._tell(batch.remarks, REMARKS, batch.place)

    def _tell(self, column: NDArray[Any], bits: dict[Telling, Any], place: Int64) -> None:
        seen = int(np.bitwise_or.reduce(column))
        for telling, bit in bits.items():
            if not seen & bit:
                continue
            rows = np.flatnonzero(column & column.dtype.type(bit))
            first, last = int(place[rows[0]]), int(place[rows[-1]])
            if telling in self.told:
                self.told[telling].add(len(rows), last)
            else:
                self.told[telling] = Entry(len(rows), first, last)

    @staticmethod
    def parsed(text: str) -> dict[str, Any]:
        """What `as_dict` gave, written as JSON. Raises ValueError where it is something else."""
        values = json.loads(text)
        try:
            account_lines(values)
            notable_rows(values)
        except (KeyError, TypeError, AttributeError, ZeroDivisionError):
            raise ValueError("it is no account of rows") from None
        return dict(values)

    def as_dict(self, describe: Callable[[int], str] = line) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rows": self.rows,
            "ticks": self.ticks,
            "set_aside": self.rows_set_aside,
            "other_instruments": self.others,
            "by_reason": {str(reason): _entry(entry, describe) for reason, entry in self.set_aside.items()},
            "told": {str(telling): _entry(entry, describe) for telling, entry in self.told.items()},
        }


def _entry(entry: Entry, describe: Callable[[int], str]) -> dict[str, Any]:
    said = {"count": entry.count, "first": describe(entry.first_place), "last": describe(entry.last_place)}
    return said | ({"detail": entry.first_detail} if entry.first_detail else {})


def account_lines(values: dict[str, Any]) -> list[str]:
    """What `as_dict` gave, in lines for people; the warning last."""
    head = f"{values['rows']:,} rows read = {values['ticks']:,} ticks + {values['set_aside']:,} set aside"
    if values["other_instruments"]:
        head += f"; {values['other_instruments']:,} of other instruments were passed over"
    lines = [head]
    for reason, entry in values["by_reason"].items():
        lines.append(f"set aside as {reason}: {_counted(entry)}: {entry.get('detail', '')}")
    for telling, entry in values["told"].items():
        lines.append(f"{_counted(entry)}: {MEANING[Telling(telling)]}")
    if values["set_aside"] > WARN_SHARE * values["rows"]:
        share = values["set_aside"] / values["rows"]
        lines.append(f"WARNING: {share:.1%} of the rows read were set aside: is this file what it is taken for?")
    return lines


def notable_rows(values: dict[str, Any]) -> int:
    """Rows set aside and rows told of, of what `as_dict` gave."""
    return int(values["set_aside"]) + sum(int(entry["count"]) for entry in values["told"].values())


def _counted(entry: dict[str, Any]) -> str:
    if entry["count"] == 1:
        return f"1 row, {entry['first']}"
    return f"{entry['count']:,} rows, {entry['first']} to {entry['last']}"


def reasons_text(values: dict[str, Any]) -> str:
    """Why rows were set aside, in half a line: first place, reason and count of each kind."""
    return "; ".join(
        f"{entry['count']:,} {reason}, the first {entry['first']}: {entry.get('detail', '')}"
        for reason, entry in values["by_reason"].items()
    )
