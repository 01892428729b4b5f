"""The one table of layouts that are known, and the names that columns go by."""

import re
from dataclasses import dataclass

# What a column is called with all but letters and digits left out.
BID = ("bid", "bidprice", "bestbid", "bestbidprice", "bidpx", "bidp", "bidrate", "b")
OFFER = (
    *("offer", "ask", "askprice", "offerprice", "bestask", "bestoffer", "bestaskprice", "bestofferprice"),
    *("askpx", "offerpx", "askp", "ofr", "askrate", "a"),
)
SIZE_WORDS = ("size", "qty", "quantity", "amount", "volume", "vol", "sz")
BID_SIZE = (*(f"{side}{word}" for side in ("bid", "bestbid") for word in SIZE_WORDS), "bsize", "bq", "bidv")
OFFER_SIZE = (
    *(f"{side}{word}" for side in ("ask", "offer", "bestask", "bestoffer") for word in SIZE_WORDS),
    *("asize", "osize", "aq", "askv"),
)
TIME = re.compile(
    r"(unix|utc|gmt|local|event|exchange|recv|receive|received|transaction|quote|tick|epoch)?"
    r"(time|timestamp|datetime|ts|date|epoch|unix|dateandtime)"
    r"(ms|us|ns|s|sec|secs|seconds|millis|milliseconds|micros|microseconds|nanos|nanoseconds|utc|gmt)?"
    r"|ts(event|recv|init)|t"
)
UNIT_WORDS = {
    **dict.fromkeys(("s", "sec", "secs", "seconds"), "s"),
    **dict.fromkeys(("ms", "millis", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "micros", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nanos", "nanoseconds"), "ns"),
}
APART = (
    *("sym", "symbol", "instrument", "instrumentid", "instrumentname", "ticker", "pair", "currencypair", "product"),
    *("productid", "market", "marketid", "ric", "isin", "contract", "epic", "securityid", "asset"),
    *("exchange", "exch", "venue", "mic", "broker", "provider", "liquidityprovider", "lp", "source", "feed"),
    *("publisherid", "level", "depth", "booklevel", "lvl"),
)
CANDLE = ("open", "high", "low", "close")


def plain(name: str) -> str:
    """A column's name as tables of names have it."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, slots=True)
class KnownLayout:
    """A published layout: the columns with a role by their exact names, any case. `unit`: None where size tells it.
    `apart`: its columns that tell instruments or venues apart, instead of those that go by such a name."""

    name: str
    time: str
    bid: str
    offer: str
    bid_size: str = ""
    offer_size: str = ""
    unit: str | None = None
    apart: tuple[str, ...] | None = None
    day_first: bool = False
    fixed_point: bool = False  # prices without a point are whole numbers of 1e-9
    fixed_sizes: bool = False  # sizes too
    own_names: re.Pattern[str] | None = None  # of price columns that no other layout has
    note: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        return self.time, self.bid, self.offer


DATABENTO_PRICE = re.compile(r"(bid|ask)_px(_\d\d)?")
KNOWN = (
    *(KnownLayout("own columns", f"time_{u}", "bid", "offer", "bid_size", "offer_size", u) for u in ("ms", "us", "ns")),
    KnownLayout(
        *("Tardis quotes", "local_timestamp", "bid_price", "ask_price", "bid_amount", "ask_amount", "us"),
        note="local_timestamp is when Tardis received it",
    ),
    KnownLayout(
        *("Tardis book snapshot, top level", "local_timestamp", "bids[0].price", "asks[0].price"),
        *("bids[0].amount", "asks[0].amount", "us"),
        note="local_timestamp is when Tardis received it; only the best of its levels are read",
    ),
    KnownLayout(
        *("Binance bookTicker", "transaction_time", "best_bid_price", "best_ask_price", "best_bid_qty", "best_ask_qty"),
        note="transaction_time is the matching engine's",
    ),
    KnownLayout(
        *("Dukascopy ticks", "Gmt time", "Bid", "Ask", "BidVolume", "AskVolume"), day_first=True, note="times are GMT"
    ),
    KnownLayout(*("Dukascopy ticks", "Local time", "Bid", "Ask", "BidVolume", "AskVolume"), day_first=True),
    KnownLayout(
        *("Databento mbp-1", "ts_recv", "bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00", "ns"),
        apart=("publisher_id", "instrument_id", "symbol"),
        fixed_point=True,
        own_names=DATABENTO_PRICE,
        note="ts_recv is when Databento received it",
    ),
    KnownLayout(
        *("Databento mbp-1", "ts_event", "bid_px_00", "ask_px_00", "bid_sz_00", "ask_sz_00", "ns"),
        apart=("publisher_id", "instrument_id", "symbol"),
        fixed_point=True,
    ),
    KnownLayout(
        *("nautilus quote ticks", "ts_init", "bid_price", "ask_price", "bid_size", "ask_size", "ns"),
        fixed_point=True,
        fixed_sizes=True,
        note="ts_init is when nautilus received it",
    ),
    KnownLayout(
        *("nautilus quote ticks", "ts_init", "bid", "ask", "bid_size", "ask_size", "ns"),
        fixed_point=True,
        fixed_sizes=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Headerless:
    """A published layout without a header: its fields as regular expressions of one line, and its columns' names."""

    name: str
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    note: str = ""


# Nobody else writes times so, with or without a header.
HISTDATA_TIME = re.compile(r"\d{8} \d{9}")
HISTDATA_ZONE_H = -5
INTEGER, DECIMAL = r"\d+", r"\d+(\.\d*)?"
EPOCH = r"\d{10,19}"
HEADERLESS = (
    Headerless(
        "Binance bookTicker",
        (INTEGER, DECIMAL, DECIMAL, DECIMAL, DECIMAL, EPOCH, EPOCH),
        (
            *("update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty"),
            *("transaction_time", "event_time"),
        ),
        "transaction_time is the matching engine's",
    ),
    Headerless(
        "TrueFX ticks",
        (r"[A-Z]{3}/[A-Z]{3}", r"\d{8} \d{2}:\d{2}:\d{2}\.\d{3}", DECIMAL, DECIMAL),
        ("pair", "time", "bid", "offer"),
        "times are GMT",
    ),
    Headerless(
        "HistData ticks",
        (HISTDATA_TIME.pattern, DECIMAL, DECIMAL, DECIMAL),
        ("time", "bid", "offer", "volume"),
        "times are EST all year, UTC-5",
    ),
    Headerless(
        "Binance candles",
        (EPOCH, *(DECIMAL,) * 5, EPOCH, *(DECIMAL,) * 5),
        (
            *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
            *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
        ),
    ),
    Headerless("time, bid and offer", (EPOCH, DECIMAL, DECIMAL), ("time", "bid", "offer"), "guessed: it has no header"),
)
