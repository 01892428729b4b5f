"""The one judge of quotes: which rows are ticks, at what time, with which flags. Pure.

See docs/semantics.md, "Quotes".
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Int64, Quotes, TickFlag
from tidewheel.domain.prices import PRICE_MAX_E9, decimal_text, mid_e9
from tidewheel.recordings.quotes import NO_VENUE_SEQ, OPTIONAL_COLUMNS, Fault, RawBatch, RejectedRow, TickBatch

NO_TIME_YET_NS = -1
# What two rows must have in common to be one duplicate of the other, besides the time.
DUPLICATE_COLUMNS = ("bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9", "venue_seq")


class Validator:
    """Turns raw rows into ticks, batch by batch, in order of receipt.

    A rejected row changes nothing: it neither advances the time nor comes between a quote and its duplicate.
    """

    def __init__(self, latest_ns: int = NO_TIME_YET_NS) -> None:
        self._latest_ns = latest_ns
        self._previous: tuple[int, ...] | None = None
        self._ticks_since_rejection = 0

    def on_time(self, time_ns: int) -> None:
        """Time has come to `time_ns`: what comes later with an earlier time is late."""
        self._latest_ns = max(self._latest_ns, time_ns)

    def ticks(self, batch: RawBatch) -> TickBatch:
        usable = usable_rows(batch)
        if usable.all():
            self._ticks_since_rejection += len(batch)
            quotes = self._flagged(batch, lambda column: column)
            return TickBatch(quotes, batch.place, (), batch.connection_epoch, batch.parse_flags, batch.left_out)
        befores = np.cumsum(usable)[~usable]
        goods = np.diff(befores, prepend=-self._ticks_since_rejection)
        self._ticks_since_rejection = int(usable.sum() - befores[-1])
        rejected = [
            (int(before), _rejected(batch, int(index), int(good)))
            for index, before, good in zip(np.flatnonzero(~usable), befores, goods, strict=True)
        ]
        quotes = self._flagged(batch, lambda column: column[usable])
        parse_flags = batch.parse_flags[usable] if len(batch.parse_flags) else batch.parse_flags
        return TickBatch(quotes, batch.place[usable], rejected, batch.connection_epoch, parse_flags, batch.left_out)

    def _flagged(self, batch: RawBatch, kept: Callable[[NDArray], NDArray]) -> Quotes:  # type: ignore[type-arg]
        source_ns, bid, offer = kept(batch.time_ns), kept(batch.bid_e9), kept(batch.offer_e9)
        optional = {
            name: kept(column) for name, _ in OPTIONAL_COLUMNS if len(column := getattr(batch, name)) == len(batch)
        }
        flags = kept(batch.flags).copy() if len(batch.flags) else np.zeros(len(bid), dtype=np.uint16)
        time_ns = source_ns
        if len(bid):
            if source_ns[0] < self._latest_ns or (source_ns[1:] < source_ns[:-1]).any():
                time_ns = np.maximum.accumulate(np.maximum(source_ns, self._latest_ns))
                _flag(flags, time_ns != source_ns, TickFlag.LATE)
            _flag(flags, bid == offer, TickFlag.LOCKED)
            columns = {"bid_e9": bid, "offer_e9": offer, **optional}
            _flag(flags, self._duplicates(source_ns, columns), TickFlag.DUPLICATE)
            self._latest_ns = int(time_ns[-1])
        return Quotes(time_ns=time_ns, bid_e9=bid, offer_e9=offer, flags=flags, **optional)

    def _duplicates(self, source_ns: Int64, columns: dict[str, Int64]) -> NDArray[np.bool_]:
        """Which rows say the same as the tick before them, at the same source time."""
        same = np.empty(len(source_ns), dtype=np.bool_)
        first = (int(source_ns[0]), *_values(columns, 0))
        same[0] = first == self._previous
        np.equal(source_ns[1:], source_ns[:-1], out=same[1:])
        if same[1:].any():
            for column in (columns[name] for name in DUPLICATE_COLUMNS if name in columns):
                same[1:] &= column[1:] == column[:-1]
        self._previous = (int(source_ns[-1]), *_values(columns, -1))
        return same


def _flag(flags: NDArray[np.uint16], rows: NDArray[np.bool_], flag: TickFlag) -> None:
    if rows.any():
        flags[rows] |= np.uint16(flag)


def _values(columns: dict[str, Int64], index: int) -> list[int]:
    # A column that is absent and one without a value here say the same: sizes and sequence miss as -1.
    return [int(columns[name][index]) if name in columns else NO_VENUE_SEQ for name in DUPLICATE_COLUMNS]


def usable_rows(batch: RawBatch) -> NDArray[np.bool_]:
    """Which rows are quotes."""
    bid, offer = batch.bid_e9, batch.offer_e9
    # A spread may wrap around where a side is far below zero; such a row is out by its sign already.
    good = (bid > 0) & (bid <= offer) & (offer <= PRICE_MAX_E9) & (offer - bid <= mid_e9(bid, offer) // 2)  # type: ignore[arg-type]
    if batch.faults:
        good[list(batch.faults)] = False
    return np.asarray(good, dtype=np.bool_)


def _rejected(batch: RawBatch, index: int, good_before: int) -> RejectedRow:
    fault = batch.faults.get(index) or fault_of(int(batch.bid_e9[index]), int(batch.offer_e9[index]))
    return RejectedRow(int(batch.place[index]), fault.reason, fault.detail, batch.raw(index), good_before)


def fault_of(bid_e9: int, offer_e9: int) -> Fault:
    """Why a quote is no usable price. Call it with such a quote only."""
    sides = (("bid", bid_e9), ("offer", offer_e9))
    for side, price in sides:
        if price <= 0:
            return Fault(DeadLetterReason.NOT_POSITIVE, f"{side} {decimal_text(price)} is not above zero")
    for side, price in sides:
        if price > PRICE_MAX_E9:
            return Fault(
                DeadLetterReason.TOO_LARGE, f"{side} {decimal_text(price)} is over {decimal_text(PRICE_MAX_E9)}"
            )
    pair = f"bid {decimal_text(bid_e9)}, offer {decimal_text(offer_e9)}"
    if bid_e9 > offer_e9:
        return Fault(DeadLetterReason.CROSSED, f"the bid is above the offer: {pair}")
    return Fault(DeadLetterReason.SPREAD, f"the spread is over half the mid: {pair}")
