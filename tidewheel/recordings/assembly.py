"""Columns that were read, and the rows of them that had to be read one by one, put together as a batch."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import NO_INT64, Int64
from tidewheel.recordings.digits import ReadColumn
from tidewheel.recordings.layout import Layout
from tidewheel.recordings.quotes import ParseFlag, RawBatch, no_parse_flags
from tidewheel.recordings.selection import Chosen

VALUES = ("time_ns", "bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9")


def assemble(
    read: Sequence[ReadColumn],
    chosen: Chosen,
    first_place: int,
    layout: Layout,
    raw: Callable[[int], bytes],
    one_by_one: Callable[[Int64], RawBatch],
) -> RawBatch:
    """`read`: the time, prices and sizes of a layout. `chosen`: which rows are read.
    `one_by_one` reads rows by their indices."""
    values, irregular = [column.values for column in read], np.logical_or.reduce([column.irregular for column in read])
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
        parse_flags=_parse_flags(read[1 : 1 + len(layout.prices)]),
        raw=raw,
    )
    kept = chosen.kept
    rows = np.flatnonzero(irregular if kept is None else irregular & kept)
    if len(rows):
        batch = _patched(batch, rows, one_by_one(rows))
    return chosen.applied(batch)


def _parse_flags(prices: Sequence[ReadColumn]) -> NDArray[np.uint8]:
    rounded = [column.rounded for column in prices if column.rounded is not None]
    if not rounded:
        return no_parse_flags()
    return np.where(np.logical_or.reduce(rounded), np.uint8(ParseFlag.PRICE_ROUNDED), np.uint8(0))


def _patched(batch: RawBatch, rows: Int64, read: RawBatch) -> RawBatch:
    columns = {name: np.array(getattr(batch, name)) for name in VALUES}
    for name, column in columns.items():
        if len(column):
            column[rows] = getattr(read, name)
    parse_flags = batch.parse_flags
    if len(parse_flags) or len(read.parse_flags):
        parse_flags = parse_flags.copy() if len(parse_flags) else np.zeros(len(batch), dtype=np.uint8)
        parse_flags[rows] = read.parse_flags if len(read.parse_flags) else 0
    faults = {int(rows[index]): fault for index, fault in read.faults.items()}
    return replace(batch, **columns, parse_flags=parse_flags, faults=faults)  # type: ignore[arg-type]
