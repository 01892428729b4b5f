"""Binance spot: bookTicker, every change of the best bid and offer, without the venue's time.

`u` never falls for a symbol, and leaves numbers out: it tells what is old, never what is missing. A connection is cut
after 24 hours. BTC-USDT is another instrument than BTC-USD.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tidewheel.venues.adapter import DAY_S, Adapter, Rate, Timing, pair
from tidewheel.venues.frames import Acknowledged, Closing, Frame, Ignored, Refused
from tidewheel.venues.parsing import epoch_ms_ns, quote, whole_number


def _symbol(canonical: str) -> str:
    base, quote_currency = pair(canonical)
    if quote_currency == "USD":  # asked for it, the venue agrees and says nothing ever after
        raise ValueError(f"binance has no pairs against USD: ask for {base}-USDT")
    return base + quote_currency


def _request(method: str, symbols: Sequence[str]) -> str:
    streams = [f"{symbol.lower()}@bookTicker" for symbol in symbols]
    return json.dumps({"method": method, "params": streams, "id": 1})


def _read(message: Any) -> Iterator[Frame]:
    if "stream" in message:  # of a combined stream
        message = message["data"]
    if "u" in message and "b" in message:
        # Spot sends no time; it is taken where it comes, as it does of futures.
        time_ns = epoch_ms_ns(message["E"]) if "E" in message else 0
        yield quote(
            *(message["s"], message["b"], message["a"], (message.get("B"), message.get("A"))),
            venue_time_ns=time_ns,
            venue_seq=whole_number("u", message["u"]),
        )
    elif "error" in message:
        yield Refused(str(message["error"].get("msg", "no reason given")))
    elif "result" in message:
        yield Acknowledged()
    elif message.get("e") == "serverShutdown":
        yield Closing("the server shuts down")
    else:
        yield Ignored(str(message.get("e", "message")))


BINANCE = Adapter(
    name="binance",
    # The second has data only, and answers from where the first does not.
    urls=("wss://stream.binance.com:9443/ws", "wss://data-stream.binance.vision/ws"),
    symbol=_symbol,
    subscribe=lambda symbols: _request("SUBSCRIBE", symbols),
    unsubscribe=lambda symbols: _request("UNSUBSCRIBE", symbols),
    read=_read,
    numbered=True,
    # It sends no heartbeat: a minute without one change of price or size is no market.
    timing=Timing(life_s=60.0, age_max_s=DAY_S - 600),
    connects=Rate(burst=10, every_s=1.0),  # 300 in five minutes
    sends=Rate(burst=3, every_s=0.3),  # five a second, answers to pings among them
)
