"""Rows into the core and its records into plain values that compare."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from services.ingest.core import IngestCore
from services.ingest.seconds import SessionRules
from tests.unit.ingest.oracle import Row, Second, Tick
from tidewheel.contracts.codecs.market import decode_second, encode_second
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.recordings.quotes import RawBatch, RejectedRow

INSTRUMENT = "replay:TEST"


def batch_of(rows: Sequence[Row], first_place: int = 0) -> RawBatch:
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)] or [np.empty(0, np.int64)] * 6
    return RawBatch(
        place=np.arange(first_place, first_place + len(rows)),
        time_ns=columns[0],
        bid_e9=columns[1],
        offer_e9=columns[2],
        bid_size_e9=columns[3],
        offer_size_e9=columns[4],
        venue_seq=columns[5],
        raw=lambda index: b"row %d" % (first_place + index),
    )


def batches_of(rows: Sequence[Row], cuts: Iterable[int] = ()) -> list[RawBatch]:
    """The rows cut before each index in `cuts`; equal cuts give empty batches."""
    edges = [0, *sorted(cuts), len(rows)]
    return [batch_of(rows[a:b], a) for a, b in pairwise(edges)]


def new_core(rules: SessionRules | None = None, last: MarketSecond | None = None, **more: Any) -> IngestCore:
    return IngestCore(INSTRUMENT, SourceKind.REPLAY, rules or SessionRules(), last, **more)


def records(core: IngestCore, batches: Iterable[RawBatch], *, ended: bool = True) -> list[MarketSecond | RejectedRow]:
    """All that comes out; each second once through its codec, which checks it for contradictions."""
    out: list[MarketSecond | RejectedRow] = [item for batch in batches for item in core.on_item(batch)]
    if ended:
        out += core.on_end()
    return [decode_second(encode_second(item)) if isinstance(item, MarketSecond) else item for item in out]


def plain(item: MarketSecond | RejectedRow) -> Second | int:
    """A record as the oracle writes it."""
    if isinstance(item, RejectedRow):
        return item.place
    quotes, count = item.quotes, len(item.quotes)
    columns = [quotes.time_ns, quotes.bid_e9, quotes.offer_e9]
    for column in (quotes.bid_size_e9, quotes.offer_size_e9, quotes.venue_seq):
        assert len(column) in (0, count)
        assert len(column) == 0 or (column != -1).any(), "a column that says nothing is left out"
        columns.append(column if len(column) else np.full(count, -1))
    assert len(quotes.flags) in (0, count)
    columns.append(quotes.flags if len(quotes.flags) else np.zeros(count, dtype=np.uint16))
    ticks = tuple(Tick(*(int(v) for v in values)) for values in zip(*columns, strict=True))
    return Second(
        item.session,
        item.second,
        item.first_seq,
        ticks,
        (item.open_bid_e9, item.open_offer_e9),
        (item.close_bid_e9, item.close_offer_e9),
        (item.day_open_e9, item.day_high_e9, item.day_low_e9),
        item.stale,
        item.ends_session,
        item.last_tick_ns,
    )
