"""Between the thread that hears venues and the loop that writes: bounded, and nobody who hears ever waits.

Where the bound is reached, of each instrument only the latest quote of each second is kept until there is room again,
flagged as standing for several; far beyond it, only the latest. So is what one instrument says in a second beyond what
its record holds.
"""

import threading
from collections import Counter

from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import Watermark
from tidewheel.venues.rows import FeedChange, Row

Entry = Row | FeedChange | Watermark

ROWS_MAX = 65_536
# Of one instrument in one second: well below what a record has room for.
SECOND_ROWS_MAX = 10_000
# Words of the connection beyond so many are dropped: they come by the second at most.
CHANGES_MAX = 4_096
# Rows become records when their second is over; so many are made columns of before, to spread the work.
WAKE_ROWS = 4_096
# What must not be lost with a quote that another takes the place of.
CARRIED = TickFlag.GAP_BEFORE | TickFlag.SNAPSHOT


class LiveQueue:
    """Filled by one thread, emptied by another. `conflated`: instrument -> quotes that another stands for."""

    def __init__(
        self, rows_max: int = ROWS_MAX, second_rows_max: int = SECOND_ROWS_MAX, wake_rows: int = WAKE_ROWS
    ) -> None:
        self.conflated: Counter[str] = Counter()
        self._rows_max = rows_max
        self._second_rows_max = second_rows_max
        self._in_second: Counter[str] = Counter()
        self._wake_rows = wake_rows
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._rows = 0
        self._changes = 0
        self._latest: dict[str, Row] = {}  # by instrument, beyond the bound
        self._late_mark: Watermark | None = None

    def __len__(self) -> int:
        """Rows that wait."""
        return self._rows + len(self._latest)

    def put(self, entry: Row | FeedChange) -> None:
        """Never waits."""
        with self._changed:
            if isinstance(entry, FeedChange):
                if self._changes < CHANGES_MAX:
                    self._entries.append(entry)
                    self._changes += 1
            elif self._has_room(entry.instrument):
                self._in_second[entry.instrument] += 1
                self._entries.append(entry)
                self._rows += 1
                if self._rows % self._wake_rows == 0:
                    self._changed.notify()
            else:
                self._put_latest(entry)

    def _has_room(self, instrument: str) -> bool:
        is_room = self._rows < self._rows_max and self._in_second[instrument] < self._second_rows_max
        return is_room and instrument not in self._latest

    def _put_latest(self, row: Row) -> None:
        before = self._latest.get(row.instrument)
        if before is not None:
            self.conflated[row.instrument] += 1
            if row.fault is not None:  # the last usable quote outlives one that is none
                return
            row = row._replace(flags=row.flags | before.flags & CARRIED | TickFlag.CONFLATED)
        self._latest[row.instrument] = row

    def put_time(self, time_ns: int) -> None:
        """All that came before `time_ns` is in the queue."""
        mark = Watermark(time_ns)
        with self._changed:
            self._in_second.clear()
            if self._latest and self._rows < 2 * self._rows_max:
                self._rows += len(self._latest)
                self._entries += self._take_latest()
            if self._latest:
                self._late_mark = mark
            elif self._entries and isinstance(self._entries[-1], Watermark):
                self._entries[-1] = mark
            else:
                self._entries.append(mark)
            self._changed.notify()

    def take(self, wait_s: float) -> list[Entry]:
        """All that waits, in order; waits so long at most for a second to end, or for many rows."""
        with self._changed:
            if not self._entries:
                self._changed.wait(wait_s)
            taken, self._entries = self._entries, []
            taken += self._take_latest()
            self._rows = self._changes = 0
            return taken

    def _take_latest(self) -> list[Entry]:
        latest, self._latest = sorted(self._latest.values(), key=lambda row: row.time_ns), {}
        mark, self._late_mark = self._late_mark, None
        if mark is None:
            return list(latest)
        before = [row for row in latest if row.time_ns < mark.time_ns]
        return [*before, mark, *latest[len(before) :]]
