"""What goes into which file, without a broker: repeats, order, decimals, quoting."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.conformance.make_examples import INSTRUMENT, VALUES, busy_second, quiet_second
from tests.conformance.records import CODECS
from tests.synthetic_seconds import seconds
from tidewheel.contracts.tables import TABLE_VIEWS
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.local import exporting
from tidewheel.local.exporting import SUFFIXES, ExportResult, bytes_text, export, export_all, warn_left_out
from tidewheel.runtime.process import FatalError

OTHER = "kraken:AAA-USD"


class Record:
    """A message as far as it is looked at."""

    def __init__(self, value: bytes | None, key: bytes | None = None) -> None:
        self._key, self._value = key, value

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes | None:
        return self._value


def encoded(codec: str, *values: Any) -> list[Record]:
    return [Record(CODECS[codec][0](value)) for value in values]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """The records of whatever topic is read."""
    records: list[Record] = []
    monkeypatch.setattr(exporting, "read_to_end", lambda *_: iter(records))
    return records


def exported(folder: Path, name: str, suffix: str, instrument: str | None = None) -> tuple[Path, ExportResult]:
    target = folder / f"{name}{suffix}"
    return target, export("broker", TABLE_VIEWS[name], target, instrument)


def csv_rows(target: Path) -> list[dict[str, str]]:
    with target.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", TABLE_VIEWS)
def test_an_empty_topic_is_a_file_without_rows(topic: list[Record], tmp_path: Path, name: str, suffix: str) -> None:
    target, done = exported(tmp_path, name, suffix)
    assert done == ExportResult()
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    if suffix == ".parquet":
        assert pq.read_schema(target).names == list(TABLE_VIEWS[name].schema)
    else:
        assert target.read_text().count("\n") == (suffix == ".csv")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("batch", [1, 2, 2000])
def test_rows_stand_in_order_of_instrument(
    topic: list[Record], tmp_path: Path, suffix: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "BATCH_RECORDS", batch)
    busy, quiet = busy_second(), quiet_second()
    topic += encoded("second", busy, replace(busy, instrument=OTHER), quiet, replace(quiet, instrument=OTHER))
    target, done = exported(tmp_path, "bars", suffix)
    found = {
        ".parquet": lambda: pq.read_table(target).to_pylist(),
        ".csv": lambda: csv_rows(target),
        ".jsonl": lambda: [json.loads(line) for line in target.read_text().splitlines()],
    }[suffix]()
    wanted = [(name, str(second)) for name in (OTHER, INSTRUMENT) for second in (busy.second, quiet.second)]
    assert [(row["instrument"], str(row["second"])) for row in found] == wanted
    assert done.rows == 4


def test_one_instrument_alone(topic: list[Record], tmp_path: Path) -> None:
    topic += encoded("second", busy_second(), replace(busy_second(), instrument=OTHER))
    target, done = exported(tmp_path, "ticks", ".csv", OTHER)
    assert {row["instrument"] for row in csv_rows(target)} == {OTHER}
    assert done.rows == 3


def test_csv_shows_decimals(topic: list[Record], tmp_path: Path) -> None:
    value = VALUES["transactions", "loss.transaction"]
    topic += encoded(
        "transaction", value, replace(value, entry_e9=100_500_000_001, exit_e9=100_500_000_000, resolved_seq=51)
    )
    target, _ = exported(tmp_path, "transactions", ".csv")
    header, first, second = target.read_text().splitlines()
    assert header == "instrument,order_id,placed_ns,entry,upper,lower,resolved_ns,resolved_seq,exit,outcome,pnl"
    assert first == f"{INSTRUMENT},{value.order_id},{value.placed_ns},101,111,91,{value.resolved_ns},50,90,LOSS,-11"
    assert second.split(",")[3] == "100.500000001"
    assert second.split(",")[-1] == "-0.000000001"


def test_csv_leaves_what_is_missing_empty(topic: list[Record], tmp_path: Path) -> None:
    topic += encoded("second", busy_second())
    first, second, _ = csv_rows(exported(tmp_path, "ticks", ".csv")[0])
    assert (first["bid_size"], first["venue_seq"]) == ("0.000000005", "11")
    assert (second["bid_size"], second["venue_seq"], second["venue_time_ns"]) == ("", "", "")


def test_csv_quotes_what_needs_it(topic: list[Record], tmp_path: Path) -> None:
    letter = VALUES["dead-letters", "crossed.dead_letter"]
    hard = 'a "quoted" word, a\nline\r\nand ü'
    topic += encoded("dead_letter", letter, replace(letter, detail=hard, offset=18, raw=b"\xff\x00"))
    first, second = csv_rows(exported(tmp_path, "dead-letters", ".csv")[0])
    assert (first["raw"], first["detail"]) == ("1,101,100", letter.detail)
    assert (second["raw"], second["detail"]) == ("ff00", hard)


def test_examples_keep_every_bit(topic: list[Record], tmp_path: Path) -> None:
    value = VALUES["examples", "one.example"]
    topic += encoded("example", value)
    row = pq.read_table(exported(tmp_path, "examples", ".parquet")[0])
    assert row["features"].combine_chunks().flatten().to_numpy().astype("<f4").tobytes() == value.features
    assert row["schema_hash"].to_pylist() == [SCHEMA_HASH]
    (parsed,) = map(json.loads, exported(tmp_path, "examples", ".jsonl")[0].read_text().splitlines())
    assert parsed["features"] == row["features"].to_pylist()[0]
    assert parsed["schema_hash"] == SCHEMA_HASH.hex()
    (cells,) = csv_rows(exported(tmp_path, "examples", ".csv")[0])
    assert list(map(float, cells["features"].split())) == parsed["features"]


def test_json_has_no_numbers_that_are_none(topic: list[Record], tmp_path: Path) -> None:
    scored = VALUES["training-runs", "scored.run_event"]
    odd = replace(scored, scorecard=replace(scored.scorecard, precision=float("nan"), recall=float("inf")))
    topic += encoded("run_event", odd)
    text = exported(tmp_path, "training-runs", ".jsonl")[0].read_text()
    assert (json.loads(text)["next_precision"], json.loads(text)["next_recall"]) == (None, None)
    assert "NaN" not in text


@pytest.mark.parametrize(
    ("name", "codec", "values"),
    [
        ("bars", "second", [busy_second(), quiet_second()]),
        ("orders", "orders", [VALUES["orders", "two.orders"]]),
        ("training-runs", "run_event", [VALUES["training-runs", f"{n}.run_event"] for n in ("trial", "split")]),
        ("dead-letters", "dead_letter", [VALUES["dead-letters", "crossed.dead_letter"]]),
    ],
)
def test_a_repeat_after_a_crash_is_left_out(
    topic: list[Record], tmp_path: Path, name: str, codec: str, values: list[Any]
) -> None:
    once = encoded(codec, *values)
    topic += once
    _, single = exported(tmp_path, name, ".csv")
    topic += once
    _, double = exported(tmp_path, name, ".csv")
    assert (double.rows, double.repeats) == (single.rows, len(once))
    assert single.repeats == 0


def test_a_line_of_a_file_of_the_same_name_is_no_repeat(topic: list[Record], tmp_path: Path) -> None:
    letter = VALUES["dead-letters", "crossed.dead_letter"]
    topic += encoded("dead_letter", letter, replace(letter, instrument="replay:B-USD"))
    assert exported(tmp_path, "dead-letters", ".csv")[1] == ExportResult(rows=2)


@pytest.mark.parametrize(
    ("name", "codec", "value"),
    [("transactions", "transaction", "void.transaction"), ("examples", "example", "one.example")],
)
def test_what_is_written_exactly_once_is_shown_as_often_as_it_stands_there(
    topic: list[Record], tmp_path: Path, name: str, codec: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    topic += encoded(codec, *[VALUES[name, value]] * 2)
    done = exported(tmp_path, name, ".parquet")[1]
    assert done == ExportResult(rows=2, repeats_shown=1)
    warn_left_out(name, done)
    assert (
        capsys.readouterr().err
        == f"{name}: 1 records repeat others or come late, and should not; they are in the file\n"
    )


def test_what_is_missing_and_what_was_left_out_is_said(
    topic: list[Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _, fourth = seconds(4)
    topic += encoded("second", first, second, first, second, fourth)
    _, done = exported(tmp_path, "bars", ".csv")
    assert (done.rows, done.repeats, done.repeats_shown, done.missing) == (3, 2, 0, 1)
    warn_left_out("bars", done)
    assert capsys.readouterr().err == (
        "bars: 2 records repeat others and were left out\n"
        "bars: 1 records are missing, by the numbers of those that are there\n"
    )


def test_what_cannot_be_decoded_is_counted_and_said(
    topic: list[Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topic += [Record(b"\xff garbage"), Record(None), *encoded("second", busy_second()), Record(b"")]
    _, done = exported(tmp_path, "bars", ".csv")
    assert (done.rows, done.undecodable) == (1, 3)
    warn_left_out("bars", done)
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "3 records could not be decoded" in errors
    assert "1 undecodable" in errors


def test_a_broker_that_goes_away_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> Iterator[Record]:
        yield from encoded("second", busy_second())
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "nothing came for 60 s"))

    monkeypatch.setattr(exporting, "read_to_end", breaks)
    with pytest.raises(FatalError, match="topic ticks could not be read from broker: nothing came"):
        exported(tmp_path, "bars", ".parquet")
    assert list(tmp_path.iterdir()) == []


def test_everything_at_once(topic: list[Record], tmp_path: Path) -> None:
    done = export_all("broker", tmp_path / "out")
    names = {f"{name}.parquet" for name in TABLE_VIEWS} - {"labeler-state.parquet"} | {"bars.csv", "transactions.csv"}
    assert set(done) == {path.name for path in (tmp_path / "out").iterdir()} == names


def test_bytes_for_people() -> None:
    assert [bytes_text(b) for b in (b"", b"1,2,3", "ü".encode(), b"\xff", b"\n")] == ["", "1,2,3", "ü", "ff", "0a"]
