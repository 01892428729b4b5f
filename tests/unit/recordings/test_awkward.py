"""Files as they really are: each is read with the right values, or told of, or refused with its place."""

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.recordings.files import read, told
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings.account import Anomaly, account_lines
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError

T0_MS = 1_714_521_600_000
THIS_YEAR = ReadingOptions(year_max=2027)
E9 = 1_000_000_000
Write = Callable[..., Path]


@pytest.fixture
def csv_file(tmp_path: Path) -> Write:
    def write(lines: Sequence[str], header: str = "time_ms,bid,offer", name: str = "q.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *lines, ""]))
        return path

    return write


def quotes(count: int, step_ms: int = 1_500, start_ms: int = T0_MS) -> list[str]:
    return [f"{start_ms + step_ms * n},{100 + n % 7 / 100:.2f},{100.02 + n % 7 / 100:.2f}" for n in range(count)]


def test_the_newest_first_is_refused_with_the_first_line_that_goes_back(csv_file: Write) -> None:
    with pytest.raises(SourceError, match=r"q\.csv, line 3: its time goes back by 1\.500 s, .*--sort") as refused:
        read(csv_file(quotes(40)[::-1]), THIS_YEAR)
    assert "2024-05-01 00:00:58.500 UTC" in str(refused.value)


def test_two_half_days_in_turn_are_refused(csv_file: Write) -> None:
    halves = zip(quotes(50), quotes(50, start_ms=T0_MS + 12 * 3_600_000), strict=True)
    with pytest.raises(SourceError, match=r"line 4: its time goes back by 12\.0 h"):
        read(csv_file([line for pair in halves for line in pair]), THIS_YEAR)


def test_local_time_that_is_set_back_is_refused(csv_file: Write) -> None:
    hour = quotes(100, 30_000)
    with pytest.raises(SourceError, match=r"line 102: its time goes back by 49\.5 min.*must be written as UTC"):
        read(csv_file([*hour, *hour]), THIS_YEAR)


@pytest.mark.parametrize("end", ["middle", "last"])
@pytest.mark.parametrize("stray_ms", [T0_MS + 10**9, T0_MS - 10**9, T0_MS + 100_000_000])
def test_a_single_row_far_off_is_rejected_and_no_clock(csv_file: Write, stray_ms: int, end: str) -> None:
    lines = quotes(400)
    at = 200 if end == "middle" else 399
    lines[at] = f"{stray_ms},100,100.02"
    lines += quotes(1, start_ms=T0_MS + 700_000)
    ticks, rejected = read(csv_file(lines), THIS_YEAR)
    assert [(row.place, row.reason) for row in rejected] == [(at + 2, DeadLetterReason.STRAY_TIME)]
    assert len(ticks) == 400
    assert [tick[0] for tick in ticks] == sorted(
        {int(line.split(",")[0]) * 10**6 for line in lines} - {stray_ms * 10**6}
    )


def test_a_first_row_far_ahead_is_rejected(csv_file: Write) -> None:
    _, rejected = read(csv_file([f"{T0_MS + 10**8},100,100.02", *quotes(9)]), THIS_YEAR)
    assert [(row.place, row.reason) for row in rejected] == [(2, DeadLetterReason.STRAY_TIME)]


def test_a_break_of_days_is_none(csv_file: Write) -> None:
    lines = [*quotes(50), *quotes(50, start_ms=T0_MS + 250_000_000)]
    assert [len(part) for part in read(csv_file(lines), THIS_YEAR)] == [100, 0]


def test_two_rows_far_off_soon_after_one_another_are_no_single_ones(csv_file: Write) -> None:
    lines = quotes(200)
    lines[50] = lines[120] = f"{T0_MS - 10**9},100,100.02"
    with pytest.raises(SourceError, match="line 52: its time goes back"):
        read(csv_file(lines), THIS_YEAR)


def test_a_row_a_little_late_is_moved_and_told(csv_file: Write) -> None:
    lines = quotes(20, 400)
    lines[10], lines[11] = lines[11], lines[10]
    account = told(csv_file(lines), THIS_YEAR)
    late = account.anomalies[Anomaly.LATE]
    assert (account.ticks, account.rows, late.count, late.first_place, late.last_place) == (20, 20, 1, 13, 13)


def test_the_unit_that_changes_within_a_file_names_the_line(csv_file: Write) -> None:
    lines = [line if n < 30 else line.replace(",", "000,", 1) for n, line in enumerate(quotes(60)[::-1])][::-1]
    path = csv_file(lines, header="time_us,bid,offer")
    with pytest.raises(SourceError, match=r"q\.csv, line 32: from here on its time is in another unit"):
        read(path, THIS_YEAR)


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        (-3, "time_ms 1714521600 in milliseconds is of the year 1970. Is it in seconds.*--time-unit s;.*--any-year"),
        (3, "time_ms 1714521600000000 in milliseconds is of .*past 9000. Is it in microseconds.*--time-unit us"),
    ],
)
def test_another_unit_than_the_name_says(csv_file: Write, digits: int, words: str) -> None:
    lines = []
    for line in quotes(30):
        time, rest = line.split(",", 1)
        lines.append(f"{time[:digits] if digits < 0 else time + '0' * digits},{rest}")
    path = csv_file(lines)
    with pytest.raises(SourceError, match=f"line 2: {words}"):
        read(path, THIS_YEAR)
    unit = "s" if digits < 0 else "us"
    assert len(read(path, ReadingOptions(time_unit=unit, year_max=2027))[0]) == 30
    assert len(read(path, ReadingOptions(year_max=0))[0]) == (30 if digits < 0 else 0)


