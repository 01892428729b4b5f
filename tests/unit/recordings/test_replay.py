"""Recorded files: what is a row, exactly, whatever the format and the size of the blocks it comes in."""

import gzip
import os
import signal
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.sources.replay import Replay
from tests import oracle
from tests.unit.recordings.files import read
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings import csv_reader, opening
from tidewheel.recordings.layout import Layout, NumberTime
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.selection import Selection
from tidewheel.recordings.validator import Validator

HEADER = "time_ms,bid,offer"
OWN = Layout("own columns", tuple(HEADER.split(",")), "time_ms", ("bid", "offer"), NumberTime("ms"))
E9 = 1_000_000_000


def nothing_apart() -> Selection:
    return Selection(OWN, "a file")


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str, name: str = "quotes.csv", header: str = HEADER, end: str = "\n") -> Path:
        path = tmp_path / name
        content = (end.join((header, *lines)) + end).encode("utf-8", "surrogateescape")
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


Write = Callable[..., Path]


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz"])
def test_rows_are_read_exactly(csv_file: Write, name: str) -> None:
    ticks, rejected = read(csv_file("1700000000001,0.1,0.2", "1700000000002,65000.12,65000.13", name=name))
    assert [(row.place, row.reason) for row in rejected] == [(2, DeadLetterReason.SPREAD)]
    assert ticks == [(1_700_000_000_002_000_000, 65_000_120_000_000, 65_000_130_000_000, -1, -1)]


@pytest.mark.parametrize(("column", "unit_ns"), [("time_ms", 1_000_000), ("time_us", 1_000), ("time_ns", 1)])
def test_the_time_columns_name_says_its_unit(csv_file: Write, column: str, unit_ns: int) -> None:
    ticks, _ = read(csv_file("1234567,1,1", header=f"{column},bid,offer"))
    assert ticks[0][0] == 1_234_567 * unit_ns


def test_columns_may_stand_in_any_order_with_others_between(csv_file: Write) -> None:
    path = csv_file("x,3,5,4,7", "y,,5,4,8", header="note,bid_size,offer,bid,time_ms")
    assert read(path)[0] == [(7_000_000, 4 * E9, 5 * E9, 3 * E9, -1), (8_000_000, 4 * E9, 5 * E9, -1, -1)]


