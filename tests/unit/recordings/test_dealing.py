"""Several instruments of one recording: each is read as if it had a file of its own, and every row is counted once."""

import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.recordings.files import read
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings import opening
from tidewheel.recordings.account import account_lines
from tidewheel.recordings.accounts import Accounts, total_of
from tidewheel.recordings.checking import check
from tidewheel.recordings.conversion import convert
from tidewheel.recordings.dealing import each_batch
from tidewheel.recordings.instrument_column import INSTRUMENTS_MAX, InstrumentColumn, parse_instrument_column
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording

T0_MS = 1_714_521_600_000
HEADER = "sym,time_ms,bid,offer"
ALL = ReadingOptions(year_max=2027, chosen=InstrumentColumn("sym"))
Ticks = list[tuple[int, ...]]


def of(*names: str, **more: bool) -> ReadingOptions:
    return ReadingOptions(year_max=2027, chosen=InstrumentColumn("sym", names), **more)  # type: ignore[arg-type]


def written(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    content = "\n".join([header, *lines, ""]).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def dealt(path: Path, options: ReadingOptions = ALL) -> tuple[dict[str, Ticks], dict[str, list[tuple[int, str]]]]:
    """Of each instrument its ticks with their flags, and its rejected rows by place and reason."""
    accounts = Accounts()
    ticks: dict[str, Ticks] = defaultdict(list)
    rejected: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, batch in _batches(path, options):
        out = accounts.take(name, batch)
        quotes = out.quotes
        ticks[name] += zip(
            *(c.tolist() for c in (quotes.time_ns, quotes.bid_e9, quotes.offer_e9, quotes.flags)), strict=True
        )
        rejected[name] += [(row.place, str(row.reason)) for _, row in out.rejected]
    return dict(ticks), dict(rejected)


def _batches(path: Path, options: ReadingOptions) -> Iterator[tuple[str, object]]:
    for step in Recording(path, options).dealt():
        yield from each_batch(step)


def market(chance: Random, names: Sequence[str], count: int) -> list[str]:
    """Lines of several instruments in turn, with jitter, bad rows, strays of one or the other, and torn lines."""
    lines, at_ms = [], T0_MS
    since_stray = dict.fromkeys(names, 0)
    for _ in range(count):
        name = chance.choice(names)
        since_stray[name] += 1
        at_ms += chance.choice((0, 1, 40, 300, 2_500))
        time_ms, bid = at_ms - chance.choice((0, 0, 0, 700)), 100 + chance.randrange(9)
        odd = chance.random()
        if odd < 0.01 and since_stray[name] > 110:
            time_ms, since_stray[name] = time_ms + chance.choice((-1, 1)) * 86_400_000, 0
        elif odd < 0.03:
            bid = 200
        elif odd < 0.04:
            lines.append(f"{name},torn")
            continue
        elif odd < 0.05:
            lines.append(f",{time_ms},{bid},110")
            continue
        lines.append(f"{name},{time_ms},{bid},110")
    return lines


@pytest.mark.parametrize("seed", range(6))
def test_each_has_exactly_the_ticks_of_the_file_filtered_to_it(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = Random(seed)
    monkeypatch.setattr(opening, "CHUNK_BYTES", chance.choice((200, 3_000, 10**6)))
    names = ["BTC", "ETH", "XAU/USD", "RARE"][: chance.randint(2, 4)]
    lines = market(chance, [*names[:2] * 20, *names[2:]], 3_000)
    whole, (ticks, rejected) = tmp_path / "q.csv", dealt(written(tmp_path / "q.csv", lines))
    assert set(ticks) == {line.split(",")[0] for line in lines if line.count(",") == 3} - {""}
    places = {name: [n for n, line in enumerate(lines, 2) if line.startswith(f"{name},1")] for name in ticks}
    for name in ticks:
        own = [line for line in lines if line.startswith(f"{name},1")]
        alone, own_rejected = dealt(written(tmp_path / "alone.csv", own), of(name))
        assert ticks[name] == alone[""]
        numbered = [(places[name][place - 2], reason) for place, reason in own_rejected[""]]
        assert [row for row in rejected[name] if row[0] in set(places[name])] == numbered
        assert ticks[name] == dealt(whole, of(name))[0][""]
    assert sum(map(len, ticks.values())) + sum(map(len, rejected.values())) == len(lines)
    asked = dealt(whole, of(*list(ticks)[:2]))[0]
    assert asked == {name: ticks[name] for name in list(ticks)[:2]}


@pytest.mark.parametrize("seed", range(4))
def test_however_the_rows_lie_in_files(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(seed)
    monkeypatch.setattr(opening, "CHUNK_BYTES", 500)
    lines = [f"{chance.choice('ABC')},{T0_MS + 200 * n},{100 + n % 7},110" for n in range(2_000)]
    lines[900] = lines[900].replace(str(T0_MS + 200 * 900), str(T0_MS + 10**9))
    expected, _ = dealt(written(tmp_path / "whole.csv", lines))
    cuts = {
        "days": lambda n, _: str(n // 700),
        "instruments": lambda _, line: line[0],
        "turns": lambda n, _: str(n % 3),
    }
    for kind, file_of in cuts.items():
        folder = tmp_path / kind
        folder.mkdir()
        parts: dict[str, list[str]] = defaultdict(list)
        for n, line in enumerate(lines):
            parts[file_of(n, line)].append(line)
        for name, part in parts.items():
            written(folder / f"{name}.csv{chance.choice(('', '.gz'))}", part)
        assert dealt(folder)[0] == expected, kind
    one_by_one = sorted(lines, key=lambda line: line[0])
    assert dealt(written(tmp_path / "grouped.csv", one_by_one))[0] == expected
    columns = list(zip(*(line.split(",") for line in lines), strict=True))
    table = pa.table(dict(zip(HEADER.split(","), columns, strict=True)))
    table = table.set_column(0, "sym", table["sym"].dictionary_encode())
    parquet.write_table(table, tmp_path / "q.parquet", row_group_size=300)
    assert dealt(tmp_path / "q.parquet")[0] == expected
    shuffled = [line for line in lines if str(T0_MS + 10**9) not in line]
    in_order, _ = dealt(written(tmp_path / "in_order.csv", shuffled))
    chance.shuffle(shuffled)
    assert dealt(written(tmp_path / "shuffled.csv", shuffled), of(sort=True))[0] == in_order


def test_a_line_that_names_none_counts_with_the_one_before_it(tmp_path: Path) -> None:
    lines = ["torn", f"A,{T0_MS},1,1", "torn", f"B C,{T0_MS},1,1", f"B,{T0_MS},1,1", f",{T0_MS},1,1"]
    lines += [f"B,{T0_MS},1,1,1"]
    recording, accounts = Recording(written(tmp_path / "q.csv", lines), ALL), Accounts()
    for step in recording.dealt():
        for name, batch in each_batch(step):
            accounts.take(name, batch)
    said = {name: account_lines(account.as_dict(recording.describe)) for name, account in accounts.each.items()}
    assert said["A"][0] == "4 rows read = 1 ticks + 3 rejected"
    assert said["B"][0] == "3 rows read = 1 ticks + 2 rejected"
    assert said["A"][1] == "rejected as malformed: 3 rows, q.csv, line 2 to q.csv, line 5: 1 fields, the header has 4"
    assert account_lines(total_of(one.as_dict() for one in accounts.each.values()))[0] == (
        "7 rows read = 2 ticks + 5 rejected"
    )
    one_by_one = [row for row in said["B"] if "makes no instrument id" in row]
    assert one_by_one == [
        "rejected as malformed: 2 rows, q.csv, line 7 to q.csv, line 8: sym '' makes no instrument id"
    ]


def test_the_rows_of_one_that_go_back_are_refused_with_what_to_do_and_the_others_have_theirs(tmp_path: Path) -> None:
    lines = [f"{name},{T0_MS + 5_000 * n},1,1" for n in range(50) for name in "AB"]
    lines[61], lines[63] = f"B,{T0_MS},1,1", f"B,{T0_MS},1,1"
    path = written(tmp_path / "q.csv", lines)
    refused = r"q\.csv, line 63: its time goes back by .*--sort.*To run without B: --instrument-column sym=A$"
    with pytest.raises(SourceError, match=refused):
        dealt(path)
    assert len(dealt(path, of("A"))[0][""]) == 50
    found = check(path, ALL, lambda *_: None)
    assert (found.each["A"].account.ticks, "line 63" in found.failure) == (50, True)


def test_strays_of_two_instruments_close_together_are_single_ones(tmp_path: Path) -> None:
    lines = [f"{name},{T0_MS + 2_000 * n},1,1" for n in range(200) for name in "AB"]
    lines[100], lines[103] = f"A,{T0_MS + 10**9},1,1", f"B,{T0_MS + 10**9},1,1"
    _, rejected = dealt(written(tmp_path / "q.csv", lines))
    assert rejected == {"A": [(102, DeadLetterReason.STRAY_TIME)], "B": [(105, DeadLetterReason.STRAY_TIME)]}


def test_each_instrument_has_one_venue(tmp_path: Path) -> None:
    lines = [f"{name},{T0_MS + n},1,1,{name}X" for n in range(60) for name in "AB"]
    path = written(tmp_path / "q.csv", lines, HEADER + ",exchange")
    assert {name: len(ticks) for name, ticks in dealt(path)[0].items()} == {"A": 60, "B": 60}
    assert check(path, ALL, lambda *_: None).of == {"exchange": "AX, BX"}
    for odd in ("", ",too many"):
        lines[81] = lines[81].replace("BX", "Z") + odd.replace(",too many", "")
        lines[80] += odd
        path = written(tmp_path / "q.csv", lines, HEADER + ",exchange")
        with pytest.raises(SourceError, match="line 83: column exchange says 'Z', and 'BX' before it, of sym B"):
            dealt(path)


def test_more_instruments_than_a_run_takes(tmp_path: Path) -> None:
    lines = [f"S{n},{T0_MS + n},1,1" for n in range(INSTRUMENTS_MAX)]
    assert len(dealt(written(tmp_path / "q.csv", lines))[0]) == INSTRUMENTS_MAX
    path = written(tmp_path / "q.csv", [*lines, f"ONE-MORE,{T0_MS + 99},1,1"])
    with pytest.raises(SourceError, match=r"more than the 64 instruments that one run takes, 'ONE-MORE' .*sym=S0,…"):
        dealt(path)
    assert list(dealt(path, of("ONE-MORE", "S3"))[0]) == ["ONE-MORE", "S3"]


def test_one_that_was_asked_for_and_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", [f"{name},{T0_MS},1,1" for name in "ABC"])
    assert check(path, of("A", "D"), lambda *_: None).failure == f"{path} holds no usable quote of D"
    assert check(path, of("A", "C"), lambda *_: None).account.as_dict()["other_instruments"] == 1


def test_a_column_of_nothing_names_no_instrument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "q.csv", [f" ,{T0_MS},1,1"] * 9)
    with pytest.raises(SourceError, match="column sym names no instrument in its first rows"):
        Recording(path, ALL).check_beginning()


def test_what_is_dealt_is_shown_before_anything_runs(tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", [f"{name},{T0_MS},1,1" for name in "BA"])
    layout, named = Recording(path, ALL).check_beginning()
    assert layout.endswith("each sym is an instrument of its own, all of them")
    assert named == "instruments in its first rows: A, B"
    assert Recording(path, of("A", "B")).layouts()[0].endswith("each sym is an instrument of its own, only A, B")
    with pytest.raises(
        SourceError, match=r"several apart: B, A\. Choose one .*, or run each .*--instrument-column sym$"
    ):
        Recording(path).layouts()


@pytest.mark.parametrize(
    ("text", "values"),
    [("sym", ()), ("sym=*", ()), (" sym = A ", ("A",)), ("sym=A, B", ("A", "B")), ("s=A=X", ("A=X",))],
)
def test_what_is_written_of_the_column(text: str, values: tuple[str, ...]) -> None:
    column = parse_instrument_column(text)
    assert (column.name, column.values, column.several) == (text.split("=")[0].strip(), values, len(values) != 1)
    assert parse_instrument_column(str(column)) == column


@pytest.mark.parametrize("text", ["", "=A", "sym=", "sym=A,", "sym=A,A", "sym=A B,C", "sym=" + "x,".join("a" * 70)])
def test_what_is_written_wrongly_of_the_column(text: str) -> None:
    with pytest.raises(ValueError, match=r"column=value|twice, or none|makes no instrument id"):
        parse_instrument_column(text)


def test_one_chosen_is_read_whatever_its_name(tmp_path: Path) -> None:
    path = written(tmp_path / "q.csv", [f"{name},{T0_MS},1,1" for name in ("A=X", "B")])
    assert len(read(path, of("A=X"))[0]) == 1


def test_a_converted_file_of_several_has_the_same_ticks(tmp_path: Path) -> None:
    lines = market(Random(1), ("A", "B/C"), 2_000)
    source, target = written(tmp_path / "q.csv", lines), tmp_path / "q.parquet"
    account = convert(Recording(source, ALL), target, lambda _: None)
    assert account.rows == len(lines)
    ticks, rejected = dealt(target, ReadingOptions(year_max=2027, chosen=InstrumentColumn("symbol")))
    assert ticks == dealt(source)[0]
    assert rejected == {"A": [], "B/C": []}
