"""The invariants of topic `examples`, each joined with its transaction."""

from typing import Any

from tidewheel.contracts.invariants.columns import NOT_FOUND
from tidewheel.contracts.invariants.findings import Findings, Invariant, LogEntry
from tidewheel.contracts.invariants.transactions import TransactionInvariants
from tidewheel.domain.continuity import NEXT, ArrivalKind, SequenceChecker


class ExampleInvariants:
    """One instrument's examples, read after all of its transactions. `truncated`: retention may have taken the
    first ones; set before the first."""

    def __init__(self, instrument: str, findings: Findings, transactions: TransactionInvariants) -> None:
        self._instrument = instrument
        self._findings = findings
        self._transactions = transactions
        self._order = SequenceChecker("example_seq")
        # The place after the last example's transaction, and the transactions that have an example.
        self._at = 0
        self._used = bytearray()
        self.truncated = False
        self.count = 0
        self.repeats = 0
        self.older = 0
        self.seqs = (0, 0)
        self.last: LogEntry | None = None

    def take(self, entry: LogEntry) -> None:
        """The next record."""
        seq = entry.value.example_seq
        if self.last is None:
            self.seqs = seq, seq
            if seq != 1 and not self.truncated:
                self._add(Invariant.EXAMPLES_CONTIGUOUS, entry, f"the first example_seq is {seq}, it begins at 1")
        self.last = entry
        arrival = self._order.take(seq)
        if arrival.kind is ArrivalKind.GAP:
            self._add(Invariant.EXAMPLES_CONTIGUOUS, entry, arrival.summary())
        elif arrival is not NEXT:
            self.repeats += 1
            self._add(Invariant.EXAMPLES_ONCE, entry, arrival.summary())
            return
        self.count += 1
        self.seqs = self.seqs[0], seq
        self._join(entry)

    def _join(self, entry: LogEntry) -> None:
        record, labeled = entry.value, self._transactions.labeled
        at = self._at
        if at >= len(labeled) or labeled.order_id[at] != record.order_id:
            at = labeled.find(record.order_id)
        if at == NOT_FOUND:
            self._on_absent(entry)
            return
        if not self._used:
            self._used = bytearray(len(labeled))
        if self._used[at]:
            self._add(Invariant.EXAMPLES_ONCE, entry, f"order {record.order_id} has an example already")
            return
        self._used[at] = 1
        if at < self._at:
            detail = f"example {record.example_seq}, of order {record.order_id}, stands after one of a later end"
            self._add(Invariant.EXAMPLES_ORDERED, entry, detail)
        self._at = at + 1
        wanted = labeled.label[at], labeled.resolved_ns[at]
        if (record.label, record.resolved_ns) != wanted:
            found = f"label {record.label} at {record.resolved_ns}"
            detail = f"example {record.example_seq} says {found}, its transaction {wanted[0]} at {wanted[1]}"
            self._add(Invariant.EXAMPLES_LABELED, entry, detail)

    def _on_absent(self, entry: LogEntry) -> None:
        record, transactions = entry.value, self._transactions
        if transactions.truncated and record.resolved_ns <= transactions.first_ns:
            self.older += 1
            return
        detail = f"example {record.example_seq}: order {record.order_id} has no PROFIT or LOSS transaction"
        self._add(Invariant.EXAMPLES_JOINED, entry, detail)

    def _add(self, invariant: Invariant, entry: LogEntry, detail: str) -> None:
        self._findings.add(invariant, entry, self._instrument, detail)

    def counts(self) -> dict[str, Any]:
        first, last = self.seqs
        return {
            "records": self.count,
            "first_example_seq": first,
            "last_example_seq": last,
            "repeats": self.repeats,
            "older_than_transactions": self.older,
        }

    def summary(self) -> str:
        first, last = self.seqs
        if self.last is None:
            return "no examples"
        return f"{self.count:,} examples, example_seq {first:,}…{last:,}"
