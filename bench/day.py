"""A day of market end to end: a recorded file through ingest, order bot and labeler, each a process of its own."""

import tempfile
import time
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from bench.harness import Servers, Size, service, until
from bench.records import LABELED, outputs
from tidewheel.domain.time import NS_PER_S

SEED = 3
SECONDS = {Size.SMOKE: 1_200, Size.FULL: 86_400}
QUOTES_PER_S = 0.4
FIRST_NS = 1_700_000_000 * NS_PER_S
INSTRUMENT = "replay:BTC-USD"


def run(size: Size, servers: Servers) -> dict[str, Any]:
    seconds = SECONDS[size]
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        last_second = write(folder / "day.csv", seconds)
        common = {"TIDEWHEEL_KAFKA": servers.kafka}
        labeler = stack.enter_context(service("labeler", folder, common))
        stack.enter_context(service("orderbot", folder, common))
        feed = {"TIDEWHEEL_FEED": f"replay:{folder / 'day.csv'}", "TIDEWHEEL_SPEED": "max"}
        started_s = time.perf_counter()
        stack.enter_context(service("ingest", folder, {**common, **feed}, wait=False))
        until(lambda: labeler.gauge(LABELED, INSTRUMENT) >= last_second, "the labels of the day")
        elapsed_s = time.perf_counter() - started_s
    digest = sha256()
    transactions, examples = outputs(servers.kafka, digest)
    return {
        "seed": SEED,
        "market_seconds": seconds,
        "quotes_per_market_second": QUOTES_PER_S,
        "transactions": transactions,
        "examples": examples,
        "ticks_to_labels_s": round(elapsed_s, 1),
        "market_seconds_per_s": round(seconds / elapsed_s),
        "result_hash": digest.hexdigest()[:16],
    }


def write(path: Path, seconds: int) -> int:
    """A recorded file whose price takes some minutes to move by the threshold; returns the last quote's second."""
    rng = np.random.default_rng(SEED)
    times_ns = np.sort(FIRST_NS + rng.integers(0, seconds * NS_PER_S, round(QUOTES_PER_S * seconds)))
    bids = np.maximum(50_000 + np.rint(rng.normal(0, 80, len(times_ns))).cumsum() / 100, 1_000)
    with path.open("w") as file:
        file.write("time_ns,bid,offer\n")
        for time_ns, bid in zip(times_ns.tolist(), bids.tolist(), strict=True):
            file.write(f"{time_ns},{bid:.2f},{bid + 0.5:.2f}\n")
    return int(times_ns[-1]) // NS_PER_S
