"""What became of a recording's rows, as they are read: ticks, rejected rows by reason, and anomalies of ticks by kind.

Rows read = ticks + rejected, always. Rows of another instrument than the one chosen count as neither.
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
from tidewheel.recordings.quotes import ParseFlag, TickBatch

WARN_SHARE = 0.01


class Anomaly(StrEnum):
    """What is unusual about a row that is a tick all the same."""

    LATE = "late"
    LOCKED = "locked"
    DUPLICATE = "duplicate"
    PRICE_ROUNDED = "price_rounded"
    SIZE_LEFT_OUT = "size_left_out"


MEANING = {
    Anomaly.LATE: "came a little late and were moved onto the latest time",
    Anomaly.LOCKED: "have a bid that equals the offer",
    Anomaly.DUPLICATE: "say what the row before them says",
    Anomaly.PRICE_ROUNDED: "have a price of more than nine decimals, which was rounded",
    Anomaly.SIZE_LEFT_OUT: "have a size that cannot be kept and was left out",
}
TICK_FLAGS = {Anomaly.LATE: TickFlag.LATE, Anomaly.LOCKED: TickFlag.LOCKED, Anomaly.DUPLICATE: TickFlag.DUPLICATE}
PARSE_FLAGS = {Anomaly.PRICE_ROUNDED: ParseFlag.PRICE_ROUNDED, Anomaly.SIZE_LEFT_OUT: ParseFlag.SIZE_LEFT_OUT}


def line(place: int) -> str:
    """A place where nothing better is known."""
    return f"line {place}"


@dataclass(slots=True)
class Entry:
    """Rows of one kind: how many, the first and the last place, and the detail of the first."""

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
    rejected: dict[DeadLetterReason, Entry] = field(default_factory=dict)
    anomalies: dict[Anomaly, Entry] = field(default_factory=dict)

    @property
    def rows_rejected(self) -> int:
        return sum(entry.count for entry in self.rejected.values())

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.ticks + self.rows_rejected

    @property
    def notable(self) -> int:
        """Rows rejected and anomalies; a row may have two of these."""
        return self.rows_rejected + sum(entry.count for entry in self.anomalies.values())

    def on_ticks(self, batch: TickBatch) -> None:
        """Take in a batch that was judged."""
        self.ticks += len(batch.quotes)
        self.others += batch.left_out
        for _, row in batch.rejected:
            entry = self.rejected.get(row.reason)
            if entry is None:
                self.rejected[row.reason] = Entry(1, row.place, row.place, row.detail)
            else:
                entry.add(1, row.place)
        if len(batch.quotes):
            self._count_anomalies(batch.quotes.flags, TICK_FLAGS, batch.place)
        if len(batch.parse_flags):
            self._count_anomalies(batch.parse_flags, PARSE_FLAGS, batch.place)

    def _count_anomalies(self, column: NDArray[Any], bits: dict[Anomaly, Any], place: Int64) -> None:
        seen = int(np.bitwise_or.reduce(column))
        for anomaly, bit in bits.items():
            if not seen & bit:
                continue
            rows = np.flatnonzero(column & column.dtype.type(bit))
            first, last = int(place[rows[0]]), int(place[rows[-1]])
            if anomaly in self.anomalies:
                self.anomalies[anomaly].add(len(rows), last)
            else:
                self.anomalies[anomaly] = Entry(len(rows), first, last)

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
            "rejected": self.rows_rejected,
            "other_instruments": self.others,
            "by_reason": {str(reason): _entry(entry, describe) for reason, entry in self.rejected.items()},
            "anomalies": {str(anomaly): _entry(entry, describe) for anomaly, entry in self.anomalies.items()},
        }


def _entry(entry: Entry, describe: Callable[[int], str]) -> dict[str, Any]:
    values = {"count": entry.count, "first": describe(entry.first_place), "last": describe(entry.last_place)}
    return values | ({"detail": entry.first_detail} if entry.first_detail else {})


def account_lines(values: dict[str, Any]) -> list[str]:
    """What `as_dict` gave, in lines for people; the warning last."""
    head = f"{values['rows']:,} rows read = {values['ticks']:,} ticks + {values['rejected']:,} rejected"
    if values["other_instruments"]:
        head += f"; {values['other_instruments']:,} of other instruments were passed over"
    lines = [head]
    for reason, entry in values["by_reason"].items():
        lines.append(f"rejected as {reason}: {_counted(entry)}: {entry.get('detail', '')}")
    for anomaly, entry in values["anomalies"].items():
        lines.append(f"{_counted(entry)}: {MEANING[Anomaly(anomaly)]}")
    if values["rejected"] > WARN_SHARE * values["rows"]:
        share = values["rejected"] / values["rows"]
        lines.append(f"WARNING: {share:.1%} of the rows read were rejected: is this what it is taken for?")
    return lines


def notable_rows(values: dict[str, Any]) -> int:
    """Rows rejected and anomalies, of what `as_dict` gave."""
    return int(values["rejected"]) + sum(int(entry["count"]) for entry in values["anomalies"].values())


def _counted(entry: dict[str, Any]) -> str:
    if entry["count"] == 1:
        return f"1 row, {entry['first']}"
    return f"{entry['count']:,} rows, {entry['first']} to {entry['last']}"


def reasons_text(values: dict[str, Any]) -> str:
    """Why rows were rejected, in half a line: first place, reason and count of each kind."""
    return "; ".join(
        f"{entry['count']:,} {reason}, the first {entry['first']}: {entry.get('detail', '')}"
        for reason, entry in values["by_reason"].items()
    )
