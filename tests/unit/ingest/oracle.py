"""docs/semantics.md, "Quotes" and "Market seconds", once more: row by row in plain integers, sharing no code with the
service."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

S = 1_000_000_000
LOCKED, DUPLICATE, LATE, GAP = 2, 4, 8, 1


class Row(NamedTuple):
    """A raw row; sizes and venue sequence -1 where not given."""

    time_ns: int
    bid: int
    offer: int
    bid_size: int = -1
    offer_size: int = -1
    venue_seq: int = -1


class Tick(NamedTuple):
    time_ns: int
    bid: int
    offer: int
    bid_size: int
    offer_size: int
    venue_seq: int
    flags: int


class Second(NamedTuple):
    session: int
    second: int
    first_seq: int
    ticks: tuple[Tick, ...]
    opening: tuple[int, int]
    closing: tuple[int, int]
    day: tuple[int, int, int]
    stale: bool
    ends_session: bool
    last_tick_ns: int


def usable(row: Row) -> bool:
    limit = 9_200_000_000 * S
    if row.bid <= 0 or row.offer <= 0 or row.bid > limit or row.offer > limit or row.bid > row.offer:
        return False
    return 2 * (row.offer - row.bid) <= (row.bid + row.offer) // 2


@dataclass
class Oracle:
    quiet_s: int
    stale_s: int
    out: list[Any] = field(default_factory=list)  # Second, or the index of a rejected row
    latest: int = -1
    before: Row | None = None
    held: list[Tick] = field(default_factory=list)
    session: int = 0
    seq: int = 1
    written: int | None = None  # last second written in this session
    all_ticks: list[Tick] = field(default_factory=list)  # of this session, written or not
    over: bool = True

    def row(self, index: int, row: Row) -> None:
        if not usable(row):
            self.out.append(index)
            return
        flags = 0
        if row.bid == row.offer:
            flags |= LOCKED
        if row == self.before:
            flags |= DUPLICATE
        if row.time_ns < self.latest:
            flags |= LATE
        self.before = row
        self.latest = max(self.latest, row.time_ns)
        second = self.latest // S
        if self.held and self.held[0].time_ns // S != second:
            self.write_held(False)
            self.write_quiet_before(second)
        if self.over and not self.held:
            self.session += 1
            self.all_ticks = []
            if self.session > 1:
                flags |= GAP
        self.held.append(Tick(self.latest, *row[1:], flags))

    def end(self) -> None:
        if self.held:
            self.write_held(True)

    def write_held(self, ends: bool) -> None:
        second = self.held[0].time_ns // S
        opening = (self.all_ticks[-1].bid, self.all_ticks[-1].offer) if self.all_ticks else (0, 0)
        ticks, self.held = tuple(self.held), []
        self.all_ticks += ticks
        self.write(second, ticks, opening, ends)
        self.seq += len(ticks)

    def write_quiet_before(self, second: int) -> None:
        last_tick_second = self.all_ticks[-1].time_ns // S
        quote = (self.all_ticks[-1].bid, self.all_ticks[-1].offer)
        at = last_tick_second + 1
        while at < second and at <= last_tick_second + self.quiet_s:
            self.write(at, (), quote, at == last_tick_second + self.quiet_s)
            at += 1

    def write(self, second: int, ticks: tuple[Tick, ...], opening: tuple[int, int], ends: bool) -> None:
        last = self.all_ticks[-1]
        closing = (last.bid, last.offer)
        today = [t for t in self.all_ticks if t.time_ns // S // 86_400 == second // 86_400]
        mids = [(t.bid + t.offer) // 2 for t in today] or [sum(closing) // 2]
        day = (mids[0], max(mids), min(mids))
        stale = (second + 1) * S - last.time_ns > self.stale_s * S
        self.out.append(Second(self.session, second, self.seq, ticks, opening, closing, day, stale, ends, last.time_ns))
        self.over = ends


def expected(rows: list[Row], quiet_s: int = 600, stale_s: int = 60, *, ended: bool = True) -> list[Any]:
    """Seconds and the indices of rejected rows, in order."""
    oracle = Oracle(quiet_s, stale_s)
    for index, row in enumerate(rows):
        oracle.row(index, row)
    if ended:
        oracle.end()
    return oracle.out
