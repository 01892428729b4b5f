"""The unit of the stream: a market second, all quotes of one second of one instrument in columns."""

import re
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.prices import mid_e9

Int64 = NDArray[np.int64]

SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
INSTRUMENT = re.compile(rf"[a-z][a-z0-9]*:{SYMBOL.pattern}")
INSTRUMENT_SHOWN_MAX = 50
NO_INT64 = np.empty(0, dtype=np.int64)
NO_FLAGS = np.empty(0, dtype=np.uint16)


def no_int64() -> Int64:
    """The empty column, as a default: dataclasses take no array for one."""
    return NO_INT64


def no_flags() -> NDArray[np.uint16]:
    """The empty column of flags, as a default."""
    return NO_FLAGS


class SourceKind(IntEnum):
    """Where prices come from."""

    LIVE = 1
    REPLAY = 2
    SIMULATED = 3


class TickFlag(IntFlag):
    """What is remarkable about one quote; a column of these is uint16."""

    GAP_BEFORE = 1  # quotes may be missing before this one: first of a session or of a connection
    LOCKED = 2  # bid = offer
    DUPLICATE = 4  # says the same as the quote before, at the same time
    LATE = 8  # its time was before the latest so far, and was set to that
    CONFLATED = 16  # stands for several quotes of the venue
    SNAPSHOT = 32  # the venue's present state on subscription, not a change


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Quotes in order of receipt; all columns that are not empty have one length.

    `bid_size_e9`, `offer_size_e9`: -1 where not given. `venue_time_ns`: 0, `venue_seq`: -1 where not given. These and
    `flags` (uint16) are empty where they say nothing for the whole second.
    """

    time_ns: Int64 = field(default_factory=no_int64)
    bid_e9: Int64 = field(default_factory=no_int64)
    offer_e9: Int64 = field(default_factory=no_int64)
    bid_size_e9: Int64 = field(default_factory=no_int64)
    offer_size_e9: Int64 = field(default_factory=no_int64)
    venue_time_ns: Int64 = field(default_factory=no_int64)
    venue_seq: Int64 = field(default_factory=no_int64)
    flags: NDArray[np.uint16] = field(default_factory=no_flags)

    def __len__(self) -> int:
        return len(self.time_ns)


NO_QUOTES = Quotes()


@dataclass(frozen=True, slots=True, eq=False)
class MarketSecond:
    """One market second; see `proto/tidewheel/wire/v1/market.proto` for each field."""

    instrument: str
    session: int
    second: int
    first_seq: int
    quotes: Quotes
    open_bid_e9: int
    open_offer_e9: int
    close_bid_e9: int
    close_offer_e9: int
    day_open_e9: int
    day_high_e9: int
    day_low_e9: int
    connection_epoch: int
    stale: bool
    source_kind: SourceKind
    ends_session: bool
    last_tick_ns: int = 0

    @property
    def close_mid_e9(self) -> int:
        return mid_e9(self.close_bid_e9, self.close_offer_e9)

    @property
    def last_seq(self) -> int:
        """`seq` of the quote in force at the second's end."""
        return self.first_seq + len(self.quotes) - 1

    @property
    def first_of_session(self) -> bool:
        """No quote was in force when the second began."""
        return self.open_bid_e9 == 0


def check_symbol(text: str) -> str:
    """What stands behind the colon of an instrument id, as given. Raises ValueError."""
    if not SYMBOL.fullmatch(text):
        raise ValueError(
            f"{text[:INSTRUMENT_SHOWN_MAX]!r} makes no instrument id: those are of letters, digits and . _ / - after a "
            "letter or a digit"
        )
    return text


def check_instrument(text: str) -> str:
    """The instrument id as given. Raises ValueError unless it is `<venue>:<symbol>`."""
    if not INSTRUMENT.fullmatch(text):
        raise ValueError(f"{text[:INSTRUMENT_SHOWN_MAX]!r} is no instrument id: it must look like sim:BTC-USD")
    return text
