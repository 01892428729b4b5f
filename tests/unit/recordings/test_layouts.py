"""Each layout that is known, as its makers mean it, and what is said of those that are not.

Columns, units and zones are those of files that are really published; docs/how-to/replay-a-file.md names those that
were read whole beside their makers' own readers. Binance's own dumps, Dukascopy and TrueFX's own files rest on headers
and rows that public code shows. The rows here are made up.
"""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.recordings.files import read, told
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.instrument_column import InstrumentColumn, parse_instrument_column
from tidewheel.recordings.options import ReadingOptions, parse_columns, parse_time_unit
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording

E9 = 1_000_000_000
T0_NS = 1_714_521_600_000_000_000  # 2024-05-01T00:00:00Z
T0_MS, T0_US = T0_NS // 10**6, T0_NS // 10**3
PLAIN = ReadingOptions(year_max=2027)
BID, OFFER = 64_000_100_000_000, 64_000_350_000_000
TICK = (T0_NS, BID, OFFER, 1_500_000_000, 2_250_000_000)
NO_SIZES = (*TICK[:3], -1, -1)
Write = Callable[..., Path]

CSV = {
    "own": (f"time_ms,bid,offer\n{T0_MS},64000.1,64000.35", NO_SIZES),
    "Tardis quotes": (
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
        f"binance,BTCUSDT,1,{T0_US},2.25,64000.35,64000.1,1.5",
        TICK,
    ),
    "Tardis book snapshot": (
        "exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,"
        f"asks[1].price,asks[1].amount,bids[1].price,bids[1].amount\nb,B,1,{T0_US},64000.35,2.25,64000.1,1.5,9,9,1,1",
        TICK,
    ),
    "Binance bookTicker": (
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n"
        f"7,64000.10000000,1.500,64000.35000000,2.250,{T0_MS},{T0_MS + 3}",
        TICK,
    ),
    "Binance bookTicker, no header": (f"7,64000.10,1.5,64000.35,2.25,{T0_MS},{T0_MS + 3}", TICK),
    "Binance bookTicker, no header, microseconds": (f"7,64000.10,1.5,64000.35,2.25,{T0_US},{T0_US + 3}", TICK),
    "Dukascopy": (
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.05.2024 00:00:00.000,64000.35,64000.10,2.25,1.5\r",
        TICK,
    ),
    "Dukascopy, local time": (
        "Local time,Ask,Bid,AskVolume,BidVolume\n01.05.2024 02:00:00.000 GMT+0200,64000.35,64000.10,2.25,1.5",
        TICK,
    ),
    "dukascopy-node": (f"timestamp,askPrice,bidPrice,askVolume,bidVolume\n{T0_MS},64000.35,64000.1,2.25,1.5", TICK),
    "TrueFX": ("BTC/USD,20240501 00:00:00.000,64000.10,64000.35", NO_SIZES),
    "HistData": ("20240430 190000000,64000.100000,64000.350000,0", NO_SIZES),
    "HistData, with a header": ("DateTime,Bid,Ask,Volume\n20240430 190000000,64000.100000,64000.350000,0", NO_SIZES),
    "Databento mbp-1": (
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,"
        "bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00,symbol\n"
        f"{T0_NS},{T0_NS - 9},1,1,42,A,B,3,64000350000000,7,0,0,1,64000100000000,64000350000000,2,3,1,1,BTCM4",
        (*TICK[:3], 2 * E9, 3 * E9),
    ),
    "Databento mbp-1, pretty": (
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,"
        "bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00,symbol\n"
        "2024-05-01T00:00:00.000000000Z,2024-04-30T23:59:59.999999990Z,1,1,42,A,B,0,64000.350000000,7,0,0,1,"
        "64000.100000000,64000.350000000,2,3,1,1,BTCM4",
        (*TICK[:3], 2 * E9, 3 * E9),
    ),
    "kdb": ("sym,time,bid,ask,bsize,asize\nBTC,2024.05.01D00:00:00.000000000,64000.1,64000.35,1.5,2.25", TICK),
    "short names and semicolons": (f"ts_us;b;a\n{T0_US};64000.1;64000.35", NO_SIZES),
    "tabs": (f"timestamp\tBid Price\tAsk Price\n{T0_NS}\t64000.1\t64000.35", NO_SIZES),
    "seconds with decimals": (f"timestamp,bid,ask\n{T0_MS / 1000:.3f},64000.1,64000.35", NO_SIZES),
    "in quotes": (f'"time","bid","ask"\n"{T0_MS}","64000.1","64000.35"', NO_SIZES),
    "an index without a name": (f",time_ms,bid,offer\n0,{T0_MS},64000.1,64000.35", NO_SIZES),
    "ISO 8601 with its zone": ("time,bid,ask\n2024-05-01T02:00:00.000+02:00,64000.1,64000.35", NO_SIZES),
    "ISO 8601 with Z": ("time,bid,ask\n2024-05-01T00:00:00Z,64000.1,64000.35", NO_SIZES),
    "a date and a time of no zone": ("datetime,bid,ask\n2024-05-01 00:00:00.000000,64000.1,64000.35", NO_SIZES),
    "three columns, no header": (f"{T0_MS},64000.1,64000.35", NO_SIZES),
}


