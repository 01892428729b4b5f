"""How one file is understood: which of its columns are what, and in which form. Values only."""

from dataclasses import dataclass

import numpy as np

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.instrument_column import InstrumentColumn

MS_NS, US_NS, S_NS = 1_000_000, 1_000, 1_000_000_000
UNITS_NS = {"s": S_NS, "ms": MS_NS, "us": US_NS, "ns": 1}
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True, slots=True)
class NumberTime:
    """Time as a number since the epoch, UTC. `fractions`: whether it may have decimals."""

    unit: str
    fractions: bool = False

    @property
    def unit_ns(self) -> int:
        return UNITS_NS[self.unit]

    @property
    def noun(self) -> str:
        return "number of seconds" if self.fractions else "whole number"

    def __str__(self) -> str:
        return f"{UNIT_NAMES[self.unit]} since 1970, UTC"


@dataclass(frozen=True, slots=True)
class TextTime:
    """Time as text. `day_first`: 31.12.2024 rather than 2024-12-31. `zone_ns`: what is ahead of UTC where the text
    names no zone."""

    day_first: bool = False
    zone_ns: int = 0
    zone: str = "UTC where no zone is named"

    def __str__(self) -> str:
        return f"date and time{', day first' if self.day_first else ''}, {self.zone}"


@dataclass(frozen=True, slots=True)
class CandleQuotes:
    """Each candle becomes one quote at its end, `spread` wide around its close."""

    spread: Threshold

    def sides(self, close_e9: int) -> tuple[int, int]:
        """Bid and offer of a close."""
        spread = self.spread.distance_e9(close_e9)
        bid = close_e9 - spread // 2
        return bid, bid + spread

    def sides_of(self, closes_e9: Int64) -> tuple[Int64, Int64]:
        """The same for a column. A close that is no price gives sides that are none."""
        if self.spread.in_bps:
            spreads = np.array([self.spread.distance_e9(close) for close in closes_e9.tolist()], dtype=np.int64)
        else:
            spreads = np.full(len(closes_e9), self.spread.value_e9, dtype=np.int64)
        bid = closes_e9 - spreads // 2
        return bid, bid + spreads


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's columns in order and the role of those that are read. `columns` are made up where there is no header.

    `apart`: columns that tell instruments, venues or levels apart; each must hold one value all through the file,
    or `chosen` says of which instruments rows are read. `scale`, `size_scale`: the power of ten that one
    unit of a price or of a size is. `shift_ns`: from the time that is written to the one that is meant. `notes`: what
    was guessed, a phrase each.
    """

    name: str
    columns: tuple[str, ...]
    time: str
    prices: tuple[str, ...]  # bid and offer, or the close of a candle
    clock: NumberTime | TextTime
    bid_size: str | None = None
    offer_size: str | None = None
    apart: tuple[str, ...] = ()
    chosen: InstrumentColumn | None = None
    delimiter: str = ","
    header: bool = True
    quoted: bool = False
    scale: int = 0
    size_scale: int = 0
    shift_ns: int = 0
    candles: CandleQuotes | None = None
    notes: tuple[str, ...] = ()

    @property
    def sizes(self) -> tuple[str, ...]:
        return tuple(name for name in (self.bid_size, self.offer_size) if name is not None)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns that are read, each once."""
        chosen = (self.chosen.name,) if self.chosen else ()
        return tuple(dict.fromkeys((self.time, *self.prices, *self.sizes, *self.apart, *chosen)))

    def sides(self, *prices_e9: int) -> tuple[int, int]:
        """Bid and offer of the price columns' values."""
        if self.candles is not None:
            return self.candles.sides(*prices_e9)
        bid, offer = prices_e9
        return bid, offer

    def __str__(self) -> str:
        """How the file is read, as one line for people."""
        prices = f"bid = {self.prices[0]}, offer = {self.prices[-1]}"
        if self.candles is not None:
            prices = f"one quote a candle at its end, {self.candles.spread} wide around {self.prices[0]}"
        parts = [f"{self.name}: time = {self.time} ({self.clock})", prices]
        if self.sizes:
            parts.append(f"sizes = {', '.join(self.sizes)}")
        if self.chosen is not None:
            parts.append(_chosen_text(self.chosen))
        return "; ".join((*parts, *self.notes))


def _chosen_text(chosen: InstrumentColumn) -> str:
    if not chosen.several:
        return f"only rows whose {chosen.name} is {chosen.values[0]}"
    which = f"only {', '.join(chosen.values)}" if chosen.values else "all of them"
    return f"each {chosen.name} is an instrument of its own, {which}"
