"""A recording written as our Parquet holds the same quotes, and nothing is written over."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recordings.files import read
from tidewheel.recordings import conversion
from tidewheel.recordings.conversion import SIZES, convert, record_batch, schema_of
from tidewheel.recordings.quotes import RawBatch, SourceError
from tidewheel.recordings.recording import Recording

LINES = (
    "time_ms,bid,offer,bid_size,offer_size",
    "1714521600000,99.123456789,100.5,1,",
    "1714521600001,99,100,,2.5",
    "1714521600000,98,99,-1,3",  # a little late
    "x,98,99,1,1",
    "1714521600002,101,100,1,1",  # crossed
    "1714521600002,0.000000001,0.000000001,0,0",
    "1714521600003,9000000000,9000000000,9000000000,1",
)


def unheard(_rows: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.mark.parametrize("group_rows", [1, conversion.GROUP_ROWS])
def test_the_same_ticks(source: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int) -> None:
    monkeypatch.setattr(conversion, "GROUP_ROWS", group_rows)
    target = source.with_suffix(".parquet")
    account = convert(Recording(source), target, unheard)
    assert (account.ticks, account.rows_rejected) == (5, 2)
    ticks, rejected = read(target)
    assert rejected == []
    assert ticks == read(source)[0]
    # The source's own times, not those that a reader moves late rows onto.
    assert pq.read_table(target)["time_ns"].to_pylist()[2] == 1714521600000 * 10**6


def test_sizes_that_are_not_there_are_no_column(source: Path) -> None:
    source.write_text("time_ms,bid,offer,offer_size\n1714521600000,1,1,3\n")
    target = source.with_suffix(".parquet")
    convert(Recording(source), target, unheard)
    assert pq.read_schema(target).names == ["time_ns", "bid", "offer", "offer_size"]
    assert read(target) == read(source)


def test_a_file_is_never_replaced(source: Path) -> None:
    target = source.with_suffix(".parquet")
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        convert(Recording(source), target, unheard)
    assert target.read_text() == "mine"


def test_one_that_appears_meanwhile_is_not_replaced_either(source: Path) -> None:
    target = source.with_suffix(".parquet")

    def appear(_rows: int) -> None:
        target.write_text("theirs")

    with pytest.raises(FileExistsError):
        convert(Recording(source), target, appear)
    assert target.read_text() == "theirs"
    assert sorted(path.name for path in source.parent.iterdir()) == ["quotes.csv", "quotes.parquet"]


@pytest.mark.parametrize("lines", [LINES[:1], (LINES[0], LINES[4])])
def test_what_cannot_be_read_leaves_nothing(source: Path, lines: tuple[str, ...]) -> None:
    source.write_text("\n".join(lines) + "\n")
    with pytest.raises(SourceError):
        convert(Recording(source), source.with_suffix(".parquet"), unheard)
    assert [path.name for path in source.parent.iterdir()] == ["quotes.csv"]


prices = st.integers(1, 10**19 - 1).map(lambda value: min(value, 2**63 - 1))
sizes = st.integers(-1, 2**63 - 1)


@given(st.lists(st.tuples(st.integers(0, 2**62), prices, prices, sizes, sizes), min_size=1, max_size=20))
def test_every_number_is_exact(rows: list[tuple[int, ...]]) -> None:
    columns = [column.copy() for column in np.array(rows, dtype=np.int64).T]
    made = record_batch(RawBatch(np.arange(len(rows)), *columns), schema_of(SIZES)).to_pydict()
    for name, column in zip(("bid", "offer", "bid_size", "offer_size"), columns[1:], strict=True):
        assert [-1 if value is None else int(value.scaleb(9)) for value in made[name]] == column.tolist()
