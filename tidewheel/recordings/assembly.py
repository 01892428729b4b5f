"""Columns that were read, and the rows of them that had to be read one by one, put together as a batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tidewheel.domain.market import NO_INT64, Int64
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.quotes import RawBatch
from tidewheel.recordings.selection import Chosen
from tidewheel.recordings.text_column import Mask

VALUES = ("time_ns", "bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9")
Read = tuple[Int64, Mask]


def assemble(
    read: Sequence[Read],
    chosen: Chosen,
    first_place: int,
    layout: Layout,
    raw: Callable[[int], bytes],
    one_by_one: Callable[[Int64], RawBatch],
) -> RawBatch:
    """`read`: the time, prices and sizes of a layout, each with its irregular rows. `chosen`: which rows are read.
    `one_by_one` reads rows by their indices."""
    values, irregular = [column for column, _ in read], np.logical_or.reduce([irregular for _, irregular in read])
    prices, sizes = values[1 : 1 + len(layout.prices)], values[1 + len(layout.prices) :]
    bid, offer = layout.candles.sides_of(prices[0]) if layout.candles else (prices[0], prices[1])
    by_name = dict(zip(layout.sizes, sizes, strict=True))
    batch = RawBatch(
        place=np.arange(first_place, first_place + len(irregular), dtype=np.int64),
        time_ns=values[0] + layout.shift_ns if layout.shift_ns else values[0],
        bid_e9=bid,
        offer_e9=offer,
        bid_size_e9=by_name.get(layout.bid_size or "", NO_INT64),
        offer_size_e9=by_name.get(layout.offer_size or "", NO_INT64),
        raw=raw,
    )
    kept = chosen.kept
    rows = np.flatnonzero(irregular if kept is None else irregular & kept)
    if len(rows):
        batch = _patched(batch, rows, one_by_one(rows))
    return chosen.applied(batch)


def _patched(batch: RawBatch, rows: Int64, read: RawBatch) -> RawBatch:
    columns = {name: np.array(getattr(batch, name)) for name in VALUES}
    for name, column in columns.items():
        if len(column):
            column[rows] = getattr(read, name)
    parse_flags = read.parse_flags
    if len(parse_flags):
        parse_flags = np.zeros(len(batch), dtype=np.uint8)
        parse_flags[rows] = read.parse_flags
    faults = {int(rows[index]): fault for index, fault in read.faults.items()}
    return replace(batch, **columns, parse_flags=parse_flags, faults=faults)  # type: ignore[arg-type]
