"""Many files as one stream, packed in whatever way, and rows put in order: against the same done by hand."""

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.recordings.files import read, told
from tidewheel.recordings import merging, opening, sorting
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording
from tidewheel.recordings.validator import Validator

T0_MS = 1_714_521_600_000
HEADER = b"time_ms,bid,offer\n"
SORTED = ReadingOptions(sort=True)


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("BTCUSDT-bookTicker.csv", content)
        made.writestr("report.txt", "no quotes")
    return archive.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "csv.gz": gzip.compress,
    "csv.zst": zstd,
    "csv.bz2": bz2.compress,
    "csv.xz": lzma.compress,
    "zip": zipped,
}


def lines(times_ms: list[int], bid: int = 100) -> bytes:
    return b"".join(b"%d,%d,%d\n" % (time, bid + n % 5, bid + 5) for n, time in enumerate(times_ms))


def row_times(path: Path, options: ReadingOptions | None = None) -> list[int]:
    ticks, rejected = read(path, options)
    assert rejected == []
    return [tick[0] // 10**6 - T0_MS for tick in ticks]


@pytest.mark.parametrize("suffix", PACKERS)
def test_each_way_to_pack(suffix: str, tmp_path: Path) -> None:
    times = [T0_MS + 100 * n for n in range(5_000)]
    path = tmp_path / f"q.{suffix}"
    packed = PACKERS[suffix](HEADER + lines(times))
    path.write_bytes(packed)
    assert row_times(path) == [100 * n for n in range(5_000)]
    path.write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(SourceError, match=r"cut off|damaged"):
        read(path)


@pytest.mark.parametrize("suffix", [name for name in PACKERS if name != "zip"])
def test_packed_pieces_one_after_another(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", 100)
    pack = PACKERS[suffix]
    (tmp_path / f"q.{suffix}").write_bytes(pack(HEADER + lines([T0_MS, T0_MS + 1])) + pack(lines([T0_MS + 2])))
    assert row_times(tmp_path / f"q.{suffix}") == [0, 1, 2]


def test_the_members_of_an_archive_are_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "days.zip", "w") as made:
        for name, start in (("b.csv", 0), ("a.csv", 5)):
            made.writestr(name, HEADER + lines([T0_MS + start + n for n in (0, 10)]))
    assert row_times(tmp_path / "days.zip") == [0, 5, 10, 15]
    with zipfile.ZipFile(tmp_path / "days.zip", "w") as made:
        made.writestr("a.csv", HEADER + lines([T0_MS, T0_MS - 5000, T0_MS - 10_000]))
    with pytest.raises(SourceError, match=r"days\.zip/a\.csv, line 3"):
        read(tmp_path / "days.zip")


@pytest.mark.parametrize("seed", range(8))
def test_many_files_are_merged_by_time(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CHUNK_BYTES", 300)
    rng, expected = Random(seed), []
    for number in range(rng.randint(2, 9)):
        start = T0_MS + rng.choice((0, 0, 5_000, 90_000, 10**8))
        times = sorted(start + rng.randrange(60_000) for _ in range(rng.choice((1, 20, 300))))
        path = tmp_path / f"{number}.csv{rng.choice(('', '.gz'))}"
        content = HEADER + lines(times, 100 + 10 * number)
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        rows = [tuple(int(text) for text in line.split(b",")) for line in content.splitlines()[1:]]
        expected += [(time, number, at, bid, offer) for at, (time, bid, offer) in enumerate(rows)]
    ticks, _ = read(tmp_path)
    found = [(time // 10**6, bid // 10**9, offer // 10**9) for time, bid, offer, *_ in ticks]
    assert found == [(time, bid, offer) for time, _, _, bid, offer in sorted(expected)]
    assert read(tmp_path / "*.csv*")[0] == ticks


def test_rows_of_several_files_keep_their_places_and_faults(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + b"%d,1,1\nbad\n%d,1,1\n" % (T0_MS, T0_MS + 10))
    (tmp_path / "b.csv").write_bytes(b"ts_ms,ask,bid,bid_size\n%d,2,2,7\n%d,1,2,7\n" % (T0_MS + 5, T0_MS + 6))
    recording, validator, rows = Recording(tmp_path), Validator(), []
    for batch in recording.batches():
        rows += [
            (recording.describe(row.place), str(row.reason), row.raw) for _, row in validator.ticks(batch).rejected
        ]
    assert sorted(rows) == [
        ("a.csv, line 3", "malformed", b"bad"),
        ("b.csv, line 3", "crossed", b"%d,1,2,7" % (T0_MS + 6)),
    ]
    assert [tick[3] for tick in read(tmp_path)[0]] == [-1, 7 * 10**9, -1]


def test_files_that_follow_one_another_are_open_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number:02}.csv").write_bytes(HEADER + lines([T0_MS + 1000 * number + n for n in range(50)]))
    monkeypatch.setattr(merging, "OPEN_MAX", 2)
    assert len(row_times(tmp_path)) == 1_000
    for number in range(20):
        (tmp_path / f"{number:02}.csv").write_bytes(HEADER + lines([T0_MS + n for n in range(50)]))
    with pytest.raises(SourceError, match="more than 2 files are of the same time"):
        read(tmp_path)
    assert len(row_times(tmp_path, SORTED)) == 1_000


def test_a_file_out_of_order_among_several_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER + lines([T0_MS + 1000 * n for n in range(20)]))
    (tmp_path / "b.csv").write_bytes(HEADER + lines([T0_MS + 5000 * n for n in range(20)][::-1]))
    with pytest.raises(SourceError, match=r"b\.csv, line 3: its time goes back by 5\.000 s"):
        read(tmp_path)


def test_two_instruments_in_two_files(tmp_path: Path) -> None:
    for name in ("BTC", "ETH"):
        text = "".join(f"{name},{T0_MS + n},{n % 3 + 1},4\n" for n in range(9))
        (tmp_path / f"{name}.csv").write_text("symbol,time_ms,bid,offer\n" + text.replace(",4\n", ",4\n"))
    with pytest.raises(SourceError, match="column symbol says 'ETH', and 'BTC' before it"):
        read(tmp_path)
    assert told(tmp_path, ReadingOptions(chosen=InstrumentColumn("symbol", ("ETH",)))).others == 9


@pytest.mark.parametrize("run_rows", [1, 7, 50, 10_000])
@pytest.mark.parametrize("seed", range(4))
def test_sorted_as_by_hand(seed: int, run_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "RUN_ROWS", run_rows)
    monkeypatch.setattr(sorting, "BLOCK_ROWS_MIN", 3)
    monkeypatch.setattr(sorting, "BATCH_ROWS", 11)
    monkeypatch.setattr(opening, "CHUNK_BYTES", 400)
    rng = Random(seed)
    texts = [f"{T0_MS + rng.randrange(500) * 100},{100 + n % 9},{110}" for n in range(400)]
    for at in rng.sample(range(400), 20):
        texts[at] = rng.choice(("bad", f"{T0_MS},7,5", f"{T0_MS + 10**12},x,5"))
    (tmp_path / "q.csv").write_text("\n".join(["time_ms,bid,offer", *texts]))
    good = [text.split(",") for text in texts if text.endswith(",110")]
    expected = [(int(time), int(bid)) for time, bid, _ in sorted(good, key=lambda row: int(row[0]))]
    ticks, rejected = read(tmp_path / "q.csv", SORTED)
    assert [(time // 10**6, bid // 10**9) for time, bid, *_ in ticks] == expected
    bad = [(number, text.encode()) for number, text in enumerate(texts, start=2) if not text.endswith(",110")]
    assert sorted((row.place, row.raw) for row in rejected) == bad


def test_sorting_gives_what_the_file_in_order_gives(tmp_path: Path) -> None:
    times = [T0_MS + 250 * n for n in range(3_000)]
    ordered, shuffled = tmp_path / "ordered.csv", tmp_path / "shuffled.csv"
    rows = lines(times).splitlines()
    ordered.write_bytes(HEADER + b"\n".join(rows))
    shuffled.write_bytes(HEADER + b"\n".join(rows[::-1]))
    with pytest.raises(SourceError, match="goes back"):
        read(shuffled)
    assert read(shuffled, SORTED) == read(ordered)


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "RUN_ROWS", 10)
    full = Path("/dev/full")
    monkeypatch.setattr(sorting.tempfile, "TemporaryFile", lambda **_: full.open("r+b", buffering=0))
    (tmp_path / "q.csv").write_bytes(HEADER + lines([T0_MS + n for n in range(50)]))
    with pytest.raises(SourceError, match=r"rows cannot be sorted in .*: No space left on device"):
        read(tmp_path / "q.csv", SORTED)


def test_memory_is_bounded_whatever_the_row_groups(tmp_path: Path) -> None:
    count = 400_000
    table = pa.table({"time_ms": range(T0_MS, T0_MS + count), "bid": [100.5] * count, "offer": [101.25] * count})
    parquet.write_table(table, tmp_path / "q.parquet", row_group_size=count)
    sizes = [len(batch) for batch in Recording(tmp_path / "q.parquet").batches()]
    assert (sum(sizes), max(sizes) < 50_000) == (count, True)


def test_what_would_end_a_run_early_is_known_before_it(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(HEADER + lines([T0_MS, T0_MS - 5000, T0_MS - 9000]))
    with pytest.raises(SourceError, match="line 3: its time goes back"):
        Recording(path).check_beginning()
    path.write_bytes(HEADER + lines([T0_MS, T0_MS + 1]))
    assert Recording(path).check_beginning() == [
        "q.csv: own columns: time = time_ms (milliseconds since 1970, UTC); bid = bid, offer = offer"
    ]


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="is no file"):
        Recording(tmp_path / "pipe.csv").layouts()
