"""What the labeler records: counted while a transaction is open, added to the metrics when it is committed."""

import logging
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from services.labeler.core import Labeler, Output
from services.labeler.partition import SequenceBreak
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.orders import Outcome
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.runtime.continuity import ContinuityMonitor
from tidewheel.telemetry import metrics


class TransactionMetrics:
    """Counts of the open transaction."""

    def __init__(self) -> None:
        self._resolved: Counter[tuple[str, Outcome]] = Counter()
        self._life_ns: Counter[tuple[str, Outcome]] = Counter()
        self._exit_e9: dict[tuple[str, Outcome], int] = {}  # the newest order's
        self._examples: Counter[str] = Counter()
        self._shown: set[str] = set()
        self._missing_recorded: dict[str, int] = {}
        self._pending_breaks: list[tuple[SequenceBreak, int]] = []
        # Made now, so that a reader of metrics sees 0 and not nothing.
        metrics.KAFKA_TRANSACTIONS_ABORTED.labels("labeler")
        # An order bot that starts again repeats some orders.
        self._breaks = {
            TICKS.name: ContinuityMonitor("labeler", TICKS.name),
            ORDERS.name: ContinuityMonitor("labeler", ORDERS.name, logging.INFO),
        }

    def record_outputs(self, outputs: Iterable[Output]) -> None:
        for transaction, example in outputs:
            ended = transaction.instrument, transaction.outcome
            self._resolved[ended] += 1
            self._life_ns[ended] += transaction.resolved_ns - transaction.placed_ns
            self._exit_e9[ended] = transaction.exit_e9
            if example is not None:
                self._examples[transaction.instrument] += 1

    def record_breaks(self, breaks: Iterable[tuple[SequenceBreak, int]]) -> None:
        """Breaks with their partitions."""
        self._pending_breaks += breaks

    def flush(self, labelers: Iterable[tuple[str, Labeler]]) -> None:
        """The transaction is committed; `labelers`: those that have labelled something in it, by instrument."""
        for one, partition in self._pending_breaks:
            self._breaks[one.topic].record(one.instrument, one.arrival, partition, one.offset)
        for (instrument, outcome), count in self._resolved.items():
            metrics.TRANSACTIONS.labels(instrument, outcome.name).inc(count)
            life_s = self._life_ns[instrument, outcome] / NS_PER_S
            metrics.ORDER_LIFE_SECONDS.labels(instrument, outcome.name).inc(max(0.0, life_s))
            metrics.EXIT_PRICE.labels(instrument, outcome.name).set(self._exit_e9[instrument, outcome] / E9)
        for instrument, count in self._examples.items():
            metrics.EXAMPLES.labels(instrument).inc(count)
        for instrument, labeler in labelers:
            if instrument not in self._shown:
                self._show(instrument)
            metrics.OPEN_ORDERS.labels(instrument).set(labeler.open_order_count)
            metrics.LABELED_MARKET_TIME_SECONDS.labels(instrument).set(labeler.second)
            missing = labeler.orders_missing
            metrics.ORDERS_MISSING.labels(instrument).inc(missing - self._missing_recorded.get(instrument, 0))
            self._missing_recorded[instrument] = missing
        self._forget()

    def _forget(self) -> None:
        self._resolved.clear()
        self._life_ns.clear()
        self._exit_e9.clear()
        self._examples.clear()
        self._pending_breaks.clear()

    def _show(self, instrument: str) -> None:
        """All that may come of an order, so that a reader of metrics sees 0 and not nothing."""
        self._shown.add(instrument)
        for outcome in Outcome:
            metrics.TRANSACTIONS.labels(instrument, outcome.name)

    def discard(self, instruments: Iterable[str]) -> None:
        """The transaction was aborted, or these instruments are another process's now."""
        self._forget()
        for instrument in instruments:
            self._missing_recorded.pop(instrument, None)
            for gauge in (metrics.OPEN_ORDERS, metrics.LABELED_MARKET_TIME_SECONDS):
                with suppress(KeyError):
                    gauge.remove(instrument)
            for outcome in Outcome:
                with suppress(KeyError):
                    metrics.EXIT_PRICE.remove(instrument, outcome.name)