@pytest.fixture
def csv_file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "q.csv"
        path.write_text(text + "\n", newline="")
        return path

    return write


@pytest.mark.parametrize("name", CSV)
def test_each_layout_means_the_same_quote(name: str, csv_file: Write) -> None:
    text, expected = CSV[name]
    ticks, rejected = read(csv_file(text), PLAIN)
    assert (ticks, rejected) == ([expected], [])


@pytest.mark.parametrize("name", CSV)
def test_a_whole_block_of_a_layout_is_read_as_its_lines_are(name: str, csv_file: Write) -> None:
    """A line with a field too many makes its block be read line by line; the others must not change by that."""
    text, _ = CSV[name]
    head, _, row = text.rpartition("\n")
    rows = [row] * 20
    whole = read(csv_file("\n".join(filter(None, (head, *rows)))), PLAIN)
    torn = read(csv_file("\n".join(filter(None, (head, *rows, "one;field,and\tmore,than,needed" + "," * 30)))), PLAIN)
    assert whole[0] == torn[0]
    assert (len(whole[0]), len(whole[1]), len(torn[1])) == (20, 0, 1)


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        (
            "when,b1,o1,n\n{us},64000.1,64000.35,3",
            {"columns": "time=when,bid=b1,offer=o1", "time_unit": "us"},
            NO_SIZES,
        ),
        ("{us},x,64000.1,64000.35", {"columns": "time=1,bid=3,offer=4"}, NO_SIZES),
        ("t,b,o\n{ms},64000.1,64000.35", {"columns": "time=t,bid=b,offer=o"}, NO_SIZES),
        ("time,bid,ask,n\n{ms},64000.1,64000.35,1.5", {"columns": "bid_size=n"}, (*NO_SIZES[:3], 1_500_000_000, -1)),
        ("a_time,b_time,bid,ask\n1,{ms},64000.1,64000.35", {"columns": "time=b_time"}, NO_SIZES),
        (
            "ts_recv,ts_event,publisher_id,depth,bid_px_00,ask_px_00,bid_sz_00,symbol\n"
            "{us}999,{us}000,1,3,64000100000000,64000350000000,2,BTC",
            {"columns": "time=ts_event,bid=bid_px_00,offer=ask_px_00,bid_size=bid_sz_00"},
            (*TICK[:3], 2 * E9, -1),
        ),
        (
            "at,bid_px_01,ask_px_01\n{ms},64000100000000,64000350000000",
            {"columns": "time=at,bid=bid_px_01,offer=ask_px_01"},
            NO_SIZES,
        ),
        (
            "ts_init,ts_event,bid_price,ask_price,bid_size,ask_size\n"
            "{us}999,{us}000,64000100000000,64000350000000,1500000000,2250000000",
            {"columns": "time=ts_event,bid=bid_price,offer=ask_price"},
            TICK,
        ),
        ("sym,time_ms,bid,offer\nETH,1,2,3\nBTC,{ms},64000.1,64000.35", {"chosen": "sym=BTC"}, NO_SIZES),
        ("id,time_ms,bid,offer\n7,{ms},1,2\n8,{ms},64000.1,64000.35", {"chosen": "id=8"}, NO_SIZES),
    ],
)
def test_what_the_user_says_goes_first(
    text: str, options: dict[str, str], expected: tuple[int, ...], csv_file: Write
) -> None:
    said = ReadingOptions(
        columns=parse_columns(options.get("columns", "")),
        time_unit=options.get("time_unit"),
        chosen=parse_instrument_column(options["chosen"]) if "chosen" in options else None,
        year_max=2027,
    )
    path = csv_file(text.format(ms=T0_MS, us=T0_US))
    assert read(path, said)[0] == [expected]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,bid,ask\n1,2,3", "no column is understood as its time; .* --columns time="),
        ("time_ms,price\n1,2", "no column is understood as its bid or offer"),
        ("time_ms,bid,best_bid,ask\n{ms},1,1,1", "columns bid and best_bid could be the same thing"),
        ("time_a,event_time,recv_time,bid,ask\n1,{ms},{ms},1,1", "which column is its time: event_time or recv_time"),
        ("time_ms,time_us,bid,offer\n1,1,1,1", "which column is its time: time_ms or time_us"),
        ("time,bid,ask\n09:30:00.123,1,1", "line 2: time '09:30:00.123' is neither a number nor a date with its time"),
        ("time,bid,ask\n05/01/2024 00:00:00,1,1", "may be of a day or of a month first"),
        ("time,bid,ask\n17,1,1", "line 2: time 17 is of no year that is likely"),
        ("1,2,3,4,5", "no column is understood .* by number"),
        ("venue,time_ms,bid,offer\nA,{ms},1,1\nB,{ms},1,1", "column venue tells quotes of several apart: A, B"),
        ("level,time_ms,bid,offer\n0,{ms},1,1\n1,{ms},1,1", "column level tells quotes of several apart: 0, 1"),
        ("time,open,high,low,close\n{ms},1,2,1,1", "holds candles, not quotes.* --candle-spread"),
    ],
)
def test_what_is_not_understood_says_what_to_do(text: str, words: str, csv_file: Write) -> None:
    path = csv_file(text.format(ms=T0_MS))
    with pytest.raises(SourceError, match=words) as refused:
        read(path, PLAIN)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("option", "words"),
    [("columns", "has no column 'nope' for bid; it has 'time_ms,bid,offer'"), ("chosen", "has no column 'sym'")],
)
def test_a_column_that_is_not_there(option: str, words: str, csv_file: Write) -> None:
    value = (("bid", "nope"),) if option == "columns" else InstrumentColumn("sym", ("BTC",))
    with pytest.raises(SourceError, match=words):
        read(csv_file(f"time_ms,bid,offer\n{T0_MS},1,1"), ReadingOptions(**{option: value}))  # type: ignore[arg-type]