def test_sizes_are_read_and_may_be_missing(csv_file: Write) -> None:
    path = csv_file("1,4,5,0.5,", "2,4,5,,1e-9", header=f"{HEADER},bid_size,offer_size")
    assert [tick[3:] for tick in read(path)[0]] == [(E9 // 2, -1), (-1, 1)]


def test_line_ends_of_windows_and_a_byte_order_mark(csv_file: Write) -> None:
    ticks, rejected = read(csv_file("1,4,5", "2,4,x", end="\r\n", header="\ufeff" + HEADER))
    assert len(ticks) == 1
    assert [(row.place, row.raw) for row in rejected] == [(3, b"2,4,x")]


def test_more_than_nine_decimals_round_half_to_even(csv_file: Write) -> None:
    path = csv_file("1,1.0000000005,1.0000000015", "2,1.00000000050000001,1.0000000025", "3,1.00000000000,1.1")
    assert [tick[1:3] for tick in read(path)[0]] == [
        (E9, E9 + 2),
        (E9 + 1, E9 + 2),
        (E9, 1_100_000_000),
    ]


BAD = [
    ("", DeadLetterReason.MALFORMED),
    ("   ", DeadLetterReason.MALFORMED),
    ("1,2", DeadLetterReason.MALFORMED),
    ("1,2,3,4", DeadLetterReason.MALFORMED),
    ("1;2;3", DeadLetterReason.MALFORMED),
    ("a,2,3", DeadLetterReason.MALFORMED),
    ("-1,2,2", DeadLetterReason.MALFORMED),
    ("+1,2,2", DeadLetterReason.MALFORMED),
    ("1.5,2,2", DeadLetterReason.MALFORMED),
    ("0x10,2,2", DeadLetterReason.MALFORMED),
    (",2,2", DeadLetterReason.MALFORMED),
    ("9223372036855,2,2", DeadLetterReason.MALFORMED),
    ("99999999999999999999999999999999999,2,2", DeadLetterReason.MALFORMED),
    ("1,,2", DeadLetterReason.MALFORMED),
    ("1,2,", DeadLetterReason.MALFORMED),
    ("1,two,2", DeadLetterReason.MALFORMED),
    ("1,1_0,11", DeadLetterReason.MALFORMED),
    ('1,"2",2', DeadLetterReason.MALFORMED),
    ("1,٣,٣", DeadLetterReason.MALFORMED),
    ("1,2,2\x00", DeadLetterReason.MALFORMED),
    ("1,2\udcff,2", DeadLetterReason.MALFORMED),
    ("1,nan,2", DeadLetterReason.NOT_FINITE),
    ("1,2,-Infinity", DeadLetterReason.NOT_FINITE),
    ("1,inf,0", DeadLetterReason.NOT_FINITE),
    ("1,0,2", DeadLetterReason.NOT_POSITIVE),
    ("1,-2,2", DeadLetterReason.NOT_POSITIVE),
    ("1,2,-99999999999999", DeadLetterReason.NOT_POSITIVE),
    ("1,0.0000000001,1", DeadLetterReason.NOT_POSITIVE),
    ("1,99999999999,-1", DeadLetterReason.NOT_POSITIVE),
    ("1,2,9999999999.5", DeadLetterReason.TOO_LARGE),
    ("1,2,1e300", DeadLetterReason.TOO_LARGE),
    ("1,2,9200000000.000000001", DeadLetterReason.TOO_LARGE),
    ("1,2,1e99999999999999999999", DeadLetterReason.TOO_LARGE),
    ("1,2,1e-99999999999999999999", DeadLetterReason.NOT_POSITIVE),
    ("1,2,0e99999999999999999999", DeadLetterReason.NOT_POSITIVE),
    ("1,2,-1e99999999999999999999", DeadLetterReason.NOT_POSITIVE),
    ("1,3,2", DeadLetterReason.CROSSED),
    ("1,1,2", DeadLetterReason.SPREAD),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
def test_a_bad_line_is_one_rejected_row_with_its_number_and_text(
    csv_file: Write, line: str, reason: DeadLetterReason
) -> None:
    ticks, rejected = read(csv_file("5,4,5", line, "6,4,5"))
    assert [tick[0] for tick in ticks] == [5_000_000, 6_000_000]
    assert [(row.place, row.reason, row.raw) for row in rejected] == [
        (3, reason, line.encode("utf-8", "surrogateescape"))
    ]
    assert rejected[0].detail


@pytest.mark.parametrize("size", ["-1", "x", "nan", "null", "NA", "1e30", "0x1", "1e-99999999", "9" * 50])
def test_a_size_that_is_none_is_left_out_and_the_quote_stays(csv_file: Write, size: str) -> None:
    ticks, rejected = read(csv_file(f"1,4,5,{size}", "2,4,5,7", header=f"{HEADER},bid_size"))
    assert ([tick[3] for tick in ticks], rejected) == ([-1, 7 * E9], [])


def test_a_byte_order_mark_within_the_file_is_no_part_of_a_number_wherever_a_block_begins() -> None:
    lines = [HEADER, *("1,4,5" for _ in range(40)), "\ufeff2,4,5", "3,4,5", ""]
    stored = "\n".join(lines).encode()
    for at in range(1, len(stored)):
        blocks = csv_reader.whole_lines([stored[:at], stored[at:]], "a file")
        places = [int(b.place[i]) for b in csv_reader.batches(blocks, OWN, nothing_apart()) for i in b.faults]
        assert places == [42]


def test_a_lone_carriage_return_is_no_line_end(csv_file: Write) -> None:
    ticks, rejected = read(csv_file("1,4,5\r2,4,5", "3,4,5"))
    assert ([tick[0] for tick in ticks], [row.place for row in rejected]) == ([3_000_000], [2])


def test_the_last_line_may_lack_its_end_but_an_empty_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text(f"{HEADER}\n1,4,5")
    assert len(read(path)[0]) == 1
    path.write_text(f"{HEADER}\n1,4,5\n\n")
    assert [row.place for row in read(path)[1]] == [3]


def nasty_line(rng: Random) -> str:
    good = f"{rng.randrange(10**13)},{rng.choice(('4', '4.5', ' 4 ', '4.', '04', '+4', '4e0'))},4.75"
    parts = ["", "1", "4", "-4", "nan", "inf", "1e9", "1e10", "1e400", "4.00000000049999", "x", "0", " 4", "4\t", "1_0"]
    kind = rng.random()
    if kind < 0.8:
        return good
    if kind < 0.9:
        return rng.choice(BAD)[0]
    return ",".join(rng.choice(parts) for _ in range(rng.choice((1, 2, 3, 3, 3, 3, 4))))


@given(st.integers(0, 2**32), st.integers(1, 500), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=60)
def test_equals_the_oracles_reading_whatever_the_blocks(seed: int, block_bytes: int, end: str) -> None:
    rng = Random(seed)
    content = end.join([HEADER, *(nasty_line(rng) for _ in range(rng.choice((1, 30, 200))))]) + end
    stored = content.encode("utf-8", "surrogateescape")
    lines = [line.removesuffix("\r") for line in stored.decode("utf-8", "replace").split("\n")[:-1]]
    rows, rejects = oracle.rows_of(lines)
    chunks = (stored[at : at + block_bytes] for at in range(0, len(stored), block_bytes))
    read_rows: list[tuple[int, ...]] = []
    read_rejects: list[tuple[int, str]] = []
    for batch in csv_reader.batches(csv_reader.whole_lines(chunks, "a file"), OWN, nothing_apart()):
        ticks = Validator().ticks(batch)
        read_rejects += [(row.place, row.reason.value) for _, row in ticks.rejected]
        bad = {row.place for _, row in ticks.rejected}
        columns = (batch.place, batch.time_ns, batch.bid_e9, batch.offer_e9)
        read_rows += [row for row in zip(*(c.tolist() for c in columns), strict=True) if row[0] not in bad]
    assert read_rejects == [(reject.line, reject.reason) for reject in rejects]
    assert read_rows == [(row.line, row.time_ns, row.bid, row.offer) for row in rows]


@given(st.integers(0, 10**17), st.integers(0, 12))
@settings(max_examples=300)
def test_a_plain_block_and_a_single_line_read_alike(digits: int, decimals: int) -> None:
    text = f"{Decimal(digits).scaleb(-decimals):f}"
    block = f"1,{text},{text}\n".encode()
    slow = csv_reader.parse_lines(block, 2, OWN, nothing_apart())
    fast = csv_reader.parse_columns(block, 1, 2, OWN, nothing_apart())
    if fast is not None and not slow.faults:
        assert (fast.time_ns[0], fast.bid_e9[0], fast.offer_e9[0]) == (
            slow.time_ns[0],
            slow.bid_e9[0],
            slow.offer_e9[0],
        )


def test_most_of_a_block_with_one_bad_line_is_read_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = []
    original = csv_reader.parse_lines
    monkeypatch.setattr(
        csv_reader,
        "parse_lines",
        lambda block, *more: one_by_one.append(block.count(b"\n")) or original(block, *more),
    )
    lines = [HEADER, *(f"{n},4,5" for n in range(5000)), "bad", *(f"{n},4,5" for n in range(5000))]
    list(csv_reader.batches(["\n".join([*lines, ""]).encode()], OWN, nothing_apart()))
    assert len(one_by_one) == 1
    assert one_by_one[0] <= csv_reader.LINES_ONE_BY_ONE


def test_letters_in_a_column_that_is_not_read_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = []
    for name in ("parse_lines", "parse_batch"):
        monkeypatch.setattr(csv_reader, name, lambda *_: one_by_one.append(1))
    layout = replace(OWN, columns=("note", *OWN.columns))
    lines = [f"note,{HEADER}", *(f"0x1F e-5 Éx,{n},4.5,5.5" for n in range(5000)), ""]
    batches = list(csv_reader.batches(["\n".join(lines).encode()], layout, nothing_apart()))
    assert ([len(batch) for batch in batches], one_by_one) == ([5000], [])


# Files that cannot be used


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no\.csv cannot be read: No such file"):
        read(tmp_path / "no.csv")


def test_a_folder_without_a_recorded_file(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.csv" / "notes.txt").write_text("nothing")
    with pytest.raises(SourceError, match=r"folder\.csv: there are no recorded files"):
        read(tmp_path / "folder.csv")


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz", "q.parquet"])
def test_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match="is empty"):
        read(tmp_path / name)


def test_nothing_packed(tmp_path: Path) -> None:
    (tmp_path / "q.csv.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(SourceError, match="is empty"):
        read(tmp_path / "q.csv.gz")


@pytest.mark.parametrize(
    "header", ["when,bid,offer", "time_ms,bid", "1,2,3", "time_ms,time_us,bid,offer", "time_ms,bid,bid,offer", ""]
)
def test_a_wrong_header(csv_file: Write, header: str) -> None:
    with pytest.raises(SourceError, match="column"):
        read(csv_file("1,4,5", header=header))


def test_a_binary_file_without_lines(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_bytes(b"\x00\x01" * 100_000)
    with pytest.raises(SourceError, match="no CSV file"):
        read(tmp_path / "q.csv")


def test_a_name_that_lies_about_the_packing_is_no_matter(csv_file: Write) -> None:
    plain = csv_file("1,4,5").rename(csv_file("1,4,5").with_name("q.csv.gz"))
    assert len(read(plain)[0]) == 1


def test_a_cut_off_gzip_first_gives_what_can_be_read(csv_file: Write) -> None:
    rng = Random(1)
    lines = [f"{n},{4 + rng.random():.6f},5" for n in range(5000)]
    path = csv_file(*lines, name="q.csv.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    batches: list[RawBatch] = []
    with pytest.raises(SourceError, match="cut off"):
        batches.extend(item for item in Replay(path).items() if isinstance(item, RawBatch))
    assert not any(batch.faults for batch in batches), "the line that was cut is not reported as malformed"
    assert 3000 < sum(len(batch) for batch in batches) < 5000


def test_a_damaged_gzip_first_gives_what_can_be_read(csv_file: Write) -> None:
    path = csv_file(*(f"{n},4,5" for n in range(100)), name="q.csv.gz")
    stored = bytearray(path.read_bytes())
    stored[-6] ^= 0xFF  # the checksum
    path.write_bytes(stored)
    items = Replay(path).items()
    with pytest.raises(SourceError, match="damaged"):
        list(items)


def test_gzip_members_one_after_another_and_padding(tmp_path: Path) -> None:
    path = tmp_path / "q.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n1,4,5\n".encode()) + gzip.compress(b"2,4,5\n") + b"\0" * 512)
    assert len(read(path)[0]) == 2


def test_wherever_a_gzip_is_cut_off_all_before_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", 64)
    path, rng = tmp_path / "q.csv.gz", Random(2)
    stored = gzip.compress(b"".join(b"%d" % rng.randrange(10) * 300 + b"\n" for _ in range(40)))
    for end in range(1, len(stored)):
        path.write_bytes(stored[:end])
        given_back: list[bytes] = []
        with pytest.raises(SourceError, match="cut off"):
            given_back.extend(opening.chunks(opening.RecordedPath(path)))
        assert b"".join(given_back) == zlib.decompressobj(opening.GZIP).decompress(stored[:end])


def test_a_stream_that_unpacks_to_a_multiple_of_the_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", 64)
    path = tmp_path / "q.csv.gz"
    for count in range(1, 60):
        path.write_bytes(gzip.compress(b"time_ms,bid,offer\n" + b"10,40,50\n" * count))
        assert len(read(path)[0]) == count


def test_a_signal_while_a_file_is_parsed_reaches_the_service(csv_file: Write) -> None:
    path = csv_file(*(f"{n},4.123,5.123" for n in range(200_000)))
    heard, over = [], threading.Event()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))

    def send() -> None:
        while not over.wait(0.0005):
            os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=send)
    try:
        sender.start()
        ticks, rejected = read(path)
    finally:
        over.set()
        sender.join()
        signal.signal(signal.SIGTERM, before)
    assert (len(ticks), rejected) == (200_000, [])
    assert len(heard) > 3
