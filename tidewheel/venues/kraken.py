"""Kraken, websocket v2: ticker on changes of the best bid and offer. Prices are JSON numbers, quotes have no number.

A heartbeat comes about once a second where nothing else does, by itself with any subscription.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tidewheel.recordings.fields import FieldError
from tidewheel.venues.adapter import Adapter, Rate, Timing, pair
from tidewheel.venues.frames import Acknowledged, Faulty, Frame, Heartbeat, Ignored, Refused
from tidewheel.venues.parsing import iso_time_ns, quote

# Its default, `trades`, leaves out all changes between trades.
TRIGGER = "bbo"


def _symbol(canonical: str) -> str:
    return "/".join(pair(canonical))


def _request(method: str, symbols: Sequence[str]) -> str:
    more = {"snapshot": True} if method == "subscribe" else {}
    params = {"channel": "ticker", "symbol": list(symbols), "event_trigger": TRIGGER, **more}
    return json.dumps({"method": method, "params": params, "req_id": 1})


def _read(message: Any) -> Iterator[Frame]:
    channel = message.get("channel")
    if channel == "ticker":
        snapshot = message["type"] == "snapshot"
        for one in message["data"]:
            yield _quote(one, snapshot=snapshot)
    elif channel == "heartbeat":
        yield Heartbeat()
    elif message.get("method") == "subscribe":
        if message["success"] is True:
            yield Acknowledged((message["result"]["symbol"],))
        else:
            yield Refused(str(message.get("error", "no reason given")))
    elif message.get("error"):
        yield Refused(str(message["error"]))
    else:
        yield Ignored(str(channel or message.get("method")))


def _quote(one: Any, *, snapshot: bool) -> Frame:
    symbol = one["symbol"]
    try:
        # Older messages have no time.
        time_ns = iso_time_ns(one["timestamp"]) if "timestamp" in one else 0
    except FieldError as bad:
        return Faulty(bad.fault, symbol)
    sizes = one.get("bid_qty"), one.get("ask_qty")
    return quote(symbol, one.get("bid"), one.get("ask"), sizes, venue_time_ns=time_ns, snapshot=snapshot)


KRAKEN = Adapter(
    name="kraken",
    urls=("wss://ws.kraken.com/v2",),
    symbol=_symbol,
    subscribe=lambda symbols: _request("subscribe", symbols),
    unsubscribe=lambda symbols: _request("unsubscribe", symbols),
    read=_read,
    numbered=False,
    # Its guide says 5 s; a heartbeat that comes late must not cost a connection.
    timing=Timing(life_s=10.0),
    # Its limits are not written down: about 150 connections in ten minutes, as others found.
    connects=Rate(burst=5, every_s=5.0),
    sends=Rate(burst=5, every_s=0.5),
)
