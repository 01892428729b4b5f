"""A source through ingest, order bot and labeler of one instrument, one after another and without a broker.

The cores are the services' own, and what the shells around them decide of a source is decided here alike: how many bad
rows are too many, and that a source without a usable quote is none.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from services.ingest.core import IngestCore
from services.ingest.quotes import Now, RawBatch, Rejected, Unreadable
from services.ingest.seconds import Rules
from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output
from services.orderbot.core import OrderRule, orders_of
from tidewheel.compare.columns import Columns
from tidewheel.domain.features import Example
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.orders import NotPlacedReason, Outcome
from tidewheel.runtime.dead_letters import DeadLetterLimit

USUAL_LABELS = LabelerConfig()
SECOND_COLUMNS, EXAMPLE_COLUMNS = 5, 7


@dataclass(frozen=True, slots=True)
class Labelling:
    """All that decides which examples come of a source."""

    rules: Rules
    orders: OrderRule
    labels: LabelerConfig = USUAL_LABELS


@dataclass(slots=True)
class Counts:
    """What came of a source, under the names that the summary of a run has."""

    ticks: int = 0
    bars: int = 0
    placed: int = 0
    not_placed: Counter[NotPlacedReason] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    examples: int = 0
    dead_letters: int = 0


class Cores:
    """Made anew for each source."""

    def __init__(self, instrument: str, how: Labelling) -> None:
        self._rule = how.orders
        self._ingest = IngestCore(instrument, SourceKind.REPLAY, how.rules)
        self._labeler = Labeler(instrument, how.labels)
        self._limit = DeadLetterLimit()
        self._quote_of: dict[int, tuple[int, int]] = {}  # bid and offer at each open order
        # Whole numbers row by row: as Python's own objects they would take ten times the room.
        self._seconds, self._examples = array("q"), array("q")
        self.counts = Counts()

    def columns(self, items: Iterable[RawBatch | Now]) -> Columns:
        """All that comes of a source. Raises Unreadable, and Unusable where too many of its rows are bad."""
        for _ in self.examples(items):
            pass
        seconds = np.frombuffer(self._seconds, dtype=np.int64).reshape(-1, SECOND_COLUMNS)
        examples = np.frombuffer(self._examples, dtype=np.int64).reshape(-1, EXAMPLE_COLUMNS)
        second, mid, day_open, day_high, day_low = (column.copy() for column in seconds.T)
        order_id, placed_ns, resolved_ns, bid, offer, label, pnl = (column.copy() for column in examples.T)
        return Columns(
            *(second, mid, day_open, day_high, day_low, order_id, placed_ns, resolved_ns, bid, offer),
            label=label.astype(np.uint8),
            pnl_e9=pnl,
        )

    def examples(self, items: Iterable[RawBatch | Now]) -> Iterator[Example]:
        """The training rows of a source as the labeler makes them. Raises as `columns`."""
        for item in items:
            yield from self._made(self._ingest.on_item(item))
        yield from self._made(self._ingest.on_end())
        if self._ingest.first_tick_ns is None:
            raise Unreadable("it holds no usable quote")

    def _made(self, records: Iterable[MarketSecond | Rejected]) -> Iterator[Example]:
        for record in records:
            if isinstance(record, Rejected):
                self.counts.dead_letters += 1
                self._limit.good(record.good_before)
                self._limit.bad()
            else:
                yield from filter(None, map(self._resolved, self._labelled(record)))

    def _labelled(self, second: MarketSecond) -> list[Output]:
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

    def _resolved(self, output: Output) -> Example | None:
        transaction, example = output
        bid, offer = self._quote_of.pop(transaction.order_id)
        self.counts.outcomes[transaction.outcome] += 1
        if example is not None:
            self.counts.examples += 1
            row = (example.order_id, example.placed_ns, example.resolved_ns, bid, offer, example.label, example.pnl_e9)
            self._examples.extend(row)
        return example
