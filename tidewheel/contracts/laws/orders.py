"""The laws of topic `orders`. A repeat is by design, as long as it says the same."""

from typing import Any

import numpy as np

from tidewheel.contracts.laws.columns import ABSENT, Flags, Index, as_numpy
from tidewheel.contracts.laws.findings import Entry, Findings, Law
from tidewheel.contracts.laws.ticks import TickLaws
from tidewheel.contracts.topics import ORDERS
from tidewheel.domain.continuity import NEXT, Ascending
from tidewheel.domain.time import ORDER_IDS_PER_S


class OrderLaws:
    """One instrument's orders. `placed`: each order's number, flagged once it is resolved. `cut`: retention may have
    taken the first records; set before the first one."""

    def __init__(self, instrument: str, findings: Findings, ticks: TickLaws) -> None:
        self._instrument = instrument
        self._findings = findings
        self._ticks = ticks
        self._order = Ascending("second")
        self.seconds = Index()
        self.placed = Flags()
        self.cut = False
        self.partition = 0
        self.repeats = 0
        self.older = 0

    def take(self, entry: Entry) -> None:
        """The next record."""
        record, self.partition = entry.value, entry.partition
        arrival, known = self._order.take(record.second), self.seconds.find(record.second)
        if known != ABSENT:
            self._on_repeat(entry, known)
            return
        if arrival is not NEXT:
            self._add(Law.ORDERS_ORDERED, entry, arrival.words())
        self.seconds.add(record.second, entry.fingerprint, entry.offset)
        self._join(entry)
        if len(record) and (record.order_id // ORDER_IDS_PER_S != record.second).any():
            self._add(Law.ORDERS_NUMBERED, entry, f"order {record.order_id[0]} stands in second {record.second}")
        self.placed.extend(record.order_id)

    def _on_repeat(self, entry: Entry, known: int) -> None:
        if self.seconds.fingerprints[known] == entry.fingerprint:
            self.repeats += 1
            return
        where = f"it stands at offset {self.seconds.offsets[known]}"
        self._add(Law.ORDERS_UNAMBIGUOUS, entry, f"second {entry.value.second} came again with other content; {where}")

    def _join(self, entry: Entry) -> None:
        record = entry.value
        if self._ticks.is_older(record.second):
            self.older += 1
        elif not self._ticks.has(record.second):
            self._add(Law.ORDERS_JOINED, entry, f"there is no market second {record.second}")
        else:
            span = self._ticks.span_of(record.second)
            if span is not None and span.session != record.session:
                detail = f"second {record.second} is of session {span.session}, its orders of {record.session}"
                self._add(Law.ORDERS_JOINED, entry, detail)

    def end(self, labelled_second: int) -> None:
        """All records have been read. `labelled_second`: up to it orders must be there."""
        seconds, have = as_numpy(self._ticks.seconds.numbers), as_numpy(self.seconds.numbers)
        last = max(labelled_second, int(have[-1]) if len(have) else labelled_second)
        wanted = seconds[seconds <= last]
        if self.cut:
            wanted = wanted[wanted >= have[0]] if len(have) else wanted[:0]
        for second in np.setdiff1d(wanted, have).tolist():
            after = int(np.searchsorted(have, second))
            offset = self.seconds.offsets[after] if after < len(have) else ABSENT
            entry = Entry(ORDERS.name, self.partition, offset, None, None)
            self._add(Law.ORDERS_COMPLETE, entry, f"market second {second} has no record of orders")

    def entry_of(self, order_id: int) -> Entry:
        """The record that an order was placed by."""
        at = self.seconds.find(order_id // ORDER_IDS_PER_S)
        offset = ABSENT if at == ABSENT else self.seconds.offsets[at]
        return Entry(ORDERS.name, self.partition, offset, None, None)

    def is_older(self, order_id: int) -> bool:
        """Whether an order may have been there before retention took it."""
        return self.cut and (not len(self.seconds) or order_id // ORDER_IDS_PER_S < self.seconds.numbers[0])

    def _add(self, law: Law, entry: Entry, detail: str) -> None:
        self._findings.add(law, entry, self._instrument, detail)

    def figures(self) -> dict[str, Any]:
        return {
            "records": len(self.seconds),
            "orders": len(self.placed),
            "identical_repeats": self.repeats,
            "older_than_ticks": self.older,
        }

    def words(self) -> str:
        return f"{len(self.placed):,} orders of {len(self.seconds):,} seconds"
