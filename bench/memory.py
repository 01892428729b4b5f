"""Resident memory of a labeler process over a long stream: flat, since nothing in it grows with time."""

import tempfile
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from confluent_kafka import Producer

from bench.harness import Servers, Service, Size, service, until
from bench.labeler import Market
from bench.records import LABELED, outputs, write
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime.kafka import producer_config

SECONDS = {Size.SMOKE: 1_000, Size.FULL: 100_000}
INSTRUMENTS = {Size.SMOKE: 2, Size.FULL: 10}
PARTS = 10
# The first parts fill histories, queues and the open orders.
PARTS_WARM = 3

Seconds = Iterator[tuple[MarketSecond, SecondOrders]]


def run(size: Size, servers: Servers) -> dict[str, Any]:
    markets = [Market(f"sim:M{number}", 0.4, SECONDS[size], 200, number) for number in range(INSTRUMENTS[size])]
    streams: list[Seconds] = [iter(market) for market in markets]
    resident_mib: list[float] = []
    producer = Producer(producer_config(servers.kafka, "bench"))
    with (
        tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as name,
        service("labeler", Path(name), {"TIDEWHEEL_KAFKA": servers.kafka}) as labeler,
    ):
        for _ in range(PARTS):
            last = [fill(producer, stream, SECONDS[size] // PARTS) for stream in streams]
            resident_mib.append(median_resident_mib(labeler, last))
    digest = sha256()
    transactions, examples = outputs(servers.kafka, digest)
    warm = resident_mib[PARTS_WARM:]
    return {
        "seeds": [market.seed for market in markets],
        "market_seconds": len(markets) * SECONDS[size],
        "transactions": transactions,
        "examples": examples,
        "resident_mib_of_each_part": [round(mib, 1) for mib in resident_mib],
        "resident_percent_off_the_middle": round(100 * (max(warm) - min(warm)) / (max(warm) + min(warm)), 1),
        "result_hash": digest.hexdigest()[:16],
    }


def median_resident_mib(labeler: Service, last: list[MarketSecond]) -> float:
    """Over the time it takes to label up to these seconds; single looks would meet buffers at their fullest."""
    process, seen = psutil.Process(labeler.pid), []

    def labeled() -> bool:
        seen.append(process.memory_info().rss / 2**20)
        return all(labeler.gauge(LABELED, one.instrument) >= one.second for one in last)

    until(labeled, "the labels of a part")
    return float(np.median(seen))


def fill(producer: Producer, stream: Seconds, seconds: int) -> MarketSecond:
    """The next seconds of a market on the topics; returns the last one."""
    pairs = list(islice(stream, seconds))
    write(producer, pairs)
    return pairs[-1][0]
