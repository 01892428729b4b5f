"""Rows as people give them, and options that contradict each other: one line and exit code 2."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.synthetic_models import make_row
from tidewheel.cli.main import main
from tidewheel.cli.predict_input import parse_features, read_batches
from tidewheel.domain.features import FEATURE_NAMES


def npy(array: np.ndarray, **how: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **how)
    return file.getvalue()


def test_three_forms_of_the_same_row() -> None:
    row = make_row(1)
    text = ", ".join(repr(number) for number in row.tolist())
    forms = [f"[{text}]".encode(), f"{text}\n".encode(), npy(row), npy(row[np.newaxis]), npy(row.astype(">f8"))]
    for form in forms:
        given = parse_features(form)
        assert given.dtype == np.float32
        assert given.tolist() == row.tolist()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\xff\xfe", b"1,x", b"1\n2", b"{}", b'"a"', b"[1", b"[1,null]", b"[true]", b"[1,[2]]", b"nan"),
        *(b"[1e400]", b"1e39", b"[1" + b"0" * 400 + b"]"),
        *(npy(np.zeros((2, 605))), npy(np.array(["a"])), npy(np.array([{}]), allow_pickle=True), npy(np.zeros(3))[:-5]),
        npy(np.array(1.0)),
    ],
)
def test_what_is_no_row(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"must be|holds"):
        parse_features(content)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--bid", "1"], "give both --bid and --offer"),
        (["--bid", "2", "--offer", "1"], "crossed"),
        (["--bid", "0", "--offer", "1"], "is no price"),
        (["--bid", "x", "--offer", "1"], "is no number"),
        (["--instrument", "BTC-USD"], "is no instrument id"),
        (["--timeout", "0"], "--timeout"),
        (["--features", "nowhere.json"], "nowhere.json"),
        (["--features", "{row}", "--bid", "1", "--offer", "1"], "not for --features"),
        (["--features", "{row}"], "one row of numbers"),
        (["--batch", "{row}", "--bid", "1", "--offer", "1"], "not for --batch"),
        (["--batch", "{row}", "--watch"], "give only one of --batch, --watch"),
        (["--watch", "--explain", "3"], "--explain takes one score apart"),
        (["--batch", "{row}"], "no row of numbers"),
        (["--tls-ca", "nowhere.pem"], "nowhere.pem"),
    ],
)
def test_wrong_options_are_one_line_and_code_2(
    arguments: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_row = tmp_path / "row.csv"
    bad_row.write_text("1;2;3")
    assert main(["predict", *(argument.format(row=bad_row) for argument in arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert reason in captured.err


ROWS = np.array([make_row(seed) for seed in range(5)])


def csv_file(folder: Path, *, head: str = "", lines: list[str] | None = None) -> Path:
    file = folder / "rows.csv"
    whole = lines if lines is not None else [",".join(map(repr, row)) for row in ROWS.tolist()]
    file.write_text("\n".join([*([head] if head else []), *whole, ""]))
    return file


def parquet_file(folder: Path, columns: dict[str, object]) -> Path:
    file = folder / "rows.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def in_every_form(folder: Path) -> Iterator[Path]:
    yield csv_file(folder)
    yield csv_file(folder, head=",".join(FEATURE_NAMES))
    lines = [f"7,{' '.join(map(repr, row))},x" for row in ROWS.tolist()]
    yield csv_file(folder, head="label,features,more", lines=lines)
    yield parquet_file(folder, {"features": ROWS.tolist(), "label": [1] * len(ROWS)})
    yield parquet_file(folder, {name: ROWS[:, place] for place, name in enumerate(FEATURE_NAMES)})


def test_many_rows_in_every_form(tmp_path: Path) -> None:
    for file in in_every_form(tmp_path):
        for rows_each, sizes in ((2, [2, 2, 1]), (5, [5]), (800, [5])):
            batches = list(read_batches(file, rows_each))
            assert [len(batch) for batch in batches] == sizes, file
            assert np.concatenate(batches).tolist() == ROWS.tolist()


def test_a_file_without_rows_has_none(tmp_path: Path) -> None:
    assert list(read_batches(csv_file(tmp_path, lines=[]), 2)) == []
    assert list(read_batches(csv_file(tmp_path, head=",".join(FEATURE_NAMES), lines=[]), 2)) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["1,2,3"], "has 3 numbers in 1 rows"),
        ([",".join(["nan"] * 605)], "not finite"),
        ([",".join(["x"] * 605)], "up to line 1: holds something"),
    ],
)
def test_what_are_no_rows(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(read_batches(csv_file(tmp_path, lines=lines), 2))


def test_what_is_no_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("1")
    (tmp_path / "bad.parquet").write_text("1")
    with pytest.raises(ValueError, match="must end in"):
        list(read_batches(tmp_path / "rows.txt", 2))
    with pytest.raises(ValueError, match="no Parquet file"):
        list(read_batches(tmp_path / "bad.parquet", 2))
    with pytest.raises(ValueError, match="neither a column features nor one named bid"):
        list(read_batches(parquet_file(tmp_path, {"label": [1]}), 2))
    with pytest.raises(ValueError, match="has 6 numbers in 2 rows"):
        list(read_batches(parquet_file(tmp_path, {"features": [[1.0] * 3] * 2}), 2))