CANDLES = {
    "by their beginning": ("time,open,high,low,close,volume", [f"{T0_MS + 60_000 * n}" for n in range(4)], 60),
    "by their end": ("open_time,open,high,low,close,volume,close_time", None, 0),
    "with dates": ("Date Time,Open,High,Low,Close", [f"2024-05-01 00:0{n}:00" for n in range(4)], 60),
}


@pytest.mark.parametrize("name", ["by their beginning", "with dates"])
def test_candles_are_coarse_quotes_if_it_is_said_so(name: str, csv_file: Write) -> None:
    header, times, _ = CANDLES[name]
    more = ",9" if header.endswith("volume") else ""
    path = csv_file("\n".join([header, *(f"{time},90,120,80,100{more}" for time in times or ())]))
    options = ReadingOptions(candle_spread=Threshold.parse("0.03"), year_max=2027)
    ticks, _ = read(path, options)
    minute = 60 * E9
    assert ticks == [(T0_NS + minute * n, 99_985_000_000, 100_015_000_000, -1, -1) for n in range(1, 5)]
    shown = Recording(path, options).layouts()[0]
    assert "one quote a candle at its end, 0.03 wide around " in shown
    assert "labels made of candles say little" in shown


def test_candles_of_binance_are_named_by_their_end(csv_file: Write) -> None:
    row = "{0},1.0,1.2,0.8,100.0,5,{1},6,7,8,9,0"
    rows = [row.format(T0_US + 60_000_000 * n, T0_US + 60_000_000 * (n + 1) - 1) for n in range(3)]
    ticks, _ = read(csv_file("\n".join(rows)), ReadingOptions(candle_spread=Threshold.parse("2bps"), year_max=2027))
    assert [tick[0] for tick in ticks] == [T0_NS + 60 * E9 * (n + 1) - 1_000 for n in range(3)]
    assert ticks[0][1:3] == (99_990_000_000, 100_010_000_000)


def test_candles_of_another_length_are_refused(csv_file: Write) -> None:
    rows = [f"{T0_MS + 300_000 * n},1,2,1,1" for n in range(4)]
    path = csv_file("\n".join(["time,open,high,low,close", *rows]))
    with pytest.raises(SourceError, match=r"its candles are 300 s apart\. Only those of one minute"):
        read(path, ReadingOptions(candle_spread=Threshold.parse("1")))


# ---- Parquet -------------------------------------------------------------------------------------------------------


def raw(numbers: list[int], width: int) -> pa.Array:
    return pa.array([number.to_bytes(width, "little", signed=True) for number in numbers], pa.binary(width))


NAUTILUS = {
    "whole numbers": (pa.array([BID]), pa.array([OFFER]), pa.array([1_500_000_000]), pa.array([2_250_000_000])),
    "8 bytes": tuple(raw([value], 8) for value in TICK[1:]),
    "16 bytes": tuple(raw([value * 10**7], 16) for value in TICK[1:]),
    "floats": (pa.array([64000.1]), pa.array([64000.35]), pa.array([1.5]), pa.array([2.25])),
}


