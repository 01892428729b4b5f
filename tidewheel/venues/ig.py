"""IG: its own dealing prices, by Lightstreamer's text protocol (TLCP 2.4). Pure; the login is in `ig_login.py`.

A symbol is an epic, such as CS.D.BITCOIN.TODAY.IP. Prices have a time and no number, and the server sends the latest
state of things (MERGE): what happened between two updates it does not tell. Where a market is not dealt there are no
quotes of it, only word of its state.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote as escaped
from urllib.parse import unquote

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import check_symbol
from tidewheel.recordings.fields import FieldError
from tidewheel.venues.adapter import Adapter, Rate, Timing
from tidewheel.venues.frames import Acknowledged, Closing, Fields, Frame, Heartbeat, Ignored, MarketState, Refused
from tidewheel.venues.merged_fields import MergedFields
from tidewheel.venues.parsing import epoch_ms_ns, quote

# One field that an account may not have rejects the whole subscription, so no more than is needed.
FIELDS = ("TIMESTAMP", "BIDPRICE1", "ASKPRICE1", "DLG_FLAG")
DEALT = "DEAL"
# Stands in what is said for the account, which only a login tells.
ACCOUNT = "<account>"
KIND = re.compile(r"[A-Z]{2,12}")
RENEWED_AFTER_S = 5 * 3600.0  # tokens are good for six hours
REFUSING = ("REQERR", "ERROR", "CONERR")


def decode(text: str) -> list[str]:
    """A message's lines. Raises ValueError where it is no text of the protocol."""
    lines = [line for line in text.split("\r\n") if line]
    if not lines or not all(line[:2] == "U," or KIND.fullmatch(line.partition(",")[0]) for line in lines):
        raise ValueError("it is no message of TLCP")
    return lines


def _symbol(epic: str) -> str:
    return check_symbol(epic)


def control(**parameters: str) -> str:
    """A request of the protocol about subscriptions."""
    return "control\r\n" + "&".join(f"LS_{name}={escaped(value, safe='')}" for name, value in parameters.items())


def _subscribe(symbols: Sequence[str]) -> str:
    items = " ".join(f"PRICE:{ACCOUNT}:{symbol}" for symbol in symbols)
    what = {"data_adapter": "Pricing", "mode": "MERGE", "snapshot": "true"}
    return control(reqId="1", op="add", subId="1", group=items, schema=" ".join(FIELDS), **what)


def _unsubscribe(_: Sequence[str]) -> str:
    return control(reqId="2", op="delete", subId="1")


def _read(lines: Any) -> Iterator[Frame]:
    for line in lines:
        kind, _, rest = line.partition(",")
        if kind == "U":
            _, item, values = rest.split(",", 2)
            yield Fields(_item(item), tuple(values.split("|")))
        elif kind == "SUBOK":
            yield Acknowledged()
        elif kind == "PROBE":
            yield Heartbeat()
        elif kind in REFUSING:
            yield Refused(unquote(rest.rpartition(",")[2]))
        elif kind in ("LOOP", "END"):
            yield Closing(f"{kind} {unquote(rest)}")
        else:
            yield Ignored(kind)


def _item(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ValueError("an item is no number")
    return int(text)


def price(symbol: str, values: Mapping[str, str | None], *, snapshot: bool) -> Frame:
    """What the fields of an epic say."""
    state = values["DLG_FLAG"]
    if state != DEALT:
        return MarketState(symbol, str(state))
    time = values["TIMESTAMP"]
    if time is None:
        raise FieldError(DeadLetterReason.MALFORMED, "it has no time")
    sides = values["BIDPRICE1"], values["ASKPRICE1"]
    return quote(symbol, *sides, venue_time_ns=epoch_ms_ns(time), snapshot=snapshot)


IG = Adapter(
    name="ig",
    urls=("https://api.ig.com/gateway/deal",),
    symbol=_symbol,
    subscribe=_subscribe,
    unsubscribe=_unsubscribe,
    read=_read,
    decode=decode,
    keeper=lambda symbols: MergedFields(symbols, FIELDS, price),
    numbered=False,
    # PROBE comes each five seconds where nothing else does.
    timing=Timing(life_s=20.0, age_max_s=RENEWED_AFTER_S),
    connects=Rate(burst=3, every_s=10.0),
    sends=Rate(burst=5, every_s=1.0),
    # Two connections of one account are against its terms.
    single=True,
    fatal_http={
        401: "it refuses the user's name, the password or the key: see TIDEWHEEL_IG_USERNAME and the two files",
        403: "it refuses the key, or this account has no access to its interface",
    },
)
