"""Whether records come once each and in order. Told their numbers in the order read, it says what each record is. Pure.

Who reads a topic keeps one of these for each instrument: a few numbers, one comparison or two for a record that is the
next. After reading on purpose from another place, the reader says so with `forget`: what is read again then, or passed
over, is no fault.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from tidewheel.domain.market import MarketSecond

UNKNOWN: Final = -1


class ArrivalKind(StrEnum):
    """What a record is, by its number."""

    NEXT = "next"
    REPEATED = "repeated"  # the number of the record before it
    GAP = "gap"  # numbers before it are missing
    OUT_OF_ORDER = "out_of_order"  # a number lower still: reading went back, or an earlier record came late


class Arrival(NamedTuple):
    """A record as it came. `missing`: how many records are, at least. `field`: what `due` and `found` count."""

    kind: ArrivalKind
    due: int
    found: int
    missing: int = 0
    field: str = ""

    @property
    def due_after(self) -> int:
        """The number due once this record has been taken in."""
        return max(self.due, self.found + 1)

    def summary(self) -> str:
        """What is wrong with it, for people."""
        if self.kind is ArrivalKind.GAP:
            lost = f"{self.missing} {'is' if self.missing == 1 else 'are'} missing"
            return f"{self.field} {self.found} came where {self.due} was due, {lost}"
        again = "came again" if self.kind is ArrivalKind.REPEATED else "came late or again"
        return f"{self.field} {self.found} {again} where {self.due} was due"


# A record that is the next is this very value: `arrival is NEXT`.
NEXT: Final = Arrival(ArrivalKind.NEXT, UNKNOWN, UNKNOWN)


def classify_arrival(due: int, number: int, field: str) -> Arrival:
    """A record with `number` where `due` was due, of numbers that rise by one."""
    if number == due:
        return NEXT
    if number > due:
        return Arrival(ArrivalKind.GAP, due, number, number - due, field)
    return Arrival(ArrivalKind.REPEATED if number == due - 1 else ArrivalKind.OUT_OF_ORDER, due, number, 0, field)


class SequenceChecker:
    """Numbers that rise by one, from any first one on."""

    __slots__ = ("due", "field")

    def __init__(self, field: str) -> None:
        self.field = field
        self.due = UNKNOWN

    def take(self, number: int) -> Arrival:
        """The next record's number."""
        due = self.due
        if number != due and due != UNKNOWN:
            arrival = classify_arrival(due, number, self.field)
            self.due = arrival.due_after
            return arrival
        self.due = number + 1
        return NEXT

    def forget(self) -> None:
        """Reading goes on from another place."""
        self.due = UNKNOWN


class MarketSecondChecker:
    """Market seconds: `seq` contiguous throughout, seconds within a session, sessions rising by one."""

    __slots__ = ("next_second", "next_seq", "session")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Reading goes on from another place."""
        self.session = self.next_second = self.next_seq = UNKNOWN

    def expect(self, session: int, second: int, seq: int) -> None:
        """What the next record of a session in progress will be."""
        self.session, self.next_second, self.next_seq = session, second, seq

    def take(self, record: MarketSecond) -> Arrival:
        """The next record."""
        if record.second != self.next_second or record.first_seq != self.next_seq or record.session != self.session:
            arrival = self._out_of_sequence(record)
            if arrival.found < arrival.due and arrival.field != "seq":
                return arrival
        else:
            arrival = NEXT
        self.session, self.next_second = record.session, record.second + 1
        self.next_seq = record.first_seq + len(record.quotes)
        return arrival

    def _out_of_sequence(self, record: MarketSecond) -> Arrival:
        """A record that does not go on with the session: the first one, the next session's, or a fault."""
        if self.session == UNKNOWN:
            return NEXT
        if record.second < self.next_second:
            return classify_arrival(self.next_second, record.second, "second")
        if record.session < self.session:
            return Arrival(ArrivalKind.OUT_OF_ORDER, self.session, record.session, 0, "session")
        if record.session > self.session + 1:
            return classify_arrival(self.session + 1, record.session, "session")
        if record.session == self.session and record.second > self.next_second:
            return classify_arrival(self.next_second, record.second, "second")
        arrival = classify_arrival(self.next_seq, record.first_seq, "seq")
        # How many records were lost with quotes nobody can tell: one at least.
        return arrival._replace(missing=1) if arrival.missing else arrival


class AscendingKeyChecker:
    """Keys that only rise, be it by how much; the last part of a key is shown for it."""

    __slots__ = ("_last", "_numbered")

    def __init__(self, field: str) -> None:
        self._numbered = field
        self._last: tuple[int, ...] = ()

    def take(self, *key: int) -> Arrival:
        """The next record's key."""
        last = self._last
        if key > last:
            self._last = key
            return NEXT
        kind = ArrivalKind.REPEATED if key == last else ArrivalKind.OUT_OF_ORDER
        return Arrival(kind, last[-1] + 1, key[-1], 0, self._numbered)

    def forget(self) -> None:
        """Reading goes on from another place."""
        self._last = ()


class ReadPositions:
    """The next offset of each place. A record from before that is read again, as after a client's own rewind: what
    it repeats says nothing of the log, and was told when it was read first."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: dict[Hashable, int] = {}

    def was_read(self, place: Hashable, offset: int) -> bool:
        """Whether the record at an offset was read before."""
        if offset < self._next.get(place, 0):
            return True
        self._next[place] = offset + 1
        return False


@dataclass(slots=True)
class Counts:
    """Records that came again or late, and records that are missing."""

    repeated: int = 0
    skipped: int = 0

    def add(self, arrival: Arrival) -> None:
        """Take in what a record is."""
        self.skipped += arrival.missing
        self.repeated += arrival.kind in (ArrivalKind.REPEATED, ArrivalKind.OUT_OF_ORDER)
