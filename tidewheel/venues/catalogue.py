"""The venues there are. A new one is a module beside this one and a line here."""

from collections.abc import Mapping
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


def adapter_of(venue: str, *, by_book: bool = False) -> Adapter:
    """Raises ValueError where it has no book that is kept here."""
    if not by_book:
        return ADAPTERS[venue]
    if venue not in BY_BOOK:
        raise ValueError(f"{venue} is not heard by its order book, only {', '.join(BY_BOOK)} is")
    return BY_BOOK[venue]
