"""A parser that crashes while a command reads a file: the place is told, and nothing hangs or ends without a word."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

T0_MS = 1_714_521_600_000
# The program, with parsers that end the process as native code does, and with no run behind its check.
PLANTED = """
import os, signal, sys
from tidewheel.cli import run
from tidewheel.cli.main import main
from tidewheel.recordings import csv_reader, opening, parquet_reader
opening.CHUNK_BYTES = 1_000
columns = csv_reader.parse_columns
def crashing(block, *more):
    if b"x777" in block:
        os.kill(os.getpid(), signal.SIGSEGV)
    return columns(block, *more)
csv_reader.parse_columns = crashing
parquet_reader.assemble = lambda *_: os.abort()
run.run_system = lambda *_: print("it runs") or 0
sys.exit(main(sys.argv[1:]))
"""


def program(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PLANTED, *arguments], check=False, capture_output=True, text=True, cwd=folder
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = "".join(f"{T0_MS + n},1,1,x{n}\n" for n in range(2_000))
    (tmp_path / "q.csv").write_text("time_ms,bid,offer,note\n" + rows)
    parquet.write_table(pa.table({"time_ms": [T0_MS], "bid": [1.0], "offer": [1.0]}), tmp_path / "q.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--feed", "replay:q.csv"), "it runs"),
        (("data", "check", "q.csv"), "2,000 rows read = 2,000 ticks + 0 rejected"),
        (("data", "convert", "q.csv", "--out", "out.parquet"), "out.parquet: 2,000 quotes"),
    ],
)
def test_a_crash_names_file_and_line_and_that_part_is_read_without_the_library(
    folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    ended = program(folder, *arguments)
    assert (ended.returncode, said in ended.stdout) == (0, True), ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "q.csv, line 7" in ended.stderr
    assert "(SIGSEGV); that part is now read line by line" in ended.stderr
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("arguments", [("run", "--feed", "replay:q.parquet"), ("data", "convert", "q.parquet")])
def test_a_crash_that_cannot_be_read_around_is_one_sentence(folder: Path, arguments: tuple[str, ...]) -> None:
    ended = program(folder, *arguments, *(("--out", "out.parquet") if "convert" in arguments else ()))
    assert (ended.returncode, ended.stdout) == (1, "")
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("tidewheel: ")
    assert "q.parquet, row 1: the reader of Parquet crashed here" in last
    assert "Traceback" not in ended.stderr