@pytest.mark.parametrize(("time_ms", "year"), [(1_200_000_000_000, "2008"), (1_893_456_000_000, "2030")])
def test_a_year_that_is_not_likely_is_rejected_unless_any_is_taken(csv_file: Write, time_ms: int, year: str) -> None:
    path = csv_file([*quotes(5), f"{time_ms},100,100.02", *quotes(5, start_ms=T0_MS + 20_000)])
    _, rejected = read(path, THIS_YEAR)
    assert [(row.place, row.reason) for row in rejected] == [(7, DeadLetterReason.UNLIKELY_YEAR)]
    assert year in rejected[0].detail
    assert len(read(path, ReadingOptions(late_max_ns=10**18, year_max=0))[0]) == 11
    assert len(read(csv_file([f"{time_ms + 1000 * n},100,100.02" for n in range(5)]), ReadingOptions())[0]) == 5


def test_a_time_of_no_likely_year_in_any_unit(csv_file: Write) -> None:
    with pytest.raises(SourceError, match=r"line 2: time 100000000000000 is of no year that is likely.*--any-year"):
        read(csv_file([f"{10**14 + n},1,1" for n in range(5)], header="time,bid,offer"), THIS_YEAR)


def test_two_instruments_in_one_file(csv_file: Write) -> None:
    lines = [f"{'BTC' if n % 2 else 'ETH'},{line}" for n, line in enumerate(quotes(40, 500))]
    path = csv_file(lines, header="symbol,time_ms,bid,offer")
    with pytest.raises(SourceError, match=r"column symbol .*: ETH, BTC\. Choose one by --instrument-column symbol=ETH"):
        read(path, THIS_YEAR)
    chosen = ReadingOptions(year_max=2027, chosen=InstrumentColumn("symbol", ("BTC",)))
    account = told(path, chosen)
    assert (account.ticks, account.rows, account.others) == (20, 20, 20)
    assert [tick[0] // 10**6 for tick in read(path, chosen)[0]] == [T0_MS + 500 * n for n in range(1, 40, 2)]


@pytest.mark.parametrize("odd", [False, True])
def test_another_instrument_late_in_a_file_is_not_overlooked(csv_file: Write, odd: bool) -> None:
    lines = [f"BTC,{line}" for line in quotes(60_000, 10)]
    lines[50_000] = lines[50_000].replace("BTC", "ETH")
    lines[50_001] += ",too many" if odd else ""
    path = csv_file(lines, header="symbol,time_ms,bid,offer")
    with pytest.raises(SourceError, match="line 50002: column symbol says 'ETH', and 'BTC' before it"):
        read(path, THIS_YEAR)


def test_an_exponent_beyond_all_bounds_costs_its_line_alone(csv_file: Write) -> None:
    lines = quotes(60)
    lines[30] = f"{T0_MS + 45_000},1e-99999999,100.02"
    ticks, rejected = read(csv_file(lines), THIS_YEAR)
    assert (len(ticks), [(row.place, row.reason) for row in rejected]) == (59, [(32, DeadLetterReason.NOT_POSITIVE)])


@pytest.mark.parametrize("size", ["-1", "5e30", "46116860414" * 2, "nan"])
def test_a_size_that_cannot_be_kept_is_left_out_and_counted(csv_file: Write, size: str) -> None:
    lines = [f"{line},{size if n % 2 else '1.5'},2" for n, line in enumerate(quotes(20))]
    path = csv_file(lines, header="time_ms,bid,offer,bid_size,offer_size")
    account = told(path, THIS_YEAR)
    left_out = account.anomalies[Anomaly.SIZE_LEFT_OUT]
    assert (account.ticks, left_out.count, left_out.first_place, left_out.last_place) == (20, 10, 3, 21)
    assert [tick[3:] for tick in read(path, THIS_YEAR)[0]][:2] == [(1_500_000_000, 2 * E9), (-1, 2 * E9)]


def test_prices_of_twelve_decimals_are_told_to_be_cut_and_locked(csv_file: Write) -> None:
    lines = [f"{T0_MS + 1000 * n},0.000000009997,0.000000009999" for n in range(60)]
    account = told(csv_file(lines), THIS_YEAR)
    assert (
        account.anomalies[Anomaly.PRICE_ROUNDED].count == account.anomalies[Anomaly.LOCKED].count == account.ticks == 60
    )
    lines = account_lines(account.as_dict())
    assert "60 rows, line 2 to line 61: have a price of more than nine decimals, which was rounded" in lines


def test_sizes_as_a_dictionary_of_texts_with_nulls(tmp_path: Path) -> None:
    sizes = pa.array([None, "1.0", "2.0", None]).dictionary_encode()
    columns = {"time_ms": [T0_MS + n for n in range(4)], "bid": [99.97] * 4, "offer": [99.99] * 4, "bid_size": sizes}
    parquet.write_table(pa.table(columns), tmp_path / "q.parquet")
    ticks, rejected = read(tmp_path / "q.parquet", THIS_YEAR)
    assert ([tick[3] for tick in ticks], rejected) == ([-1, E9, 2 * E9, -1], [])


@pytest.mark.parametrize("bad", [[], ["x,1,1"], ["x,1,1,1"]])
def test_a_time_of_minus_zero_is_judged_the_same_beside_a_bad_line_or_not(csv_file: Write, bad: list[str]) -> None:
    ticks, rejected = read(csv_file(["-0,100,101", *bad, *quotes(2)]), THIS_YEAR)
    assert (len(ticks), rejected[0].place, rejected[0].reason) == (2, 2, DeadLetterReason.MALFORMED)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "q.csv.gz"
    path.write_bytes(gzip.compress("\n".join(["time_ms,bid,offer", *quotes(9)]).encode(encoding)))
    with pytest.raises(SourceError, match=r"q\.csv\.gz: it is UTF-16 text"):
        read(path, THIS_YEAR)


def test_rows_read_are_ticks_and_rows_rejected_and_many_are_a_warning(csv_file: Write) -> None:
    lines = quotes(100)
    lines[7], lines[8], lines[9] = "x", "1,2", f"{T0_MS},101,100"
    account = told(csv_file(lines), THIS_YEAR)
    said = account_lines(account.as_dict())
    assert said[0] == "100 rows read = 97 ticks + 3 rejected"
    assert "rejected as malformed: 2 rows, line 9 to line 10: 1 fields, the header has 3" in said
    assert said[-1] == "WARNING: 3.0% of the rows read were rejected: is this what it is taken for?"
    assert not account_lines(told(csv_file(quotes(100)), THIS_YEAR).as_dict())[1:]


AWKWARD = {
    "exp_crash.csv": (59, 1, {}),
    "sizes_huge.csv": (60, 0, {"size_left_out": 30}),
    "sizes_neg.csv": (60, 0, {"size_left_out": 60}),
    "tiny12.csv": (60, 0, {"price_rounded": 60, "locked": 60}),
    "pq_sz_dict_null.parquet": (60, 0, {}),
    "negzero.csv": (2, 1, {}),
    "negzero_bad.csv": (2, 2, {}),
    "only_bad_many.csv": (0, 3000, {}),
    "descending.csv": "line 3: its time goes back by",
    "interleaved.csv": r"line 4: its time goes back by 12\.0 h",
    "dst_back.csv": r"line 102: its time goes back by 59\.5 min",
    "mid_us_to_ms.csv": "line 32: from here on its time is in another unit",
    "seconds_in_ms.csv": "is of the year 1970. Is it in seconds",
    "us_in_ms.csv": "line 2: time_ms .* Is it in microseconds",
    "two_symbols.csv": "column symbol .*: BTC, ETH",
    "utf16le.csv.gz": "it is UTF-16",
}


@pytest.mark.parametrize("name", AWKWARD)
def test_the_awkward_files_themselves(name: str, shared_data: Path) -> None:
    expected, path = AWKWARD[name], shared_data / "awkward" / name
    if isinstance(expected, str):
        with pytest.raises(SourceError, match=expected):
            told(path, THIS_YEAR)
        return
    account = told(path, THIS_YEAR)
    kinds = {str(anomaly): entry.count for anomaly, entry in account.anomalies.items()}
    assert (account.ticks, account.rows_rejected) == expected[:2]
    assert {kind: kinds.get(kind) for kind in expected[2]} == expected[2]
