"""Coinbase Exchange: ticker, which comes with trades, and heartbeat. A quote may be old between trades.

`sequence` counts a product's messages of all channels: it tells what is old, never what is missing. What is missing
shows where the heartbeat knows of a trade whose ticker does not come.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tidewheel.recordings.fields import FieldError
from tidewheel.venues.adapter import Adapter, Rate, Timing, pair
from tidewheel.venues.frames import NO_TRADE, Acknowledged, Faulty, Frame, Heartbeat, Ignored, Refused
from tidewheel.venues.parsing import iso_time_ns, quote, whole_number

CHANNELS = ("ticker", "heartbeat")


def _symbol(canonical: str) -> str:
    return "-".join(pair(canonical))


def _request(method: str, symbols: Sequence[str]) -> str:
    return json.dumps({"type": method, "product_ids": list(symbols), "channels": CHANNELS})


def _read(message: Any) -> Iterator[Frame]:
    kind = message["type"]
    if kind == "ticker":
        yield _quote(message)
    elif kind == "heartbeat":
        yield Heartbeat(message["product_id"], whole_number("last_trade_id", message["last_trade_id"]))
    elif kind == "subscriptions":
        named = [one["product_ids"] for one in message["channels"] if one["name"] == "ticker"]
        if named:  # none: an answer to the end of a subscription
            yield Acknowledged(tuple(named[0]))
        else:
            yield Ignored(kind)
    elif kind == "error":
        yield Refused(": ".join(str(message[part]) for part in ("message", "reason") if part in message))
    else:
        yield Ignored(str(kind))


def _quote(one: Any) -> Frame:
    symbol = one["product_id"]
    try:
        time_ns = iso_time_ns(one["time"]) if "time" in one else 0
        seq = whole_number("sequence", one["sequence"])
        trade = whole_number("trade_id", one["trade_id"]) if "trade_id" in one else NO_TRADE
    except FieldError as bad:
        return Faulty(bad.fault, symbol)
    # Captures of 2021 lack the sizes.
    sizes = one.get("best_bid_size"), one.get("best_ask_size")
    return quote(
        *(symbol, one.get("best_bid"), one.get("best_ask"), sizes),
        venue_time_ns=time_ns,
        venue_seq=seq,
        last_trade=trade,
    )


COINBASE = Adapter(
    name="coinbase",
    urls=("wss://ws-feed.exchange.coinbase.com",),
    symbol=_symbol,
    subscribe=lambda symbols: _request("subscribe", symbols),
    unsubscribe=lambda symbols: _request("unsubscribe", symbols),
    read=_read,
    numbered=True,
    timing=Timing(life_s=10.0, ack_s=5.0),
    connects=Rate(burst=8, every_s=1.0),
    sends=Rate(burst=8, every_s=0.125),
)
