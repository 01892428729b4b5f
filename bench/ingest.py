"""Ingest into a real broker: quotes of a busy market as CSV, CSV.gz and Parquet, and a quiet one by the second."""

import gzip
import logging
import math
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from bench.harness import Servers, Size
from services.ingest import app
from services.ingest.settings import Settings
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.feeds import Feed
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.process import Context

SEED = 1
START_MS = 1_700_000_000_000
QUOTES_A_SECOND = 500
BUSY_S = {Size.SMOKE: 20, Size.FULL: 4_000}
QUIET_QUOTES = {Size.SMOKE: 200, Size.FULL: 20_000}
QUIET_STEP_S = (1, 20)


def run(size: Size, servers: Servers) -> dict[str, Any]:
    figures: dict[str, Any] = {"seed": SEED}
    hashes = []
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        busy = quotes(np.full(BUSY_S[size] * QUOTES_A_SECOND, 1000 // QUOTES_A_SECOND))
        for suffix in ("csv", "csv.gz", "parquet"):
            path = written(Path(folder) / f"busy.{suffix}", busy)
            elapsed_s, ticks, _, result = ingested(servers, path, suffix)
            figures[f"{suffix.replace('.', '_')}_ticks_per_s"] = round(ticks / elapsed_s)
            hashes.append(result)
        chance = np.random.default_rng(SEED)
        quiet = quotes(1000 * chance.integers(*QUIET_STEP_S, QUIET_QUOTES[size]))
        elapsed_s, _, seconds, result = ingested(servers, written(Path(folder) / "quiet.csv", quiet), "quiet")
    figures["quiet_market_seconds_per_s"] = round(seconds / elapsed_s)
    if len(set(hashes)) != 1:
        raise AssertionError(f"the three formats gave different ticks: {hashes}")
    figures |= {"busy_ticks": len(busy), "quiet_market_seconds": seconds}
    return {**figures, "result_hash": sha256("".join((*hashes, result)).encode()).hexdigest()[:16]}


def quotes(steps_ms: np.ndarray) -> pa.Table:
    """A random walk with bid, offer and sizes, in decimals as venues write them."""
    chance = np.random.default_rng([SEED, len(steps_ms)])
    count = len(steps_ms)
    bid_cents = 6_500_000 + np.cumsum(chance.integers(-50, 51, count))
    offer_cents = bid_cents + chance.integers(1, 300, count)
    columns = {
        "bid": bid_cents / 100,
        "offer": offer_cents / 100,
        "bid_size": chance.integers(1, 500_000, count) / 100_000,
        "offer_size": chance.integers(1, 500_000, count) / 100_000,
    }
    return pa.table({"time_ms": START_MS + np.cumsum(steps_ms), **columns})


def written(path: Path, table: pa.Table) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
        return path
    plain = pa.BufferOutputStream()
    csv.write_csv(table, plain, csv.WriteOptions(quoting_header="none"))
    content = plain.getvalue().to_pybytes()
    path.write_bytes(gzip.compress(content, 6) if path.suffix == ".gz" else content)
    return path


def ingested(servers: Servers, path: Path, symbol: str) -> tuple[float, int, int, str]:
    """Time to have a file in Kafka, everything delivered; ticks, market seconds, and a hash of what was written."""
    settings = Settings(
        kafka=servers.kafka, feed=Feed("replay", path), instrument=symbol, speed=math.inf, ahead_max_s=0
    )
    context = Context(logging.getLogger("bench"), Health("ingest"), threading.Event())
    started = time.perf_counter()
    app.run(settings, context)
    elapsed_s = time.perf_counter() - started
    ticks, seconds, result = 0, 0, sha256()
    for message in read_to_end(servers.kafka, TICKS.name):
        if message.key() != settings.instrument_id.encode():
            continue
        second = decode_second(message.value())
        ticks, seconds = ticks + len(second.quotes), seconds + 1
        for column in (second.quotes.time_ns, second.quotes.bid_e9, second.quotes.offer_e9, second.quotes.bid_size_e9):
            result.update(column.tobytes())
    return elapsed_s, ticks, seconds, result.hexdigest()
