"""What a message of a venue says once it is read: the closed set of answers of a parser."""

from typing import NamedTuple

from tidewheel.recordings.quotes import NO_SIZE, NO_VENUE_SEQ, NO_VENUE_TIME, Fault

NO_TRADE = -1


class Quote(NamedTuple):
    """Best bid and offer of a symbol, as the venue writes it. `last_trade`: number of the trade that it comes with."""

    symbol: str
    bid_e9: int
    offer_e9: int
    bid_size_e9: int = NO_SIZE
    offer_size_e9: int = NO_SIZE
    venue_time_ns: int = NO_VENUE_TIME
    venue_seq: int = NO_VENUE_SEQ
    snapshot: bool = False
    parse_flags: int = 0
    last_trade: int = NO_TRADE


Level = tuple[str, str]  # price and size, as they were sent


class BookSnapshot(NamedTuple):
    """All of a symbol's order book."""

    symbol: str
    bids: tuple[Level, ...]
    offers: tuple[Level, ...]
    venue_time_ns: int = NO_VENUE_TIME


class BookChange(NamedTuple):
    """Prices whose size is another now; size 0: none is left."""

    symbol: str
    bids: tuple[Level, ...]
    offers: tuple[Level, ...]
    venue_time_ns: int = NO_VENUE_TIME


class Fields(NamedTuple):
    """What has changed of an item, by its number from 1, in the venue's short writing."""

    item: int
    values: tuple[str, ...]


class MarketState(NamedTuple):
    """A symbol is not dealt now. `state`: in the venue's words."""

    symbol: str
    state: str


class Broken(NamedTuple):
    """What was kept by this connection is not the venue's any more: only a new connection mends it."""

    detail: str


class Late(NamedTuple):
    """What this connection brings has waited somewhere on the way: only a new connection has what is new."""

    detail: str


class Faulty(NamedTuple):
    """A message, or one quote of it, that cannot be used. `symbol`: empty where it says of none."""

    fault: Fault
    symbol: str = ""


class Heartbeat(NamedTuple):
    """The venue lives. `last_trade`: number of the symbol's latest trade, where it says that."""

    symbol: str = ""
    last_trade: int = NO_TRADE


class Pong(NamedTuple):
    """The answer to a text of ours: the connection lives, the venue's data need not."""


class Acknowledged(NamedTuple):
    """Symbols are subscribed; none named: all that were asked for."""

    symbols: tuple[str, ...] = ()


class Refused(NamedTuple):
    """The venue says that something asked for cannot be."""

    detail: str


class Closing(NamedTuple):
    """The venue will soon end this connection."""

    detail: str


class Ignored(NamedTuple):
    """Nothing that concerns us. `what`: its kind, in the venue's words."""

    what: str


Said = Quote | Faulty | Heartbeat | MarketState | Pong | Acknowledged | Refused | Closing | Broken | Late | Ignored
# What says something only together with what was said before.
Partial = BookSnapshot | BookChange | Fields
Frame = Said | Partial
