"""How many market seconds one orderbot process answers in a second, on a real broker, Faust and all.

The seconds lie on `ticks` before the process starts; measured is the time from its first answer to its last, read back
from `orders`, and the processor time that the process used for each second.
"""

import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from bench.harness import Servers, Size, process_cpu_s
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.market import MarketSecond, Quotes, SourceKind
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S
from tidewheel.local.processes.subprocesses import start, stop
from tidewheel.runtime.kafka import check, consumer_config, flush, partitions_of, producer_config

SEED = 7
SECONDS = {Size.SMOKE: 400, Size.FULL: 30_000}
QUOTES = {Size.SMOKE: (2,), Size.FULL: (2, 500)}
INSTRUMENTS = ("sim:BTC-USD", "sim:ETH-USD", "sim:XRP-USD", "sim:LTC-USD")
FIRST_SECOND = 1_700_000_000
LIMIT_S = 300.0
STOP_GRACE_S = 10.0


def run(size: Size, servers: Servers) -> dict[str, Any]:
    """Quiet seconds (2 quotes) and, at full size, a busy market of fewer seconds (500 quotes)."""
    figures: dict[str, Any] = {"seed": SEED}
    digest = hashlib.sha256()
    ends: dict[int, int] = {}
    for round_number, quotes in enumerate(QUOTES[size]):
        count = SECONDS[size] // max(1, quotes // 50)
        fill(servers.kafka, count, quotes, FIRST_SECOND + round_number * 10**6)
        rate, cpu_us = answer(servers.kafka, count, ends, digest)
        figures |= {
            f"seconds_{quotes}_quotes": count,
            f"market_seconds_per_s_{quotes}_quotes": round(rate),
            f"cpu_us_per_market_second_{quotes}_quotes": round(cpu_us, 1),
        }
    return {**figures, "result_hash": digest.hexdigest()[:16]}


def fill(kafka: str, count: int, quotes: int, first_second: int) -> None:
    """Write market seconds of several instruments in turn."""
    producer = Producer(producer_config(kafka, "bench"))
    chance = np.random.default_rng(SEED)
    for index in range(count):
        instrument = INSTRUMENTS[index % len(INSTRUMENTS)]
        producer.produce(TICKS.name, a_second(chance, instrument, first_second + index // 4, quotes), instrument)
        producer.poll(0)
    flush(producer)


def a_second(chance: np.random.Generator, instrument: str, second: int, quotes: int) -> bytes:
    times = np.sort(chance.integers(0, NS_PER_S, quotes)) + second * NS_PER_S
    bids = 10_000 * E9 + chance.integers(0, E9, quotes)
    offers = bids + E9 // 10
    return encode_second(
        MarketSecond(
            instrument=instrument,
            session=1,
            second=second,
            first_seq=1,
            quotes=Quotes(times, bids, offers),
            open_bid_e9=10_000 * E9,
            open_offer_e9=10_001 * E9,
            close_bid_e9=int(bids[-1]),
            close_offer_e9=int(offers[-1]),
            day_open_e9=10_000 * E9,
            day_high_e9=10_001 * E9,
            day_low_e9=10_000 * E9,
            connection_epoch=1,
            stale=False,
            source_kind=SourceKind.SIMULATED,
            ends_session=False,
            last_tick_ns=int(times[-1]),
        )
    )


def answer(kafka: str, count: int, ends: dict[int, int], digest: Any) -> tuple[float, float]:
    """Run one orderbot until all is answered: answers a second, processor time of each in µs.

    `ends`: partition -> offset of the first answer, moved past those read.
    """
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        settings = {"TIDEWHEEL_KAFKA": kafka, "TIDEWHEEL_METRICS_PORT": "0"}
        log = Path(folder) / "orderbot.log"
        process = start([sys.executable, "-m", "services.orderbot"], log, {**os.environ, **settings})
        try:
            used = psutil.Process(process.pid)
            first_s, last_s, cpu_s = read_answers(kafka, count, ends, digest, used)
        finally:
            stop(process, STOP_GRACE_S)
    return (count - 1) / (last_s - first_s), cpu_s / count * 1e6


def read_answers(
    kafka: str, count: int, ends: dict[int, int], digest: Any, used: psutil.Process
) -> tuple[float, float, float]:
    """When the first and the last answer came, and the processor time used between."""
    consumer = Consumer(consumer_config(kafka, "bench", "bench"))
    answers: dict[tuple[int, int], Message] = {}
    try:
        for partition in partitions_of(consumer, ORDERS.name):
            consumer.incremental_assign([TopicPartition(ORDERS.name, partition, ends.get(partition, 0))])
        deadline, first_s, cpu_before_s = time.perf_counter() + LIMIT_S, 0.0, 0.0
        while len(answers) < count:
            for message in map(check, consumer.consume(1000, 0.02)):
                answers[message.partition() or 0, message.offset() or 0] = message
            if answers and not first_s:
                first_s, cpu_before_s = time.perf_counter(), process_cpu_s(used)
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{len(answers)} of {count} answers after {LIMIT_S:.0f} s")
        last_s, cpu_after_s = time.perf_counter(), process_cpu_s(used)
    finally:
        consumer.close()
    for (partition, offset), message in sorted(answers.items()):
        digest.update(message.value() or b"")
        ends[partition] = offset + 1
    return first_s, last_s, cpu_after_s - cpu_before_s
