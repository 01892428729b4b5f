"""Rows as people give them, and options that contradict each other: one line and exit code 2."""

import io
from pathlib import Path

import numpy as np
import pytest

from tests.synthetic_models import make_row
from tidewheel.cli.main import main
from tidewheel.cli.predict import parse_features


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
