"""Parquet files: the same rows, as exactly, whatever the types of the columns."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tests.unit.recordings.files import read
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.recordings import fields, parquet_reader
from tidewheel.recordings.quotes import SourceError

E9 = 1_000_000_000


def parquet_file(tmp_path: Path, **columns: object) -> Path:
    path = tmp_path / "q.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    "prices",
    [
        pa.array([65000.12, 0.1 + 0.2, 1e-9, 4.5]),
        pa.array([65000.12, 0.30000000000000004, 1e-9, 4.5], pa.float64()),
        pa.array(["65000.12", "0.30000000000000004", "1e-9", "4.5"]),
        pa.array(["65000.12", "0.3", "1e-9", "4.5"], pa.large_string()),
        pa.array([Decimal("65000.12"), Decimal("0.3"), Decimal("1e-9"), Decimal("4.5")], pa.decimal128(20, 9)),
        pa.array([Decimal("65000.12"), Decimal("0.3"), Decimal("1e-9"), Decimal("4.5")], pa.decimal128(30, 15)),
        pa.array([65000.12, 0.3, 1e-9, 4.5], pa.float32()),
    ],
)
def test_parquet_numbers_of_any_type_are_the_ones_meant(tmp_path: Path, prices: pa.Array) -> None:
    ticks, rejected = read(parquet_file(tmp_path, time_ms=[1, 2, 3, 4], bid=prices, offer=prices))
    assert rejected == []
    assert [tick[1] for tick in ticks] == [65_000_120_000_000, 300_000_000, 1, 4_500_000_000]


def test_parquet_whole_numbers_and_sizes(tmp_path: Path) -> None:
    path = parquet_file(
        tmp_path, time_us=[7, 8], bid=[4, 5], offer=[5, 6], bid_size=[None, 1.5], offer_size=["2", None]
    )
    assert read(path)[0] == [(7_000, 4 * E9, 5 * E9, -1, 2 * E9), (8_000, 5 * E9, 6 * E9, 1_500_000_000, -1)]


@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_bad_rows_of_a_parquet_file_have_their_row_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_rows: int
) -> None:
    monkeypatch.setattr(parquet_reader, "BATCH_ROWS", batch_rows)
    bid = pa.array([4.0, float("nan"), None, float("inf"), -1.0, 5.0, 1e300, 4.0])
    path = parquet_file(tmp_path, time_ms=[1, 2, 3, 4, 5, 6, 7, 8], bid=bid, offer=[4.5] * 8)
    ticks, rejected = read(path)
    assert [tick[0] for tick in ticks] == [1_000_000, 8_000_000]
    assert [(row.place, row.reason) for row in rejected] == [
        (2, DeadLetterReason.NOT_FINITE),
        (3, DeadLetterReason.MALFORMED),
        (4, DeadLetterReason.NOT_FINITE),
        (5, DeadLetterReason.NOT_POSITIVE),
        (6, DeadLetterReason.CROSSED),
        (7, DeadLetterReason.TOO_LARGE),
    ]
    assert b"nan" in rejected[0].raw


@given(st.integers(1, 10**15))
@settings(max_examples=300)
def test_a_double_halfway_between_two_prices_is_rounded_by_its_decimals(units: int) -> None:
    value = float(Decimal(2 * units + 1).scaleb(-9) / 2)
    fast = parquet_reader.decimals_e9(pa.array([value]))
    assert fast is None or fast.tolist() == [fields.parse_number_e9("bid", repr(value))[0]]


@given(st.lists(st.floats(allow_nan=False, min_value=1e-6, max_value=1e10), min_size=1, max_size=20))
@settings(max_examples=200)
def test_a_column_of_doubles_reads_as_its_shortest_decimals(values: list[float]) -> None:
    rounded = [round(v, 9) for v in values]
    fast = parquet_reader.decimals_e9(pa.array(rounded))
    if fast is not None:
        assert fast.tolist() == [fields.parse_number_e9("bid", repr(v))[0] for v in rounded]
    else:
        assert max(rounded) >= parquet_reader.FLOAT_EXACT_BELOW or any(
            len(repr(v).partition(".")[2]) > 9 or "e" in repr(v) for v in rounded
        )


def test_parquet_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="column"):
        read(parquet_file(tmp_path, when=[1], bid=[1.0], offer=[1.0]))
    _, rejected = read(parquet_file(tmp_path, time_ms=[1.5], bid=[1.0], offer=[1.0]))
    assert [row.detail for row in rejected] == ["time_ms '1.5' is no whole number"]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 this is none")
    with pytest.raises(SourceError, match="Parquet"):
        read(tmp_path / "bad.parquet")
    with pytest.raises(SourceError, match="No such file"):
        read(tmp_path / "no.parquet")
