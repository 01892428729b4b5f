"""The invariants by name, and where they were broken."""

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple

KEPT_EACH = 20


class Invariant(StrEnum):
    """What must hold, in words for people."""

    ONE_PLACE = "an instrument's records lie on one partition of all topics, under its name as their key"
    TICKS_CONTIGUOUS = "seq is contiguous, seconds are within a session, sessions rise by one"
    TICKS_ONCE = "a market second is written once"
    TICKS_UNAMBIGUOUS = "a market second that is written again says the same"
    TICKS_ORDERED = "market seconds stand in order"
    SESSION_ENDED = "a session's last second says that it is the last"
    ORDERS_JOINED = "orders are of a market second, and of its session"
    ORDERS_COMPLETE = "each market second has its orders, be there none in it"
    ORDERS_UNAMBIGUOUS = "orders that are written again say the same"
    ORDERS_ORDERED = "orders stand in order of their seconds"
    ORDERS_NUMBERED = "an order's number is of its second"
    TRANSACTIONS_ONCE = "an order is resolved once"
    TRANSACTIONS_ORDERED = "transactions stand in canonical order"
    TRANSACTIONS_JOINED = "what is resolved was placed, in a market second of its session"
    TRANSACTIONS_COMPLETE = "the orders of a session that is over are resolved"
    EXAMPLES_CONTIGUOUS = "example_seq is contiguous"
    EXAMPLES_ONCE = "an example is written once, and an order makes one"
    EXAMPLES_JOINED = "an example is of a PROFIT or LOSS transaction"
    EXAMPLES_LABELED = "an example has the label and the end of its transaction"
    EXAMPLES_ORDERED = "examples stand in the order of their transactions"
    STATE_COVERS = "there are as many transactions and examples as the labeler's state says"


class LogEntry(NamedTuple):
    """A record as read: where it lies, and what is in it. `fingerprint`: the same of equal bytes, in 64 bits."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: Any
    fingerprint: int = 0


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where an invariant is broken. `offset` -1: of no record that is there."""

    invariant: Invariant
    topic: str
    instrument: str
    partition: int
    offset: int
    detail: str

    def summary(self) -> str:
        return f"{self.topic} {self.partition}:{self.offset} {self.instrument}: {self.detail}"

    def as_dict(self) -> dict[str, Any]:
        named = asdict(self)
        named.pop("invariant")
        return {"law": self.invariant.name.lower(), **named}


class Findings:
    """Violations: all are counted, the first of each invariant kept."""

    def __init__(self, kept_each: int = KEPT_EACH) -> None:
        self.kept_each = kept_each
        self.kept: list[Violation] = []
        self.by_invariant: Counter[Invariant] = Counter()
        self._by_topic: Counter[tuple[str, str]] = Counter()

    def add(self, invariant: Invariant, entry: LogEntry, instrument: str, detail: str) -> None:
        """`entry`: the record at which the invariant is seen broken."""
        self.by_invariant[invariant] += 1
        self._by_topic[entry.topic, instrument] += 1
        if self.by_invariant[invariant] <= self.kept_each:
            self.kept.append(Violation(invariant, entry.topic, instrument, entry.partition, entry.offset, detail))

    def of_topic(self, topic: str, instrument: str) -> int:
        """How many were found in an instrument's records of a topic."""
        return self._by_topic[topic, instrument]

    @property
    def total(self) -> int:
        return self.by_invariant.total()

    def lines(self) -> list[str]:
        """By invariant: the first violations, and how many more there are."""
        lines = []
        for invariant, count in self.by_invariant.items():
            lines.append(f"broken: {invariant}")
            lines += [f"  {one.summary()}" for one in self.kept if one.invariant is invariant]
            if count > self.kept_each:
                lines.append(f"  and {count - self.kept_each:,} more")
        return lines
