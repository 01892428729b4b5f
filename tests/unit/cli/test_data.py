"""`tidewheel data` on small files: what is said of them, and what is refused."""

import json
from pathlib import Path

import pytest

from tests.unit.recordings.files import read
from tidewheel.cli.main import main

HEADER = "time_ms,bid,offer"
T0_MS = 1_714_521_600_000


def lines(count: int) -> list[str]:
    """A quote a second that goes up and down by itself."""
    return [f"{T0_MS + 1_000 * n},{100 + (n // 200) % 9},{100.5 + (n // 200) % 9}" for n in range(count)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join([HEADER, *lines(7_200)]) + "\n")
    return path


def said(capfd: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["data", *words]) == code
    out, err = capfd.readouterr()
    assert err.count("\n") == (1 if code and not out else 0)
    return out or err


def test_a_file_in_words(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = said(capfd, "check", str(file))
    for words in (
        "read as    quotes.csv: own columns: time = time_ms (milliseconds since 1970, UTC)",
        "7,200 rows read = 7,200 ticks + 0 rejected",
        "2024-05-01 00:00:00 to 2024-05-01 01:59:59 UTC: 1 session, 120.0 min",
        "100 to 108.5, all multiples of 0.5",
        "median 0.5",
        "of them PROFIT; of 400 orders on the last quotes of 7,200 seconds",
    ):
        assert words in text


def test_a_file_for_programs(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capfd, "check", "--json", str(file)))
    assert found["failure"] is None
    assert found["layouts"]["quotes.csv"]["time_unit"] == "ms"
    assert found["account"]["ticks"] == 7_200
    assert found["profile"]["price_step"] == 0.5
    assert found["profile"]["threshold"]["life_s_median"] > 60


def test_bad_rows_are_counted_with_the_first_of_each_kind(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad = [f"{T0_MS + 10**7},3,2", f"{T0_MS + 10**7},x,2", f"{T0_MS + 10**7},4,2", "short"]
    file.write_text("\n".join([HEADER, *lines(100), *bad]) + "\n")
    text = said(capfd, "check", str(file))
    assert "104 rows read = 100 ticks + 4 rejected" in text
    crossed = "the bid is above the offer: bid 3, offer 2"
    assert f"rejected as crossed: 2 rows, quotes.csv, line 102 to quotes.csv, line 104: {crossed}" in text
    assert "WARNING: 3.8% of the rows read were rejected" in text


def test_all_files_are_told_of_where_one_is_refused(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = file.with_name("other.csv")
    other.write_text("a,b\n1,2\n")
    code = main(["data", "check", str(other), str(file), str(file.with_name("none.csv"))])
    out, err = capfd.readouterr()
    assert (code, err) == (1, "")
    assert out.count("REFUSED") == 2
    assert "7,200 rows read" in out


def test_a_folder_of_days_is_one_recording(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In order of time, whatever their names; the column that tells instruments apart is named."""
    days = file.parent / "days"
    days.mkdir()
    for name, rows in (("b.csv", lines(50)), ("a.csv", lines(100)[50:])):
        (days / name).write_text("\n".join(["time_ms,bid,offer,sym", *(f"{row},BTC" for row in rows)]) + "\n")
    text = said(capfd, "check", str(days))
    assert "a.csv and 1 more: " in text
    assert "of         sym = BTC" in text
    assert "2024-05-01 00:00:00 to 2024-05-01 00:01:39 UTC: 1 session" in text
    target = file.with_suffix(".parquet")
    assert f"{target}: 100 quotes" in said(capfd, "convert", str(days), "--out", str(target))
    assert len(read(target)[0]) == 100


def test_what_comes_by_a_pipe(file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    target = file.with_suffix(".parquet")
    for words in (("check", "-"), ("convert", "-", "--out", str(target))):
        with file.open() as piped:
            monkeypatch.setattr("sys.stdin", piped)
            assert "7,200 rows read = 7,200 ticks + 0 rejected" in said(capfd, *words)
    assert len(read(target)[0]) == 7_200


def test_what_a_user_says_counts(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text("when;b;a\n" + "".join(f"{T0_MS // 1000 + n};4;5\n" for n in range(5)))
    options = ("--columns", "time=when,bid=b,offer=a", "--time-unit", "s")
    assert "seconds since 1970" in said(capfd, "check", str(file), *options)
    assert main(["data", "check", str(file), "--columns", "time"]) == 2
    assert main(["data", "check", str(file), "--time-unit", "h"]) == 2
    assert main(["data", "check", str(file), "--candle-spread", "nan"]) == 2


def test_convert_gives_the_same_ticks_and_never_replaces(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = file.with_suffix(".parquet")
    assert f"{target}: 7,200 quotes" in said(capfd, "convert", str(file), "--out", str(target))
    assert read(target) == read(file)
    before = target.read_bytes()
    assert "is there already, and is not replaced" in said(capfd, "convert", str(file), "--out", str(target), code=1)
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("out", "code", "why"), [("x.csv", 2, "must end in .parquet"), ("none/x.parquet", 1, "cannot be written")]
)
def test_where_it_cannot_be_written(
    file: Path, out: str, code: int, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert why in said(capfd, "convert", str(file), "--out", str(file.parent / out), code=code)


def test_a_file_that_cannot_be_read_leaves_nothing(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.write_text("a,b\n1,2\n")
    assert "nothing was written" in said(
        capfd, "convert", str(file), "--out", str(file.with_suffix(".parquet")), code=1
    )
    assert [path.name for path in file.parent.iterdir()] == ["quotes.csv"]
