"""Quotes through the services' own cores: what they make of a market, in the few columns that tell all of it.

A window of 10,000 rows is 24 MB of features, though the 600 mids of a row are those of the row before it, moved on. So
what is kept is the closing mids and the day's figures a second, and of each example the quote it was placed at;
`stream.py` cuts the features from that, and a test holds them against the labeler's bit for bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from services.ingest.core import IngestCore
from services.ingest.quotes import RawBatch
from services.ingest.seconds import Rules
from services.labeler.core import Labeler, Output
from services.orderbot.core import OrderRule, orders_of
from tests.quality.zoo.market import Quoted
from tidewheel.domain.features import Example
from tidewheel.domain.market import MarketSecond, SourceKind

Int64 = NDArray[np.int64]

INSTRUMENT = "replay:ZOO"
RULES = Rules(quiet_s=600, stale_s=60)


@dataclass(frozen=True, eq=False)
class Columns:
    """Market seconds in order, then examples by `example_seq` from 1."""

    second: Int64
    mid_e9: Int64
    day_open_e9: Int64
    day_high_e9: Int64
    day_low_e9: Int64
    order_id: Int64
    placed_ns: Int64
    resolved_ns: Int64
    bid_e9: Int64
    offer_e9: Int64
    label: NDArray[np.uint8]
    pnl_e9: Int64

    @classmethod
    def named(cls) -> tuple[str, ...]:
        return tuple(field.name for field in fields(cls))


def batches(quotes: Iterable[Quoted]) -> Iterable[RawBatch]:
    """As a source hands them on."""
    place = 1
    for some in quotes:
        count = len(some.time_ns)
        yield RawBatch(np.arange(place, place + count), some.time_ns, some.bid_e9, some.offer_e9)
        place += count


class Cores:
    """Ingest, order bot and labeler of one instrument, one after another, without a broker."""

    def __init__(self, rule: OrderRule) -> None:
        self._rule = rule
        self._ingest = IngestCore(INSTRUMENT, SourceKind.REPLAY, RULES)
        self._labeler = Labeler(INSTRUMENT)
        self._quote_of: dict[int, tuple[int, int]] = {}  # bid and offer at each open order
        self._seconds: list[tuple[int, ...]] = []
        self._examples: list[tuple[int, ...]] = []

    def columns(self, items: Iterable[RawBatch]) -> Columns:
        """All that comes of a source."""
        for example in self.examples(items):
            bid, offer = self._quote_of[example.order_id]
            row = (example.order_id, example.placed_ns, example.resolved_ns, bid, offer, example.label, example.pnl_e9)
            self._examples.append(row)
        seconds = np.array(self._seconds, dtype=np.int64).reshape(-1, 5).T
        order_id, placed_ns, resolved_ns, bid, offer, label, pnl = np.array(self._examples, np.int64).reshape(-1, 7).T
        return Columns(*seconds, order_id, placed_ns, resolved_ns, bid, offer, label.astype(np.uint8), pnl)

    def examples(self, items: Iterable[RawBatch]) -> Iterable[Example]:
        """The training rows of a source as the labeler makes them."""
        for item in items:
            for record in self._ingest.on_item(item):
                if isinstance(record, MarketSecond):
                    yield from (output.example for output in self._labelled(record) if output.example)
        for record in self._ingest.on_end():
            yield from (output.example for output in self._labelled(record) if output.example)

    def _labelled(self, second: MarketSecond) -> list[Output]:
        orders = orders_of(second, self._rule)
        quoted = zip(orders.bid_e9.tolist(), orders.offer_e9.tolist(), strict=True)
        self._quote_of.update(zip(orders.order_id.tolist(), quoted, strict=True))
        day = (second.day_open_e9, second.day_high_e9, second.day_low_e9)
        self._seconds.append((second.second, second.close_mid_e9, *day))
        return [*self._labeler.on_orders(orders), *self._labeler.on_second(second)]
