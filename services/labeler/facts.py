"""What the labeler's metrics say: counted while a transaction is open, told when it is committed."""

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from services.labeler.core import Labeler, Output
from services.labeler.partition import Break
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.orders import Outcome
from tidewheel.runtime.continuity import Breaks
from tidewheel.telemetry import metrics


class Facts:
    """Facts of the open transaction."""

    def __init__(self) -> None:
        self._resolved: Counter[tuple[str, Outcome]] = Counter()
        self._examples: Counter[str] = Counter()
        self._missing: dict[str, int] = {}  # as told so far
        self._noted: list[tuple[Break, int]] = []
        # An order bot that starts again repeats some orders.
        self._breaks = {
            TICKS.name: Breaks("labeler", TICKS.name),
            ORDERS.name: Breaks("labeler", ORDERS.name, logging.INFO),
        }

    def add(self, outputs: Iterable[Output]) -> None:
        for transaction, example in outputs:
            self._resolved[transaction.instrument, transaction.outcome] += 1
            if example is not None:
                self._examples[transaction.instrument] += 1

    def add_breaks(self, breaks: Iterable[tuple[Break, int]]) -> None:
        """Breaks with their partitions."""
        self._noted += breaks

    def tell(self, labelers: Iterable[tuple[str, Labeler]]) -> None:
        """The transaction is committed; `labelers`: those that have labelled something in it, by instrument."""
        for one, partition in self._noted:
            self._breaks[one.topic].tell(one.instrument, one.arrival, f"partition {partition}, offset {one.offset}")
        for (instrument, outcome), count in self._resolved.items():
            metrics.TRANSACTIONS.labels(instrument, outcome.name).inc(count)
        for instrument, count in self._examples.items():
            metrics.EXAMPLES.labels(instrument).inc(count)
        for instrument, labeler in labelers:
            metrics.OPEN_ORDERS.labels(instrument).set(labeler.open_orders)
            metrics.LABELED_SECOND.labels(instrument).set(labeler.second)
            missing = labeler.orders_missing
            metrics.ORDERS_MISSING.labels(instrument).inc(missing - self._missing.get(instrument, 0))
            self._missing[instrument] = missing
        self._resolved.clear()
        self._examples.clear()
        self._noted.clear()

    def forget(self, instruments: Iterable[str]) -> None:
        """The transaction was aborted, or these instruments are another process's now."""
        self._resolved.clear()
        self._examples.clear()
        self._noted.clear()
        for instrument in instruments:
            self._missing.pop(instrument, None)
            for gauge in (metrics.OPEN_ORDERS, metrics.LABELED_SECOND):
                with suppress(KeyError):
                    gauge.remove(instrument)
