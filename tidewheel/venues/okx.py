"""OKX, public websocket v5: bbo-tbt, the best bid and offer each ten milliseconds, with the venue's time and a number.

The connection is cut after 30 s without a message, so `ping` is said in between.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.fields import FieldError
from tidewheel.recordings.quotes import Fault
from tidewheel.venues.adapter import Adapter, Rate, Timing, pair
from tidewheel.venues.frames import Acknowledged, Closing, Faulty, Frame, Ignored, Pong, Refused
from tidewheel.venues.parsing import epoch_ms_ns, quote, whole_number

CHANNEL = "bbo-tbt"
UPGRADE = "64008"


def _symbol(canonical: str) -> str:
    return "-".join(pair(canonical))


def _request(op: str, symbols: Sequence[str]) -> str:
    return json.dumps({"op": op, "args": [{"channel": CHANNEL, "instId": symbol} for symbol in symbols]})


def _read(message: Any) -> Iterator[Frame]:
    event = message.get("event")
    if event is None and "data" in message:
        symbol = message["arg"]["instId"]
        for one in message["data"]:
            yield _quote(symbol, one)
    elif event == "subscribe":
        yield Acknowledged((message["arg"]["instId"],))
    elif event == "notice":
        upgrade = message.get("code") == UPGRADE
        yield Closing(str(message.get("msg", "an upgrade"))) if upgrade else Ignored("notice")
    elif event == "error":
        yield Refused(str(message.get("msg", "no reason given")))
    else:
        yield Ignored(str(event))


def _quote(symbol: str, one: Any) -> Frame:
    try:
        time_ns = epoch_ms_ns(one["ts"])
        seq = whole_number("seqId", one["seqId"]) if "seqId" in one else -1
    except FieldError as bad:
        return Faulty(bad.fault, symbol)
    sides = {"bid": one["bids"], "offer": one["asks"]}
    for side, levels in sides.items():
        if not levels:
            return Faulty(Fault(DeadLetterReason.MALFORMED, f"{side} is empty"), symbol)
    bid, offer = sides["bid"][0], sides["offer"][0]
    return quote(symbol, bid[0], offer[0], (bid[1], offer[1]), venue_time_ns=time_ns, venue_seq=seq)


OKX = Adapter(
    name="okx",
    urls=("wss://ws.okx.com:8443/ws/v5/public",),
    symbol=_symbol,
    subscribe=lambda symbols: _request("subscribe", symbols),
    unsubscribe=lambda symbols: _request("unsubscribe", symbols),
    read=_read,
    numbered=True,
    timing=Timing(life_s=60.0, ping_text="ping", ping_every_s=20.0),
    connects=Rate(burst=3, every_s=1.0),
    sends=Rate(burst=10, every_s=7.5),  # 480 in an hour
    plain={"pong": Pong()},
)
