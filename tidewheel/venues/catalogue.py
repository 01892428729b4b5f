"""The venues there are. A new one is a module beside this one and a line here."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tidewheel.venues.adapter import Adapter
from tidewheel.venues.binance import BINANCE
from tidewheel.venues.coinbase import COINBASE, COINBASE_BOOK
from tidewheel.venues.ig import IG
from tidewheel.venues.kraken import KRAKEN
from tidewheel.venues.okx import OKX

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {adapter.name: adapter for adapter in (KRAKEN, COINBASE, BINANCE, OKX, IG)}
)
# Those that can be heard by their order book instead.
BY_BOOK: Mapping[str, Adapter] = MappingProxyType({COINBASE_BOOK.name: COINBASE_BOOK})


def adapter_of(venue: str, symbols: Iterable[str] = (), *, by_book: bool = False) -> Adapter:
    """What hears `symbols` of a venue. Raises ValueError where one cannot be its symbol, or it has no book that is kept
    here."""
    if by_book and venue not in BY_BOOK:
        raise ValueError(f"{venue} is not heard by its order book, only {', '.join(BY_BOOK)} is")
    adapter = (BY_BOOK if by_book else ADAPTERS)[venue]
    for symbol in symbols:
        adapter.symbol(symbol)
    return adapter
