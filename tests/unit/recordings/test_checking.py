"""One pass over a recording: what is found of it, and how far it is read."""

from pathlib import Path

import pytest

from tidewheel.recordings import opening
from tidewheel.recordings.checking import check
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.recordings.options import ReadingOptions

NEW = ReadingOptions(year_max=2027)
T0_MS = 1_714_521_600_000


def unheard(_rows: int, _time_ns: int) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of two instruments, one after the other, that is read in some hundred batches."""
    monkeypatch.setattr(opening, "CHUNK_BYTES", 20_000)
    path = tmp_path / "quotes.csv"
    rows = [f"{T0_MS + n},4,5,{'A' if n < 50_000 else 'B'}" for n in range(100_000)]
    path.write_text("\n".join(["time_ms,bid,offer,sym", *rows]) + "\n")
    return path


def chosen(value: str) -> ReadingOptions:
    return ReadingOptions(year_max=2027, chosen=InstrumentColumn("sym", (value,)))


def test_all_rows_of_the_one_chosen_are_read(file: Path) -> None:
    for value in ("A", "B"):
        found = check(file, chosen(value), unheard)
        assert (found.account.rows, found.account.others, found.failure) == (50_000, 50_000, "")


def test_one_that_is_not_there_is_told(file: Path) -> None:
    assert "holds no usable quote" in check(file, chosen("C"), unheard).failure


def test_what_was_read_before_it_broke_is_told(file: Path) -> None:
    found = check(file, NEW, unheard)
    assert "column sym says 'B', and 'A' before it" in found.failure
    assert 0 < found.account.rows <= 50_000
    assert found.profile.ticks == found.account.ticks


def test_progress_is_told_of_rows_and_of_time(file: Path) -> None:
    told: list[tuple[int, int]] = []
    check(file, chosen("A"), lambda rows, time_ns: told.append((rows, time_ns)))
    assert told == sorted(told)
    assert told[-1] == (50_000, (T0_MS + 49_999) * 10**6)
