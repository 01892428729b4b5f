"""A crash of a library's parser names file and place, and the next process reads that place by no library."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.recordings.test_recording import HEADER, T0_MS, lines
from tidewheel.recordings import csv_reader, opening
from tidewheel.recordings.options import NO_OPTIONS
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.quotes import SourceError
from tidewheel.recordings.recording import Recording

# A reader whose parser ends the process at the block that holds a certain line, as native code does.
CRASHING = """
import os, sys
from pathlib import Path
from tidewheel.recordings import csv_reader, opening, parquet_reader
from tidewheel.recordings.options import NO_OPTIONS
from tidewheel.recordings.place_mark import PlaceMark
from tidewheel.recordings.recording import Recording
opening.CHUNK_BYTES = 1_000
columns = csv_reader.parse_columns
csv_reader.parse_columns = lambda block, *more: os.abort() if b"777" in block else columns(block, *more)
parquet_reader.assemble = lambda *_: os.abort()
for _ in Recording(Path(sys.argv[1]), NO_OPTIONS, PlaceMark(Path(sys.argv[2]))).batches():
    pass
"""


def crash(file: Path, mark: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", CRASHING, str(file), str(mark)], check=False, capture_output=True)
    assert ended.returncode == -6, ended.stderr


def test_the_place_of_a_crash_is_named_and_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, mark = tmp_path / "q.csv", tmp_path / "place"
    file.write_bytes(HEADER + lines([T0_MS + n for n in range(2_000)]))
    crash(file, mark)
    died = PlaceMark(mark)
    assert died.died_at.startswith(f"{file}, line ")
    line = int(died.died_at.rpartition(" ")[2])
    assert 700 < line < 780
    by_library: list[int] = []
    columns = csv_reader.parse_columns
    monkeypatch.setattr(opening, "CHUNK_BYTES", 1_000)

    def noted(block: bytes, count: int, first: int, *more: Any) -> Any:
        by_library.append(first)
        return columns(block, count, first, *more)

    monkeypatch.setattr(csv_reader, "parse_columns", noted)
    recording = Recording(file, NO_OPTIONS, died)
    recording.layouts()
    assert sum(len(batch) for batch in recording.batches()) == 2_000
    assert line not in by_library
    assert len(by_library) > 10
    assert PlaceMark(mark).died_at == ""


def test_the_place_of_a_crash_in_parquet_is_named(tmp_path: Path) -> None:
    file, mark = tmp_path / "q.parquet", tmp_path / "place"
    parquet.write_table(pa.table({"time_ms": [T0_MS], "bid": [1.0], "offer": [1.0]}), file)
    crash(file, mark)
    with pytest.raises(SourceError, match=r"q\.parquet, row 1: the reader of Parquet crashed here"):
        list(Recording(file, NO_OPTIONS, PlaceMark(mark)).batches())


def test_without_a_path_nothing_is_kept(tmp_path: Path) -> None:
    mark = PlaceMark()
    assert mark.begin("anywhere")
    mark.end()
    assert (mark.died_at, list(tmp_path.iterdir())) == ("", [])
