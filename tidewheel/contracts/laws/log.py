"""Holds a whole log to its laws: decoded records in, findings out. Pure.

Topics come one after another, upstream first: ticks, orders, transactions, examples; each as its records lie. What is
kept is 48 bytes a market second and 43 an order. How far labels are is told twice: as of before the ends of the
topics were asked for, which nothing read may fall short of, and as of after, which nothing read may exceed.
"""

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

from tidewheel.contracts.laws.examples import ExampleLaws
from tidewheel.contracts.laws.findings import Entry, Findings, Law
from tidewheel.contracts.laws.orders import OrderLaws
from tidewheel.contracts.laws.ticks import TickLaws
from tidewheel.contracts.laws.transactions import TransactionLaws
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.labeler_state import Frontier

# In the order in which they are to be read.
READ = (TICKS.name, ORDERS.name, TRANSACTIONS.name, EXAMPLES.name)
SOUND = {
    TICKS.name: "contiguous, once each, in order",
    ORDERS.name: "once each but for repeats, in order, joined by second",
    TRANSACTIONS.name: "each placed, once each, in order",
    EXAMPLES.name: "contiguous, once each, in order, each of one transaction",
}
Place = tuple[str, int]  # topic and partition
NO_PARTITION = -1


class InstrumentLaws:
    """All laws of one instrument's records. `cut`: topics and partitions whose first records are gone."""

    def __init__(self, name: str, findings: Findings, cut: Set[Place]) -> None:
        self.name = name
        self._findings = findings
        self.ticks = TickLaws(name, findings)
        self.orders = OrderLaws(name, findings, self.ticks)
        self.transactions = TransactionLaws(name, findings, self.ticks, self.orders)
        self.examples = ExampleLaws(name, findings, self.transactions)
        self.by_topic: dict[str, TickLaws | OrderLaws | TransactionLaws | ExampleLaws] = {
            TICKS.name: self.ticks,
            ORDERS.name: self.orders,
            TRANSACTIONS.name: self.transactions,
            EXAMPLES.name: self.examples,
        }
        self._partition = NO_PARTITION
        # Of an instrument that has no record any more, nobody knows which partition was its own.
        self._set_cut({topic for topic, _ in cut})
        self._cut = cut

    def _set_cut(self, topics: Set[str]) -> None:
        for topic, laws in self.by_topic.items():
            laws.cut = topic in topics

    def take(self, entry: Entry) -> None:
        """The next record."""
        if self._partition == NO_PARTITION:
            self._partition = entry.partition
            self._set_cut({topic for topic, partition in self._cut if partition == entry.partition})
        if entry.partition != self._partition or entry.key != self.name.encode():
            detail = f"it lies on partition {entry.partition} under key {entry.key!r}, the first on {self._partition}"
            self._findings.add(Law.ONE_PLACE, entry, self.name, detail)
        self.by_topic[entry.topic].take(entry)

    def end(self, before: Frontier, after: Frontier) -> None:
        """All records have been read; the labeler's frontier as of before and after."""
        labelled_second = max(before.second, self.transactions.labelled_second)
        self.orders.end(labelled_second)
        self.transactions.end(labelled_second)
        # Where the beginning is gone, the number is not known of transactions; examples carry theirs.
        if not self.transactions.cut:
            self._covered(TRANSACTIONS.name, self.transactions.count, before.transactions, after.transactions)
        if self.examples.last is not None or not self.examples.cut:
            self._covered(EXAMPLES.name, self.examples.seqs[1], before.example_seq, after.example_seq)

    def _covered(self, topic: str, found: int, least: int, most: int) -> None:
        if least <= found <= most:
            return
        last = self.transactions.last if topic == TRANSACTIONS.name else self.examples.last
        entry = last or Entry(topic, 0, -1, None, None)
        said = f"{least}" if least == most else f"{least} to {most}"
        self._findings.add(Law.STATE_COVERS, entry, self.name, f"{found} are there, the labeler's state says {said}")

    def line(self, topic: str) -> str:
        """What was found of a topic, for people."""
        broken = self._findings.of_topic(topic, self.name)
        words = f"{self.name} {topic}: {self.by_topic[topic].words()}: "
        words += f"{broken:,} violations" if broken else SOUND[topic]
        notes = self.by_topic[topic].figures()
        if repeats := notes.get("identical_repeats"):
            words += f"; {repeats:,} identical repeats"
        older = {name.removeprefix("older_than_"): n for name, n in notes.items() if name.startswith("older_") and n}
        return words + "".join(f"; {n:,} are older than what is left of {name}" for name, n in older.items())


class LogLaws:
    """The laws of a log. `cut`: topic and partition whose first records are gone by retention."""

    def __init__(self, cut: Set[Place] = frozenset(), before: Mapping[str, Frontier] | None = None) -> None:
        self._cut = cut
        self._before = before or {}
        self.findings = Findings()
        self.instruments: dict[str, InstrumentLaws] = {}
        self.undecodable: Counter[str] = Counter()
        self._bad: list[str] = []

    def take(self, entry: Entry) -> None:
        """The next record of a topic."""
        self._of(entry.value.instrument).take(entry)

    def _of(self, name: str) -> InstrumentLaws:
        found = self.instruments.get(name)
        if found is None:
            found = self.instruments[name] = InstrumentLaws(name, self.findings, self._cut)
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
        for name, laws in self.instruments.items():
            laws.end(self._before.get(name, Frontier()), after.get(name, Frontier()))

    def lines(self) -> list[str]:
        """All that was found, for people."""
        said = [laws.line(topic) for _, laws in sorted(self.instruments.items()) for topic in READ]
        if self.undecodable:
            counts = ", ".join(f"{count:,} of {topic}" for topic, count in self.undecodable.items())
            said += [f"records that cannot be decoded, which break no law by themselves: {counts}", *self._bad]
        said += self.findings.lines()
        total = self.findings.total
        return [*said, f"{total:,} violations" if total else "no law is broken"]

    def as_dict(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "violations": self.findings.total,
            "by_law": {law.name.lower(): count for law, count in self.findings.by_law.items()},
            "first": [one.as_dict() for one in self.findings.kept],
            "undecodable": dict(self.undecodable),
            "instruments": {
                name: {topic: part.figures() for topic, part in laws.by_topic.items()}
                for name, laws in sorted(self.instruments.items())
            },
        }
