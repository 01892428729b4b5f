"""Checks the invariants of a whole log: decoded records in, findings out. Pure.

Topics come one after another, upstream first: ticks, orders, transactions, examples; each as its records lie. What is
kept is 48 bytes a market second and 43 an order. How far labels are is given twice: as of before the ends of the
topics were asked for, which nothing read may fall short of, and as of after, which nothing read may exceed.
"""

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

from tidewheel.contracts.invariants.examples import ExampleInvariants
from tidewheel.contracts.invariants.findings import Findings, Invariant, LogEntry
from tidewheel.contracts.invariants.orders import OrderInvariants
from tidewheel.contracts.invariants.ticks import TickInvariants
from tidewheel.contracts.invariants.transactions import TransactionInvariants
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier

# In the order in which they are to be read.
TOPICS_READ = (TICKS.name, ORDERS.name, TRANSACTIONS.name, EXAMPLES.name)
SOUND_SUMMARY = {
    TICKS.name: "contiguous, once each, in order",
    ORDERS.name: "once each but for repeats, in order, joined by second",
    TRANSACTIONS.name: "each placed, once each, in order",
    EXAMPLES.name: "contiguous, once each, in order, each of one transaction",
}
Place = tuple[str, int]  # topic and partition
NO_PARTITION = -1


class InstrumentInvariants:
    """All invariants of one instrument's records. `truncated`: topics and partitions whose first records are gone."""

    def __init__(self, name: str, findings: Findings, truncated: Set[Place]) -> None:
        self.name = name
        self._findings = findings
        self.ticks = TickInvariants(name, findings)
        self.orders = OrderInvariants(name, findings, self.ticks)
        self.transactions = TransactionInvariants(name, findings, self.ticks, self.orders)
        self.examples = ExampleInvariants(name, findings, self.transactions)
        self.by_topic: dict[str, TickInvariants | OrderInvariants | TransactionInvariants | ExampleInvariants] = {
            TICKS.name: self.ticks,
            ORDERS.name: self.orders,
            TRANSACTIONS.name: self.transactions,
            EXAMPLES.name: self.examples,
        }
        self._partition = NO_PARTITION
        # Of an instrument that has no record any more, nobody knows which partition was its own.
        self._set_truncated({topic for topic, _ in truncated})
        self._truncated = truncated

    def _set_truncated(self, topics: Set[str]) -> None:
        for topic, invariants in self.by_topic.items():
            invariants.truncated = topic in topics

    def take(self, entry: LogEntry) -> None:
        """The next record."""
        if self._partition == NO_PARTITION:
            self._partition = entry.partition
            self._set_truncated({topic for topic, partition in self._truncated if partition == entry.partition})
        if entry.partition != self._partition or entry.key != self.name.encode():
            detail = f"it lies on partition {entry.partition} under key {entry.key!r}, the first on {self._partition}"
            self._findings.add(Invariant.ONE_PLACE, entry, self.name, detail)
        self.by_topic[entry.topic].take(entry)

    def end(self, before: Frontier, after: Frontier) -> None:
        """All records have been read; the labeler's frontier as of before and after."""
        labeled_second = max(before.second, self.transactions.labeled_second)
        self.orders.end(labeled_second)
        self.transactions.end(labeled_second)
        # Where the beginning is gone, the number is not known of transactions; examples carry theirs.
        if not self.transactions.truncated:
            self._covered(TRANSACTIONS.name, self.transactions.count, before.transactions, after.transactions)
        if self.examples.last is not None or not self.examples.truncated:
            self._covered(EXAMPLES.name, self.examples.seqs[1], before.example_seq, after.example_seq)

    def _covered(self, topic: str, found: int, least: int, most: int) -> None:
        if least <= found <= most:
            return
        last = self.transactions.last if topic == TRANSACTIONS.name else self.examples.last
        entry = last or LogEntry(topic, 0, -1, None, None)
        covered = f"{least}" if least == most else f"{least} to {most}"
        self._findings.add(
            Invariant.STATE_COVERS, entry, self.name, f"{found} are there, the labeler's state says {covered}"
        )

    def line(self, topic: str) -> str:
        """What was found of a topic, for people."""
        broken = self._findings.of_topic(topic, self.name)
        summary = f"{self.name} {topic}: {self.by_topic[topic].summary()}: "
        summary += f"{broken:,} violations" if broken else SOUND_SUMMARY[topic]
        notes = self.by_topic[topic].counts()
        if repeats := notes.get("identical_repeats"):
            summary += f"; {repeats:,} identical repeats"
        older = {name.removeprefix("older_than_"): n for name, n in notes.items() if name.startswith("older_") and n}
        return summary + "".join(f"; {n:,} are older than what is left of {name}" for name, n in older.items())


class LogInvariants:
    """The invariants of a log. `truncated`: topic and partition whose first records are gone by retention."""

    def __init__(self, truncated: Set[Place] = frozenset(), before: Mapping[str, Frontier] | None = None) -> None:
        self._truncated = truncated
        self._before = before or {}
        self.findings = Findings()
        self.instruments: dict[str, InstrumentInvariants] = {}
        self.undecodable: Counter[str] = Counter()
        self._bad: list[str] = []

    def take(self, entry: LogEntry) -> None:
        """The next record of a topic."""
        self._of(entry.value.instrument).take(entry)

    def _of(self, name: str) -> InstrumentInvariants:
        found = self.instruments.get(name)
        if found is None:
            found = self.instruments[name] = InstrumentInvariants(name, self.findings, self._truncated)
        return found

    def on_undecodable(self, topic: str, partition: int, offset: int, why: str) -> None:
        """A record that nobody can read: counted. If it stands in another's place, that one is missing."""
        self.undecodable[topic] += 1
        if len(self._bad) < self.findings.kept_each:
            self._bad.append(f"  {topic} {partition}:{offset}: {why}")

    def end(self, after: Mapping[str, Frontier]) -> None:
        """All topics have been read."""
        for name in self._before:
            self._of(name)
        for name, invariants in self.instruments.items():
            invariants.end(self._before.get(name, Frontier()), after.get(name, Frontier()))

    def lines(self) -> list[str]:
        """All that was found, for people."""
        found = [invariants.line(topic) for _, invariants in sorted(self.instruments.items()) for topic in TOPICS_READ]
        if self.undecodable:
            counts = ", ".join(f"{count:,} of {topic}" for topic, count in self.undecodable.items())
            found += [f"records that cannot be decoded, which break no law by themselves: {counts}", *self._bad]
        found += self.findings.lines()
        total = self.findings.total
        return [*found, f"{total:,} violations" if total else "no law is broken"]

    def as_dict(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "violations": self.findings.total,
            "by_law": {invariant.name.lower(): count for invariant, count in self.findings.by_invariant.items()},
            "first": [one.as_dict() for one in self.findings.kept],
            "undecodable": dict(self.undecodable),
            "instruments": {
                name: {topic: part.counts() for topic, part in invariants.by_topic.items()}
                for name, invariants in sorted(self.instruments.items())
            },
        }
