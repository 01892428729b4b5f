"""A live venue at a market's pace into a real broker: how soon a market second is in Kafka, and what ingest holds.

The venue, ingest and the reader are processes of their own; ingest is the service as it is run. A second counts from
its end by the wall clock until a reader has its record, of each instrument by itself: more than until ingest has the
broker's acknowledgement, since the one broker lets readers have a record when it acknowledges it, and the reader's
fetch comes on top. What of it went by until ingest handed the record to its producer, the record itself says, in whole
milliseconds. `TIDEWHEEL_BENCH_LIVE_MINUTES=60` listens for longer, to see whether memory grows.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
from confluent_kafka import Consumer, TopicPartition
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.harness import Servers, Size, process_cpu_s, service, spread_ms
from bench.live import BASES, BURST, SEED, message, price_bytes
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.time import NS_PER_S
from tidewheel.runtime.kafka import consumer_config, partitions_of

VENUE = "binance"
SYMBOLS = [f"{base}-USDT" for base in BASES]
WIRE_SYMBOLS = [f"{base}USDT" for base in BASES]
INTERVAL_S = 0.02  # between bursts
LAST_TAKEN_S = 0.5  # until whoever hears has taken the last message
MESSAGES_PER_S = round(BURST / INTERVAL_S)
SECONDS = {Size.SMOKE: 3, Size.FULL: 60}
# What a first connection, a first record and a cold broker take is of the start.
WARM_SECONDS = {Size.SMOKE: 1, Size.FULL: 10}
PARTS = 10
POLL_S = 0.05
RESIDENT_EVERY_S = 0.5
SILENCE_MAX_S = 60.0
MS_NS = 1_000_000


def run(size: Size, servers: Servers) -> dict[str, Any]:
    minutes = os.environ.get("TIDEWHEEL_BENCH_LIVE_MINUTES") if size is Size.FULL else None
    seconds = round(float(minutes) * 60) if minutes else SECONDS[size]
    count = (WARM_SECONDS[size] + seconds) * MESSAGES_PER_S
    with (
        tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as name,
        venue(count) as (url, words),
        Reader(servers.kafka) as reader,
        service("ingest", Path(name), settings(servers.kafka, url)) as ingest,
    ):
        words.readline()
        begun_s = process_cpu_s(psutil.Process(ingest.pid))
        resident_mib = listen(reader, ingest.pid, count)
        taken_s = process_cpu_s(psutil.Process(ingest.pid)) - begun_s
    return {
        "seed": SEED,
        "messages": count,
        "messages_per_s": MESSAGES_PER_S,
        "burst": BURST,
        "symbols": len(SYMBOLS),
        **reader.figures(WARM_SECONDS[size]),
        "delivered_ratio": reader.quotes / count,
        "ingest_cpu_us_per_message": round(taken_s / count * 1e6, 1),
        **memory(resident_mib),
        "result_hash": reader.result_hash(),
    }


def settings(kafka: str, url: str) -> dict[str, str]:
    """Of an ingest process that hears this venue."""
    named = {"kafka": kafka, "feed": VENUE, "instrument": ",".join(SYMBOLS), "venue_url": url}
    return {f"TIDEWHEEL_{name.upper()}": value for name, value in named.items()}


def listen(reader: "Reader", ingest_pid: int, count: int) -> list[float]:
    """Until all that the venue says is on Kafka; MiB that ingest held, now and then. Raises TimeoutError where nothing
    more comes."""
    process, resident_mib = psutil.Process(ingest_pid), list[float]()
    looked_s = heard_s = time.perf_counter()
    while reader.quotes < count:
        now_s = time.perf_counter()
        if now_s - looked_s >= RESIDENT_EVERY_S:
            looked_s = now_s
            resident_mib.append(process.memory_info().rss / 2**20)
        if reader.poll():
            heard_s = now_s
        elif now_s - heard_s > SILENCE_MAX_S:
            raise TimeoutError(f"{count - reader.quotes} of {count} quotes did not come")
    return resident_mib


def memory(resident_mib: list[float]) -> dict[str, Any]:
    """Medians of parts of the time alike; what is filled once is full after the first."""
    parts = [round(float(np.median(part)), 2) for part in np.array_split(resident_mib, PARTS) if len(part)]
    return {
        "resident_mib_of_each_part": parts,
        "resident_mib_warm": parts[1],
        "resident_mib_end": parts[-1],
        "resident_mib_growth": round(parts[-1] - parts[1], 2),
    }


@dataclass(slots=True)
class Reader:
    """Waits for records at the topic's end; decodes them when none comes, so that no record waits for another."""

    kafka: str
    quotes: int = 0
    _waiting: list[tuple[int, int, bytes]] = field(default_factory=list)
    _taken: list[tuple[int, float, float]] = field(default_factory=list)  # second; s until handed over, until here
    _digests: dict[str, Any] = field(default_factory=dict)
    _consumer: Consumer = field(init=False)

    def __enter__(self) -> "Reader":
        self._consumer = Consumer(consumer_config(self.kafka, "bench", "bench-live-paced"))
        self._consumer.assign(
            [TopicPartition(TICKS.name, partition, 0) for partition in partitions_of(self._consumer, TICKS.name)]
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def poll(self) -> bool:
        """Whether a record came."""
        record = self._consumer.poll(POLL_S)
        received_ns = time.time_ns()
        if record is None:
            self._decode()
            return False
        value = record.value()
        assert record.error() is None and value is not None, record.error()  # noqa: PT018 - one is the other's cause
        self._waiting.append((received_ns, record.timestamp()[1] * MS_NS, value))
        return True

    def _decode(self) -> None:
        for received_ns, handed_over_ns, value in self._waiting:
            one = decode_second(value)
            end_ns = (one.second + 1) * NS_PER_S
            self._taken.append((one.second, (handed_over_ns - end_ns) / NS_PER_S, (received_ns - end_ns) / NS_PER_S))
            self.quotes += len(one.quotes)
            self._digests.setdefault(one.instrument, sha256()).update(price_bytes(one))
        self._waiting.clear()

    def figures(self, warm_seconds: int) -> dict[str, Any]:
        first = min(second for second, *_ in self._taken) + warm_seconds
        warm = [taken for taken in self._taken if taken[0] >= first]
        return {
            "market_seconds": len(warm),
            "end_to_handed_over_ms": spread_ms([handed_over_s for _, handed_over_s, _ in warm]),
            "end_to_readable_ms": spread_ms([readable_s for *_, readable_s in warm]),
        }

    def result_hash(self) -> str:
        digests = "".join(self._digests[name].hexdigest() for name in sorted(self._digests))
        return sha256(digests.encode()).hexdigest()[:16]


# ---- the venue, in a process of its own ----


@contextmanager
def venue(count: int, run: int = 1) -> Iterator[tuple[str, IO[str]]]:
    """Its address, and its words: a line when it begins, a line when it has said all. `run`: quotes of one symbol in a
    row."""
    command = [sys.executable, "-m", "bench.live_paced", str(count), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.stdout
        finally:
            process.terminate()


def quotes(count: int, run: int) -> Iterator[tuple[str, str]]:
    """Symbol and message."""
    chance, cents = np.random.default_rng(SEED), 6_500_000
    for number in range(count):
        cents += int(chance.integers(-50, 51))
        at = number // run % len(BASES)
        yield WIRE_SYMBOLS[at], message(VENUE, BASES[at], number + 1, cents)


async def venue_process(count: int, run: int) -> None:
    """All begins once each symbol is asked for, by one connection or by many."""
    wanted: dict[str, ServerConnection] = {}
    all_wanted = asyncio.Event()

    async def hear(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for text in socket:
                request = json.loads(text)
                wanted.update({stream.partition("@")[0].upper(): socket for stream in request["params"]})
                await socket.send(json.dumps({"result": None, "id": request["id"]}))
                if len(wanted) == len(WIRE_SYMBOLS):
                    all_wanted.set()

    async with serve(hear, "127.0.0.1", 0, compression=None, ping_interval=None) as listening:
        print(f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/stream", flush=True)
        await asyncio.wait_for(all_wanted.wait(), SILENCE_MAX_S)
        print("begun", flush=True)
        due_s = time.perf_counter()
        for number, (symbol, text) in enumerate(quotes(count, run)):
            if number % BURST == 0:
                due_s += INTERVAL_S
                await asyncio.sleep(due_s - time.perf_counter())
            await wanted[symbol].send(text)
        await asyncio.sleep(LAST_TAKEN_S)
        print("done", flush=True)
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(venue_process(int(sys.argv[1]), int(sys.argv[2])))
