"""The invariants of topic `orders`. A repeat is by design, as long as it says the same."""

from typing import Any

import numpy as np

from tidewheel.contracts.invariants.columns import NOT_FOUND, FlagColumn, RecordIndex, as_numpy
from tidewheel.contracts.invariants.findings import Findings, Invariant, LogEntry
from tidewheel.contracts.invariants.ticks import TickInvariants
from tidewheel.contracts.topics import ORDERS
from tidewheel.domain.continuity import NEXT, AscendingKeyChecker
from tidewheel.domain.time import ORDER_IDS_PER_S


class OrderInvariants:
    """One instrument's orders. `placed`: each order's number, flagged once it is resolved. `truncated`: retention may
    have taken the first records; set before the first one."""

    def __init__(self, instrument: str, findings: Findings, ticks: TickInvariants) -> None:
        self._instrument = instrument
        self._findings = findings
        self._ticks = ticks
        self._order = AscendingKeyChecker("second")
        self.seconds = RecordIndex()
        self.placed = FlagColumn()
        self.truncated = False
        self.partition = 0
        self.repeats = 0
        self.older = 0

    def take(self, entry: LogEntry) -> None:
        """The next record."""
        record, self.partition = entry.value, entry.partition
        arrival, known = self._order.take(record.second), self.seconds.find(record.second)
        if known != NOT_FOUND:
            self._on_repeat(entry, known)
            return
        if arrival is not NEXT:
            self._add(Invariant.ORDERS_ORDERED, entry, arrival.summary())
        self.seconds.add(record.second, entry.fingerprint, entry.offset)
        self._join(entry)
        if len(record) and (record.order_id // ORDER_IDS_PER_S != record.second).any():
            self._add(Invariant.ORDERS_NUMBERED, entry, f"order {record.order_id[0]} stands in second {record.second}")
        self.placed.extend(record.order_id)

    def _on_repeat(self, entry: LogEntry, known: int) -> None:
        if self.seconds.fingerprints[known] == entry.fingerprint:
            self.repeats += 1
            return
        where = f"it stands at offset {self.seconds.offsets[known]}"
        self._add(
            Invariant.ORDERS_UNAMBIGUOUS, entry, f"second {entry.value.second} came again with other content; {where}"
        )

    def _join(self, entry: LogEntry) -> None:
        record = entry.value
        if self._ticks.is_older(record.second):
            self.older += 1
        elif not self._ticks.has(record.second):
            self._add(Invariant.ORDERS_JOINED, entry, f"there is no market second {record.second}")
        else:
            span = self._ticks.span_of(record.second)
            if span is not None and span.session != record.session:
                detail = f"second {record.second} is of session {span.session}, its orders of {record.session}"
                self._add(Invariant.ORDERS_JOINED, entry, detail)

    def end(self, labeled_second: int) -> None:
        """All records have been read. `labeled_second`: up to it orders must be there."""
        seconds, have = as_numpy(self._ticks.seconds.numbers), as_numpy(self.seconds.numbers)
        last = max(labeled_second, int(have[-1]) if len(have) else labeled_second)
        wanted = seconds[seconds <= last]
        if self.truncated:
            wanted = wanted[wanted >= have[0]] if len(have) else wanted[:0]
        for second in np.setdiff1d(wanted, have).tolist():
            after = int(np.searchsorted(have, second))
            offset = self.seconds.offsets[after] if after < len(have) else NOT_FOUND
            entry = LogEntry(ORDERS.name, self.partition, offset, None, None)
            self._add(Invariant.ORDERS_COMPLETE, entry, f"market second {second} has no record of orders")

    def entry_of(self, order_id: int) -> LogEntry:
        """The record that an order was placed by."""
        at = self.seconds.find(order_id // ORDER_IDS_PER_S)
        offset = NOT_FOUND if at == NOT_FOUND else self.seconds.offsets[at]
        return LogEntry(ORDERS.name, self.partition, offset, None, None)

    def is_older(self, order_id: int) -> bool:
        """Whether an order may have been there before retention took it."""
        return self.truncated and (not len(self.seconds) or order_id // ORDER_IDS_PER_S < self.seconds.numbers[0])

    def _add(self, invariant: Invariant, entry: LogEntry, detail: str) -> None:
        self._findings.add(invariant, entry, self._instrument, detail)

    def counts(self) -> dict[str, Any]:
        return {
            "records": len(self.seconds),
            "orders": len(self.placed),
            "identical_repeats": self.repeats,
            "older_than_ticks": self.older,
        }

    def summary(self) -> str:
        return f"{len(self.placed):,} orders of {len(self.seconds):,} seconds"
