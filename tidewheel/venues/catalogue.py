"""The venues there are. A new one is a module beside this one and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from tidewheel.venues.adapter import Adapter
from tidewheel.venues.binance import BINANCE
from tidewheel.venues.coinbase import COINBASE
from tidewheel.venues.kraken import KRAKEN
from tidewheel.venues.okx import OKX

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {adapter.name: adapter for adapter in (KRAKEN, COINBASE, BINANCE, OKX)}
)