@pytest.mark.parametrize("name", NAUTILUS)
def test_nautilus_quote_ticks(name: str, tmp_path: Path) -> None:
    columns = dict(zip(("bid_price", "ask_price", "bid_size", "ask_size"), NAUTILUS[name], strict=True))
    times = {"ts_event": pa.array([1], pa.uint64()), "ts_init": pa.array([T0_NS], pa.uint64())}
    parquet.write_table(pa.table({**columns, **times}), tmp_path / "q.parquet")
    assert read(tmp_path / "q.parquet", PLAIN) == ([TICK], [])


@pytest.mark.parametrize(
    "times",
    [
        pa.array([T0_MS], pa.timestamp("ms", "UTC")),
        pa.array([T0_MS // 1000], pa.timestamp("s")),
        pa.array([T0_NS], pa.timestamp("ns", "America/New_York")),
        pa.array([T0_US], pa.timestamp("us")).dictionary_encode(),
        pa.array([T0_US]),
        pa.array([float(T0_MS)]),
        pa.array([T0_MS / 1000]),
        pa.array(["2024-05-01T00:00:00Z"]),
        pa.array(["2024-05-01 00:00:00"]).dictionary_encode(),
    ],
    ids=str,
)
def test_parquet_times_of_any_type(times: pa.Array, tmp_path: Path) -> None:
    table = pa.table({"timestamp": times, "bid": [64000.1], "ask": [64000.35]})
    parquet.write_table(table, tmp_path / "q.parquet")
    assert read(tmp_path / "q.parquet", PLAIN)[0] == [NO_SIZES]


@pytest.mark.parametrize(
    "numbers",
    [
        pa.array([4, 5], pa.int8()),
        pa.array([4, 5], pa.uint64()),
        pa.array([4.0, 5.0], pa.float32()),
        pa.array([4.0, 5.0], pa.float16()),
        pa.array([Decimal("4.00"), Decimal("5.00")], pa.decimal128(10, 2)),
        pa.array([Decimal(4), Decimal(5)], pa.decimal256(60, 12)),
        pa.array(["4", "5.0"]).dictionary_encode(),
        pa.array([b"4", b"5"], pa.binary()),
        pa.array(["4", "5"], pa.large_string()),
        pa.array([4.0, 5.0]).dictionary_encode(),
    ],
    ids=str,
)
def test_parquet_numbers_of_any_type(numbers: pa.Array, tmp_path: Path) -> None:
    table = pa.table({"time_ms": [T0_MS, T0_MS + 1], "bid": numbers, "offer": numbers, "bid_size": numbers})
    parquet.write_table(table, tmp_path / "q.parquet")
    ticks, rejected = read(tmp_path / "q.parquet", PLAIN)
    assert ([tick[1:4] for tick in ticks], rejected) == ([(4 * E9,) * 3, (5 * E9,) * 3], [])


def test_parquet_rows_of_two_instruments(tmp_path: Path) -> None:
    symbols = pa.array(["BTC", "ETH", "BTC"]).dictionary_encode()
    prices = [1.0, 2.0, 3.0]
    table = pa.table({"symbol": symbols, "time_ms": [T0_MS + n for n in range(3)], "bid": prices, "ask": prices})
    parquet.write_table(table, tmp_path / "q.parquet")
    with pytest.raises(SourceError, match="column symbol tells quotes of several apart: BTC, ETH"):
        read(tmp_path / "q.parquet", PLAIN)
    chosen = ReadingOptions(chosen=InstrumentColumn("symbol", ("BTC",)), year_max=2027)
    assert [tick[1] for tick in read(tmp_path / "q.parquet", chosen)[0]] == [E9, 3 * E9]
    assert told(tmp_path / "q.parquet", chosen).others == 1


def test_a_bad_row_of_a_layout_has_its_line_and_text(csv_file: Write) -> None:
    text = "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.05.2024 00:00:00.000,2,1,,\n31.02.2024 00:00:00.000,2,2,1,1"
    _, rejected = read(csv_file(text.replace(",2,1,,", ",2,2,,")), PLAIN)
    assert [(row.place, row.reason, row.detail) for row in rejected] == [
        (3, DeadLetterReason.MALFORMED, "Gmt time '31.02.2024 00:00:00.000' is no day of the calendar")
    ]


def test_what_cannot_be_an_option() -> None:
    for parse, text in ((parse_columns, "time"), (parse_columns, "price=x"), (parse_columns, "bid=a,bid=b")):
        with pytest.raises(ValueError, match=r"=|twice"):
            parse(text)
    with pytest.raises(ValueError, match="s, ms, us, ns"):
        parse_time_unit("minutes")
