"""Coinbase Exchange: ticker, which comes with trades, or the order book each 50 ms (level2_batch); and heartbeat. By
the ticker a quote may be old between trades; by the book it is the venue's best, kept here from all its changes.

`sequence` counts a product's messages of all channels: it tells what is old, never what is missing. What is missing
shows where the heartbeat knows of a trade whose ticker does not come.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from tidewheel.recordings.fields import FieldError
from tidewheel.venues.adapter import Adapter, Rate, Timing, pair
from tidewheel.venues.book import Books
from tidewheel.venues.frames import (
    NO_TRADE,
    Acknowledged,
    BookChange,
    BookSnapshot,
    Faulty,
    Frame,
    Heartbeat,
    Ignored,
    Level,
    Refused,
)
from tidewheel.venues.parsing import iso_time_ns, quote, whole_number

TICKER, BOOK, HEARTBEAT = "ticker", "level2_batch", "heartbeat"
# A book of tens of thousands of prices comes as one message.
SNAPSHOT_BYTES_MAX = 10_000_000


def _symbol(canonical: str) -> str:
    return "-".join(pair(canonical))


def _request(method: str, channel: str, symbols: Sequence[str]) -> str:
    return json.dumps({"type": method, "product_ids": list(symbols), "channels": [channel, HEARTBEAT]})


def _read(message: Any) -> Iterator[Frame]:
    kind = message["type"]
    if kind == "ticker":
        yield _quote(message)
    elif kind == "snapshot":
        bids, offers = (tuple((price, size) for price, size in message[side]) for side in ("bids", "asks"))
        yield BookSnapshot(message["product_id"], bids, offers, _time_ns(message))
    elif kind == "l2update":
        yield _change(message)
    elif kind == "heartbeat":
        yield Heartbeat(message["product_id"], whole_number("last_trade_id", message["last_trade_id"]))
    elif kind == "subscriptions":
        named = [one["product_ids"] for one in message["channels"] if one["name"] in (TICKER, BOOK)]
        if named:  # none: an answer to the end of a subscription
            yield Acknowledged(tuple(named[0]))
        else:
            yield Ignored(kind)
    elif kind == "error":
        yield Refused(": ".join(str(message[part]) for part in ("message", "reason") if part in message))
    else:
        yield Ignored(str(kind))


def _time_ns(message: Any) -> int:
    return iso_time_ns(message["time"]) if "time" in message else 0


def _change(message: Any) -> Frame:
    sides: dict[str, list[Level]] = {"buy": [], "sell": []}
    for side, price, size in message["changes"]:
        sides[side].append((price, size))
    return BookChange(message["product_id"], tuple(sides["buy"]), tuple(sides["sell"]), _time_ns(message))


def _quote(one: Any) -> Frame:
    symbol = one["product_id"]
    try:
        time_ns = _time_ns(one)
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
    subscribe=lambda symbols: _request("subscribe", TICKER, symbols),
    unsubscribe=lambda symbols: _request("unsubscribe", TICKER, symbols),
    read=_read,
    keeper=lambda symbols: Books(frozenset(symbols)),
    numbered=True,
    timing=Timing(life_s=10.0, ack_s=5.0),
    connects=Rate(burst=8, every_s=1.0),
    sends=Rate(burst=8, every_s=0.125),
)

COINBASE_BOOK = replace(
    COINBASE,
    subscribe=lambda symbols: _request("subscribe", BOOK, symbols),
    unsubscribe=lambda symbols: _request("unsubscribe", BOOK, symbols),
    numbered=False,  # its heartbeats are, its changes are not
    message_bytes_max=SNAPSHOT_BYTES_MAX,
)
