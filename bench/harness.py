"""What every bench shares: sizes, real servers, and one JSON line of result.

A bench is a module `bench/<name>.py` with `run(size, servers) -> dict`. The dict holds figures with units last in their
names, the sizes and seeds used, and `result_hash` over what was computed, so that a faster wrong answer is seen.
"""

import os
import platform
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from tidewheel.local.processes.subprocesses import free_port, kill_group, start
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.local.servers.redis import start_redis
from tidewheel.runtime import topic_admin

LIMIT_S = 600.0
LOOK_EVERY_S = 0.05


class Size(StrEnum):
    """SMOKE ends within seconds and runs in the tests; FULL gives the figures to quote."""

    SMOKE = "smoke"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Servers:
    """Addresses of a real broker, its topics created and empty, and of a real Redis, empty."""

    kafka: str
    redis: str


@contextmanager
def servers(partitions: int = 2) -> Iterator[Servers]:
    """Fresh embedded servers, so that no bench sees another's records."""
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        kafka = start_kafka(Path(folder) / "kafka", free_port(), free_port())
        try:
            store = start_redis(Path(folder) / "redis", free_port())
            try:
                topic_admin.create(kafka.bootstrap, partitions)
                yield Servers(kafka.bootstrap, store.url)
            finally:
                store.stop()
        finally:
            kafka.stop()


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE", ""),
    }


class Stopwatch:
    """Wall and CPU seconds of this process since the latest start."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def elapsed_s(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s


@dataclass(frozen=True, slots=True)
class Service:
    """A running service process."""

    pid: int
    port: int

    def answer(self, path: str) -> str | None:
        """What it says, None while it does not say yes."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
                return str(reply.read().decode())
        except OSError:
            return None

    def gauge(self, metric: str, instrument: str) -> float:
        """The value of an instrument's gauge; 0 while there is none."""
        for line in (self.answer("/metrics") or "").splitlines():
            if line.startswith(f'{metric}{{instrument="{instrument}"}}'):
                return float(line.rpartition(" ")[2])
        return 0.0


@contextmanager
def service(name: str, folder: Path, settings: Mapping[str, str], *, wait: bool = True) -> Iterator[Service]:
    """A service process of its own, its log in `folder`; by default yielded once it is ready."""
    port = free_port()
    environment = {**os.environ, **settings, "TIDEWHEEL_METRICS_PORT": str(port)}
    process = start([sys.executable, "-m", f"services.{name}"], folder / f"{name}.log", environment)
    try:
        running = Service(process.pid, port)
        if wait:
            until(lambda: running.answer("/ready") is not None, f"{name} to be ready")
        yield running
    finally:
        kill_group(process)
        process.wait()


def until(true: Callable[[], bool], what: str) -> None:
    """Raises TimeoutError where it does not come true."""
    deadline_s = time.perf_counter() + LIMIT_S
    while not true():
        if time.perf_counter() > deadline_s:
            raise TimeoutError(f"waited {LIMIT_S:.0f} s for {what}")
        time.sleep(LOOK_EVERY_S)


def spread(values: Iterable[float], digits: int = 2) -> dict[str, float]:
    """Median, lowest and highest."""
    found = list(values)
    named = {"median": median(found), "lowest": min(found), "highest": max(found)}
    return {name: round(value, digits) for name, value in named.items()}


def process_cpu_s(process: psutil.Process) -> float:
    """Processor time that a process has had."""
    taken = process.cpu_times()
    return float(taken.user + taken.system)


def spread_ms(taken_s: Sequence[float]) -> dict[str, float]:
    """Median, 99th of a hundred and longest, in ms."""
    p50, p99 = np.percentile(taken_s, (50, 99))
    return {name: round(value * 1e3, 2) for name, value in (("p50", p50), ("p99", p99), ("max", max(taken_s)))}
