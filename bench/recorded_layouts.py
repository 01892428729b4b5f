"""The same quotes as files of several layouts, a function from a quote to its line each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

HOUR_MS = 3_600_000
EST_MS = -5 * HOUR_MS
LEVELS = 5


@dataclass(frozen=True, slots=True)
class Quote:
    """Time in milliseconds; prices and sizes as they are written, of two and up to three decimals."""

    time_ms: int
    bid: str
    offer: str
    bid_size: str
    offer_size: str


@dataclass(frozen=True, slots=True)
class WrittenLayout:
    """`header`: empty where the layout has none."""

    header: str
    line: Callable[[Quote], str]


def _text(time_ms: int, form: str) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):{form}}.{time_ms % 1000:03d}"


def _book_snapshot(quote: Quote) -> str:
    levels = ",".join((quote.offer, quote.offer_size, quote.bid, quote.bid_size) * LEVELS)
    return f"binance,BTCUSDT,{quote.time_ms}000,{quote.time_ms}123,{levels}"


def _mbp_1(quote: Quote) -> str:
    bid, offer = (price.replace(".", "") + "0000000" for price in (quote.bid, quote.offer))
    return (
        f"{quote.time_ms}000000,{quote.time_ms}000123,1,1,5482,A,B,0,{bid},1,128,17344,{quote.time_ms % 10**7},"
        f"{bid},{offer},24,11,15,9"
    )


LAYOUTS = {
    "own": WrittenLayout("time_ms,bid,offer", lambda q: f"{q.time_ms},{q.bid},{q.offer}"),
    "own_with_sizes": WrittenLayout(
        "time_ms,bid,offer,bid_size,offer_size",
        lambda q: f"{q.time_ms},{q.bid},{q.offer},{q.bid_size},{q.offer_size}",
    ),
    "iso": WrittenLayout("time,bid,ask", lambda q: f"{_text(q.time_ms, '%Y-%m-%dT%H:%M:%S')}Z,{q.bid},{q.offer}"),
    "kdb": WrittenLayout(
        "sym,time,bid,ask", lambda q: f"BTCUSD,{_text(q.time_ms, '%Y-%m-%dD%H:%M:%S')}000000,{q.bid},{q.offer}"
    ),
    "truefx": WrittenLayout("", lambda q: f"BTC/USD,{_text(q.time_ms, '%Y%m%d %H:%M:%S')},{q.bid},{q.offer}"),
    "histdata": WrittenLayout(
        "", lambda q: f"{_text(q.time_ms + EST_MS, '%Y%m%d %H%M%S').replace('.', '')},{q.bid},{q.offer},0"
    ),
    "dukascopy": WrittenLayout(
        "Gmt time,Ask,Bid,AskVolume,BidVolume",
        lambda q: f"{_text(q.time_ms, '%d.%m.%Y %H:%M:%S')},{q.offer},{q.bid},{q.offer_size},{q.bid_size}",
    ),
    "binance_book_ticker": WrittenLayout(
        "",
        lambda q: f"{q.time_ms * 3},{q.bid},{q.bid_size},{q.offer},{q.offer_size},{q.time_ms},{q.time_ms + 3}",
    ),
    "tardis_quotes": WrittenLayout(
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        lambda q: f"binance,BTCUSDT,{q.time_ms}000,{q.time_ms}123,{q.offer_size},{q.offer},{q.bid},{q.bid_size}",
    ),
    "tardis_book_snapshot_5": WrittenLayout(
        "exchange,symbol,timestamp,local_timestamp,"
        + ",".join(
            f"{side}[{level}].{what}"
            for level in range(LEVELS)
            for side in ("asks", "bids")
            for what in ("price", "amount")
        ),
        _book_snapshot,
    ),
    "databento_mbp_1": WrittenLayout(
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,"
        "bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00",
        _mbp_1,
    ),
}
