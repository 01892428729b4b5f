"""Load by nghttp2's h2load, a program in C, so that the client is not what is measured. Absent: no figures of it.

The server has one core and the load another; contenders take turns. Processor time a call is the steadier figure where
a machine is shared, calls a second the one to compare.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.harness import process_cpu_s

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 4
LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Contender:
    """A method of a server process and one request for it. `rows` are in each request."""

    pid: int
    port: int
    method: str
    request: bytes
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Round:
    """What one burst of calls took."""

    calls_per_s: float
    cpu_s: float
    latencies_s: np.ndarray


def available() -> bool:
    """Whether there is the program, and a core for each side."""
    return shutil.which("h2load") is not None and (os.cpu_count() or 1) > 1


def compare(contenders: Mapping[str, Contender], calls: int, rounds: int, streams: int) -> dict[str, Any]:
    """Figures of each, over rounds in turns, with so many calls in flight on each of four connections."""
    with tempfile.TemporaryDirectory() as folder:
        for one in contenders.values():
            pin(one.pid)
            burst(one, max(calls // 4, CONNECTIONS * streams), streams, Path(folder))
        taken: dict[str, list[Round]] = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, one in contenders.items():
                taken[name].append(burst(one, calls, streams, Path(folder)))
    return {name: figures(contenders[name], rounds_, calls) for name, rounds_ in taken.items()}


def figures(contender: Contender, rounds: Sequence[Round], calls: int) -> dict[str, Any]:
    p50, p99 = np.percentile(np.concatenate([one.latencies_s for one in rounds]), (50, 99)) * 1e3
    cpu_s = sum(one.cpu_s for one in rounds) / (len(rounds) * calls)
    found = {
        "calls_per_s": round(float(np.median([one.calls_per_s for one in rounds]))),
        "cpu_us_per_call": round(cpu_s * 1e6, 1),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
    }
    if contender.rows > 1:
        found["rows_per_cpu_s"] = round(contender.rows / cpu_s)
    return found


def pin(pid: int) -> None:
    """All threads of a process, and those it starts later, on the server's core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {SERVER_CORE})


def burst(contender: Contender, calls: int, streams: int, folder: Path) -> Round:
    """Raises RuntimeError where a call fails, which h2load sees by the length of what is answered."""
    body, log = folder / "body", folder / "log"
    body.write_bytes(b"\x00" + len(contender.request).to_bytes(4, "big") + contender.request)
    log.unlink(missing_ok=True)
    program = [
        *("taskset", "-c", str(LOAD_CORE), "h2load", "-c", str(CONNECTIONS), "-m", str(streams), "-n", str(calls)),
        *("-d", str(body), "-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}"),
        f"http://127.0.0.1:{contender.port}{contender.method}",
    ]
    process = psutil.Process(contender.pid)
    before_s = process_cpu_s(process)
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    cpu_s = process_cpu_s(process) - before_s
    rate = re.search(r"finished in [^,]+, ([\d.]+) req/s", done.stdout)
    succeeded = re.search(r"(\d+) succeeded, 0 failed, 0 errored", done.stdout)
    if rate is None or succeeded is None or int(succeeded[1]) != calls:
        raise RuntimeError(f"calls failed under load: {done.stdout[-800:]}")
    # Columns: start in microseconds, status, length in microseconds.
    lengths = np.array([int(line.split("\t")[2]) for line in log.read_text().splitlines()]) / 1e6
    return Round(float(rate[1]), cpu_s, lengths)
