"""Recorded files read and checked, without a broker, in a process of its own: how fast, and in how much memory.

The same rows in several layouts, and our layout at two lengths, whose peaks of memory say whether it grows with the
file. Beside it polars, where its environment is there: it reads the same columns as floats and checks nothing. Rates
are by CPU, which a shared machine disturbs least, and by the clock.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Servers, Size

SEED = 1
START_MS = 1_700_000_000_000
ROWS = {Size.SMOKE: 20_000, Size.FULL: 4_000_000}
ROUNDS = {Size.SMOKE: 1, Size.FULL: 3}
ROOT = Path(__file__).parent.parent
POLARS = ROOT / ".venv-rivals-polars" / "bin" / "python"
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
Row = tuple[int, str, str]
LAYOUTS: dict[str, tuple[str, Callable[[Row], str]]] = {
    "own": ("time_ms,bid,offer", lambda row: f"{row[0]},{row[1]},{row[2]}"),
    "dukascopy": (
        "Gmt time,Ask,Bid,AskVolume,BidVolume",
        lambda row: f"{_text(row[0], '%d.%m.%Y %H:%M:%S')},{row[2]},{row[1]},1.5,2.25",
    ),
    "iso": ("time,bid,ask", lambda row: f"{_text(row[0], '%Y-%m-%dT%H:%M:%S')}Z,{row[1]},{row[2]}"),
    "tardis": (
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount",
        lambda row: f"binance,BTCUSDT,{row[0]}000,{row[0]}123,1.5,{row[2]},{row[1]},2.25",
    ),
}


def run(size: Size, _servers: Servers) -> dict[str, Any]:
    figures: dict[str, Any] = {"seed": SEED, "rows": ROWS[size]}
    hashes = []
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        rows = quotes(ROWS[size])
        for name, (header, line) in LAYOUTS.items():
            path = written(Path(folder) / f"{name}.csv", header, map(line, rows))
            best = _best([sys.executable, "-m", "bench.reading", str(path)], ROUNDS[size])
            figures |= {f"{name}_rows_per_s_cpu": best["rows_per_s_cpu"], f"{name}_rows_per_s": best["rows_per_s"]}
            hashes.append(best["hash"])
            if name == "own":
                figures["own_peak_mib"] = best["peak_mib"]
                if POLARS.exists():
                    rival = _best([str(POLARS), str(ROOT / "bench" / "rivals" / "on_polars.py"), str(path)], 1)
                    figures |= {f"polars_{figure}": value for figure, value in rival.items()}
        tenth = written(Path(folder) / "tenth.csv", LAYOUTS["own"][0], map(LAYOUTS["own"][1], rows[: len(rows) // 10]))
        figures["own_peak_mib_of_a_tenth"] = _best([sys.executable, "-m", "bench.reading", str(tenth)], 1)["peak_mib"]
    if len(set(hashes)) != 1:
        raise AssertionError(f"the layouts gave different ticks: {hashes}")
    return {**figures, "result_hash": hashes[0]}


def quotes(count: int) -> list[Row]:
    """A random walk in cents, a few quotes a second."""
    chance = np.random.default_rng(SEED)
    times = START_MS + np.cumsum(chance.integers(0, 1_000, count))
    bids = 6_500_000 + np.cumsum(chance.integers(-50, 51, count))
    offers = bids + chance.integers(1, 300, count)
    columns = times.tolist(), bids.tolist(), offers.tolist()
    return [(time, f"{bid / 100:.2f}", f"{offer / 100:.2f}") for time, bid, offer in zip(*columns, strict=True)]


def _text(time_ms: int, form: str) -> str:
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):{form}}.{time_ms % 1000:03d}"


def written(path: Path, header: str, lines: Iterable[str]) -> Path:
    with path.open("w") as file:
        file.write(header + "\n")
        file.writelines(f"{line}\n" for line in lines)
    return path


def _best(command: list[str], rounds: int) -> dict[str, Any]:
    """The fastest of some runs, each a process of its own."""
    said = [
        json.loads(
            subprocess.run(
                command, cwd=ROOT, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True
            ).stdout
        )
        for _ in range(rounds)
    ]
    return max(said, key=lambda one: float(one["rows_per_s_cpu"]))


def read(path: Path) -> dict[str, Any]:
    """Read a file in this process and say how it went."""
    import time

    from tidewheel.recordings.account import Account
    from tidewheel.recordings.options import ReadingOptions
    from tidewheel.recordings.recording import Recording
    from tidewheel.recordings.validator import Validator

    account, validator, ticks = Account(), Validator(), sha256()
    recording = Recording(path, ReadingOptions(year_max=2100))
    next(recording.batches())  # what libraries load at their first use is no matter of rows
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    kept = []
    for batch in recording.batches():
        judged = validator.ticks(batch)
        account.on_ticks(judged)
        quotes = judged.quotes
        kept.append(sum(int(column.sum()) & (2**64 - 1) for column in (quotes.bid_e9, quotes.offer_e9)))
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    ticks.update(repr((account.rows, account.ticks, sum(kept))).encode())
    return {
        "rows_per_s_cpu": round(account.rows / cpu_s),
        "rows_per_s": round(account.rows / wall_s),
        "peak_mib": _peak_mib(),
        "hash": ticks.hexdigest()[:16],
    }


def _peak_mib() -> float:
    """Of this process alone: what `getrusage` tells, a child has from its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


if __name__ == "__main__":
    print(json.dumps(read(Path(sys.argv[1]))))
