"""A source through ingest, order bot and labeler of one instrument, one after another and without a broker.

The cores are the services' own, and what the shells around them decide of a source is decided here alike: how many bad
rows are too many, and that a source without a usable quote is none.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from backtest.market_columns import MarketColumns
from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output
from services.orderbot.core import OrderRule, orders_of
from tidewheel.domain.features import Example
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.local.run_counts import RunCounts
from tidewheel.recordings.options import NO_OPTIONS, ReadingOptions
from tidewheel.recordings.quotes import RawBatch, RejectedRow, SourceError, Watermark
from tidewheel.runtime.dead_letters import DeadLetterLimit

DEFAULT_LABELER_CONFIG = LabelerConfig()
SECOND_COLUMNS, EXAMPLE_COLUMNS = 5, 7


@dataclass(frozen=True, slots=True)
class LabelingConfig:
    """All that decides which examples come of a source."""

    rules: SessionRules
    orders: OrderRule
    labels: LabelerConfig = DEFAULT_LABELER_CONFIG
    reading: ReadingOptions = NO_OPTIONS


class LabelingPipeline:
    """Made anew for each source."""

    def __init__(self, instrument: str, how: LabelingConfig) -> None:
        self._rule = how.orders
        self._ingest = IngestCore(instrument, SourceKind.REPLAY, how.rules)
        self._labeler = Labeler(instrument, how.labels)
        self._limit = DeadLetterLimit()
        self._quote_of: dict[int, tuple[int, int]] = {}  # bid and offer at each open order
        # Whole numbers row by row: as Python's own objects they would take ten times the room.
        self._seconds, self._examples = array("q"), array("q")
        self.counts = RunCounts()

    @property
    def open_orders(self) -> int:
        """Orders placed and not resolved."""
        return len(self._quote_of)

    def columns(self, items: Iterable[RawBatch | Watermark]) -> MarketColumns:
        """All that comes of a source. Raises Unreadable, and FatalError where too many of its rows are bad."""
        for _ in self.examples(items):
            pass
        seconds = np.frombuffer(self._seconds, dtype=np.int64).reshape(-1, SECOND_COLUMNS)
        examples = np.frombuffer(self._examples, dtype=np.int64).reshape(-1, EXAMPLE_COLUMNS)
        second, mid, day_open, day_high, day_low = (column.copy() for column in seconds.T)
        order_id, placed_ns, resolved_ns, bid, offer, label, pnl = (column.copy() for column in examples.T)
        return MarketColumns(
            *(second, mid, day_open, day_high, day_low, order_id, placed_ns, resolved_ns, bid, offer),
            label=label.astype(np.uint8),
            pnl_e9=pnl,
        )

    def examples(self, items: Iterable[RawBatch | Watermark]) -> Iterator[Example]:
        """The training rows of a source as the labeler makes them. Raises as `columns`."""
        for item in items:
            yield from self._on_records(self._ingest.on_item(item))
        yield from self._on_records(self._ingest.on_end())
        if self._ingest.first_tick_ns is None:
            raise SourceError("it holds no usable quote")

    def _on_records(self, records: Iterable[MarketSecond | RejectedRow]) -> Iterator[Example]:
        for record in records:
            if isinstance(record, RejectedRow):
                self.counts.dead_letters += 1
                self._limit.accepted(record.good_before)
                self._limit.rejected()
            else:
                yield from filter(None, map(self._on_output, self._on_second(record)))

    def _on_second(self, second: MarketSecond) -> list[Output]:
        orders = orders_of(second, self._rule)
        quoted = zip(orders.bid_e9.tolist(), orders.offer_e9.tolist(), strict=True)
        self._quote_of.update(zip(orders.order_id.tolist(), quoted, strict=True))
        self.counts.ticks += len(second.quotes)
        self.counts.bars += 1
        self.counts.placed += len(orders)
        self.counts.not_placed.update(orders.not_placed)
        day = (second.day_open_e9, second.day_high_e9, second.day_low_e9)
        self._seconds.extend((second.second, second.close_mid_e9, *day))
        return [*self._labeler.on_orders(orders), *self._labeler.on_second(second)]

    def _on_output(self, output: Output) -> Example | None:
        transaction, example = output
        bid, offer = self._quote_of.pop(transaction.order_id)
        self.counts.outcomes[transaction.outcome] += 1
        if example is not None:
            self.counts.examples += 1
            row = (example.order_id, example.placed_ns, example.resolved_ns, bid, offer, example.label, example.pnl_e9)
            self._examples.extend(row)
        return example
