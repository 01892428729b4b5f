"""What became of a recording's rows, as they are read: so many ticks, and what was set aside or is worth telling.

Rows read = ticks + set aside, always.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.quotes import RejectedRow, TickBatch

WARN_SHARE = 0.01


@dataclass(slots=True)
class Entry:
    """Rows of one kind: how many, the first and the last place, and what was said of the first."""

    count: int
    first_place: int
    last_place: int
    first_detail: str


@dataclass(slots=True)
class Account:
    """A running account; `on_ticks` takes what the validator made of each batch."""

    ticks: int = 0
    set_aside: dict[DeadLetterReason, Entry] = field(default_factory=dict)

    @property
    def rows_set_aside(self) -> int:
        return sum(entry.count for entry in self.set_aside.values())

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.ticks + self.rows_set_aside

    def on_ticks(self, batch: TickBatch) -> None:
        """Take in a batch that was judged."""
        self.ticks += len(batch.quotes)
        self._on_rejected(row for _, row in batch.rejected)

    def _on_rejected(self, rows: Iterable[RejectedRow]) -> None:
        for row in rows:
            entry = self.set_aside.get(row.reason)
            if entry is None:
                self.set_aside[row.reason] = Entry(1, row.place, row.place, row.detail)
            else:
                entry.count += 1
                entry.last_place = row.place
