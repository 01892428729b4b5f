"""`tidewheel data check` of a gigabyte of quotes as CSV: every row read, judged and counted, without a server."""

import json
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from bench.harness import Servers, Size
from bench.ingest import SEED, quotes
from tidewheel.recordings.checking import check
from tidewheel.recordings.options import ReadingOptions

BYTES_MIN = {Size.SMOKE: 1_000_000, Size.FULL: 1_000_000_000}
PIECE_ROWS = {Size.SMOKE: 10_000, Size.FULL: 1_000_000}
STEP_MS = 20


def run(size: Size, _servers: Servers) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        path = Path(folder) / "quotes.csv"
        write(path, BYTES_MIN[size], PIECE_ROWS[size])
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        found = check(path, ReadingOptions(), lambda _rows, _time_ns: None)
        figures = json.dumps([found.account.as_dict(), found.profile.as_dict()])
        elapsed_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        written_bytes = path.stat().st_size
    if found.failure or found.account.ticks != found.account.rows:
        raise AssertionError(f"not all rows were read as quotes: {found.failure} {figures}")
    return {
        "seed": SEED,
        "bytes": written_bytes,
        "rows": found.account.rows,
        "rows_per_s": round(found.account.rows / elapsed_s),
        "a_gigabyte_s": round(elapsed_s * 1e9 / written_bytes, 2),
        "a_gigabyte_cpu_s": round(cpu_s * 1e9 / written_bytes, 2),
        "result_hash": sha256(figures.encode()).hexdigest()[:16],
    }


def write(path: Path, bytes_min: int, piece_rows: int) -> None:
    """Pieces of one market after another until the file is large enough, in bounded memory."""
    with path.open("wb") as file:
        for number, piece in enumerate(pieces(piece_rows)):
            csv.write_csv(piece, file, csv.WriteOptions(include_header=number == 0, quoting_header="none"))
            if file.tell() >= bytes_min:
                return


def pieces(rows: int) -> Iterator[pa.Table]:
    piece, span_ms = quotes(np.full(rows, STEP_MS)), rows * STEP_MS
    while True:
        yield piece
        times = pa.array(piece["time_ms"].to_numpy() + span_ms)
        piece = piece.set_column(0, "time_ms", times)
