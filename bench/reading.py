"""Recorded files read and checked, without a broker, in a process of its own: how fast, and in how much memory.

The same rows in every layout, in turns, and our layout at two lengths, whose peaks of memory say whether it grows with
the file. Beside it polars, where its environment is there: it reads all columns as floats and checks nothing. Rates are
by CPU, which a shared machine disturbs least, and by the clock; `own_to_…_cpu` is how many times slower than our
layout one is.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Servers, Size
from bench.recorded_layouts import LAYOUTS, Quote

SEED = 1
START_MS = 1_700_000_000_000
ROWS = {Size.SMOKE: 20_000, Size.FULL: 2_000_000}
ROUNDS = {Size.SMOKE: 1, Size.FULL: 3}
ROOT = Path(__file__).parent.parent
POLARS = ROOT / ".venv-rivals-polars" / "bin" / "python"
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def run(size: Size, _servers: Servers) -> dict[str, Any]:
    rows = quotes(ROWS[size])
    figures: dict[str, Any] = {"seed": SEED, "rows": len(rows)}
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        paths = {
            name: written(Path(folder) / f"{name}.csv", layout.header, map(layout.line, rows))
            for name, layout in LAYOUTS.items()
        }
        said = _in_turns(paths, _ours, ROUNDS[size])
        figures |= {
            f"{name}_{figure}": best[figure]
            for name, best in said.items()
            for figure in ("rows_per_s_cpu", "rows_per_s")
        }
        own = said["own"]["rows_per_s_cpu"]
        figures |= {
            f"own_to_{name}_cpu": round(own / said[name]["rows_per_s_cpu"], 2) for name in LAYOUTS if name != "own"
        }
        if POLARS.exists():
            rivals = paths if size is Size.FULL else {"own": paths["own"]}
            for name, best in _in_turns(rivals, _on_polars, 1).items():
                figures |= {f"polars_{name}_rows_per_s_cpu": best["rows_per_s_cpu"], "polars_version": best["version"]}
        own_layout = LAYOUTS["own"]
        tenth = written(Path(folder) / "tenth.csv", own_layout.header, map(own_layout.line, rows[: len(rows) // 10]))
        figures["own_peak_mib"] = said["own"]["peak_mib"]
        figures["own_peak_mib_of_a_tenth"] = _said(_ours(tenth))["peak_mib"]
    if len({best["hash"] for best in said.values()}) != 1:
        raise AssertionError(f"the layouts gave different ticks: {[(n, one['hash']) for n, one in said.items()]}")
    return {**figures, "result_hash": said["own"]["hash"]}


def _ours(path: Path) -> list[str]:
    return [sys.executable, "-m", "bench.reading", str(path)]


def _on_polars(path: Path) -> list[str]:
    return [str(POLARS), str(ROOT / "bench" / "rivals" / "on_polars.py"), str(path)]


def quotes(count: int) -> list[Quote]:
    """A random walk in cents, a few quotes a second, sizes of up to three decimals."""
    chance = np.random.default_rng(SEED)
    times = START_MS + np.cumsum(chance.integers(0, 1_000, count))
    bids = 6_500_000 + np.cumsum(chance.integers(-50, 51, count))
    offers = bids + chance.integers(1, 300, count)
    sizes = np.rint(chance.lognormal(7, 2, (2, count))) + 1
    columns = times.tolist(), bids.tolist(), offers.tolist(), *sizes.tolist()
    return [
        Quote(time, f"{bid / 100:.2f}", f"{offer / 100:.2f}", f"{bid_size / 1000}", f"{offer_size / 1000}")
        for time, bid, offer, bid_size, offer_size in zip(*columns, strict=True)
    ]


def written(path: Path, header: str, lines: Iterable[str]) -> Path:
    with path.open("w") as file:
        if header:
            file.write(header + "\n")
        file.writelines(f"{line}\n" for line in lines)
    return path


def _in_turns(
    paths: Mapping[str, Path], command: Callable[[Path], list[str]], rounds: int
) -> dict[str, dict[str, Any]]:
    """Of each file the fastest of some runs, each a process of its own; the files take turns."""
    runs = [{name: _said(command(path)) for name, path in paths.items()} for _ in range(rounds)]
    return {name: max((one[name] for one in runs), key=lambda said: float(said["rows_per_s_cpu"])) for name in paths}


def _said(command: list[str]) -> dict[str, Any]:
    environment = {**os.environ, **ONE_THREAD}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout))


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
