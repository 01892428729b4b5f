"""The invariants of topic `transactions`, and what examples are joined with: how each labelled order ended."""

from array import array
from typing import Any

import numpy as np

from tidewheel.contracts.invariants.columns import NOT_FOUND, FlagColumn, as_numpy
from tidewheel.contracts.invariants.findings import Findings, Invariant, LogEntry
from tidewheel.contracts.invariants.orders import OrderInvariants
from tidewheel.contracts.invariants.ticks import TickInvariants
from tidewheel.domain.continuity import NEXT, Arrival, AscendingKeyChecker
from tidewheel.domain.labeler_state import NO_SECOND
from tidewheel.domain.market import Int64
from tidewheel.domain.orders import Outcome
from tidewheel.domain.time import NS_PER_S, ORDER_IDS_PER_S


class LabeledTransactions:
    """The PROFIT and LOSS transactions in their order: 17 bytes each, and 16 more once they are searched."""

    def __init__(self) -> None:
        self.order_id = array("q")
        self.resolved_ns = array("q")
        self.label = bytearray()
        self._sorted: tuple[Int64, Int64] | None = None

    def __len__(self) -> int:
        return len(self.order_id)

    def add(self, order_id: int, resolved_ns: int, label: int) -> None:
        self.order_id.append(order_id)
        self.resolved_ns.append(resolved_ns)
        self.label.append(label)

    def find(self, order_id: int) -> int:
        """The place of an order's transaction, ABSENT where there is none; when all have been added."""
        if self._sorted is None:
            ids = as_numpy(self.order_id)
            order = np.argsort(ids, kind="stable")
            self._sorted = ids[order], order
        ids, order = self._sorted
        at = int(np.searchsorted(ids, order_id))
        return int(order[at]) if at < len(ids) and ids[at] == order_id else NOT_FOUND


class TransactionInvariants:
    """One instrument's resolved orders. `truncated`: retention may have taken the first ones; set before the first."""

    def __init__(self, instrument: str, findings: Findings, ticks: TickInvariants, orders: OrderInvariants) -> None:
        self._instrument = instrument
        self._findings = findings
        self._ticks = ticks
        self._orders = orders
        self._order = AscendingKeyChecker("order_id")
        self._unplaced = FlagColumn()
        self.labeled = LabeledTransactions()
        self.truncated = False
        self.count = 0
        self.repeats = 0
        self.older = 0
        self.still_open = 0
        self.first_ns = self._latest_ns = NO_SECOND
        self.last: LogEntry | None = None

    def take(self, entry: LogEntry) -> None:
        """The next record."""
        record = entry.value
        if self.last is None:
            self.first_ns = record.resolved_ns
        self.last, self._latest_ns = entry, max(self._latest_ns, record.resolved_ns)
        arrival = self._order.take(*record.canonical)
        if not self._is_new(entry, arrival):
            return
        self.count += 1
        self._check_session(entry)
        if record.outcome in (Outcome.PROFIT, Outcome.LOSS):
            self.labeled.add(record.order_id, record.resolved_ns, record.outcome is Outcome.PROFIT)

    @property
    def labeled_second(self) -> int:
        """A second up to which all is labelled, since what comes later is."""
        return NO_SECOND if self.last is None else self._latest_ns // NS_PER_S - 1

    def _is_new(self, entry: LogEntry, arrival: Arrival) -> bool:
        """Whether the order is resolved for the first time; if not, or if it stands out of order, that is a finding."""
        order_id = entry.value.order_id
        if self._was_resolved(entry):
            self.repeats += 1
            self._add(Invariant.TRANSACTIONS_ONCE, entry, f"order {order_id} is resolved again")
            return False
        if arrival is not NEXT:
            detail = f"order {order_id}, resolved at {entry.value.resolved_ns}, stands after one that is later"
            self._add(Invariant.TRANSACTIONS_ORDERED, entry, detail)
        return True

    def _was_resolved(self, entry: LogEntry) -> bool:
        """Note that an order is resolved, placed or not; returns whether it was before."""
        order_id = entry.value.order_id
        at = self._orders.placed.find(order_id)
        if at != NOT_FOUND:
            return self._orders.placed.set(at)
        if self._unplaced.find(order_id) != NOT_FOUND:
            return True
        self._unplaced.extend([order_id])
        if self._orders.is_older(order_id):
            self.older += 1
        else:
            self._add(Invariant.TRANSACTIONS_JOINED, entry, f"order {order_id} was never placed")
        return False

    def _check_session(self, entry: LogEntry) -> None:
        record = entry.value
        second = record.order_id // ORDER_IDS_PER_S
        detail = ""
        if record.placed_ns // NS_PER_S != second or record.resolved_ns < record.placed_ns:
            detail = f"order {record.order_id} was placed at {record.placed_ns} and resolved at {record.resolved_ns}"
        elif not self._ticks.is_older(second):
            span = self._ticks.span_of(second)
            if span is None or not self._ticks.has(second):
                detail = f"order {record.order_id} was placed in second {second}, which is no market second"
            elif span.session != record.session:
                detail = f"order {record.order_id} says session {record.session}, its second is of {span.session}"
        if detail:
            self._add(Invariant.TRANSACTIONS_JOINED, entry, detail)

    def end(self, labeled_second: int) -> None:
        """All records have been read; labels are written up to `labeled_second`."""
        for order_id in self._orders.placed.unset():
            second = order_id // ORDER_IDS_PER_S
            span = self._ticks.span_of(second)
            taken = self.truncated and second * NS_PER_S < self.first_ns
            if span is not None and span.over and span.last_second <= labeled_second and not taken:
                detail = f"order {order_id} is not resolved, though its session {span.session} is over"
                self._add(Invariant.TRANSACTIONS_COMPLETE, self._orders.entry_of(order_id), detail)
            else:
                self.still_open += 1

    def _add(self, invariant: Invariant, entry: LogEntry, detail: str) -> None:
        self._findings.add(invariant, entry, self._instrument, detail)

    def counts(self) -> dict[str, Any]:
        return {
            "records": self.count,
            "labeled": len(self.labeled),
            "repeats": self.repeats,
            "older_than_orders": self.older,
            "open": self.still_open,
        }

    def summary(self) -> str:
        return f"{self.count:,} resolved orders, {self.still_open:,} still open"
