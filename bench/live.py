"""A live venue into a real broker: messages of a local venue as fast as they are taken; CPU of ingest a message.

The venue is another process, so that what is counted is hearing, parsing, judging and publishing. It says one quote of
each symbol and waits until ingest has published it: to open an instrument ingest reads its log, and 60,000 messages a
second meanwhile are more than its queue holds, so that a tenth to a third of them were conflated, as they are to be.
"""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve

from bench.harness import Servers, Size, Stopwatch, until
from services.ingest import app
from services.ingest.settings import Settings
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.topics import TICKS
from tidewheel.domain.feeds import IG, VENUES, Feed
from tidewheel.domain.market import MarketSecond, TickFlag
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import read_to_end
from tidewheel.runtime.process import Context
from tidewheel.telemetry.metrics import REGISTRY

SEED = 1
MESSAGES = {Size.SMOKE: 2_000, Size.FULL: 100_000}
BURST = 10
SYMBOLS = 8
BASES = [f"B{number}" for number in range(SYMBOLS)]


def run(size: Size, servers: Servers) -> dict[str, Any]:
    figures: dict[str, Any] = {"seed": SEED, "messages": MESSAGES[size], "burst": BURST, "symbols": SYMBOLS}
    hashes = []
    for venue in (venue for venue in VENUES if venue != IG):  # a login is no matter of speed
        cpu_s, delivered, result = heard(venue, MESSAGES[size], servers)
        figures[f"{venue}_cpu_us_per_message"] = round(cpu_s / MESSAGES[size] * 1e6, 1)
        figures[f"{venue}_messages_per_cpu_s"] = round(MESSAGES[size] / cpu_s)
        figures[f"{venue}_delivered_ratio"] = delivered
        hashes.append(result)
    return {**figures, "result_hash": sha256("".join(hashes).encode()).hexdigest()[:16]}


def heard(venue: str, count: int, servers: Servers) -> tuple[float, float, str]:
    """CPU seconds of one hearing, the share of messages that became ticks, and a hash of what was published."""
    quote_currency = VENUES[venue].partition("-")[2]
    symbols = [f"{base}-{quote_currency}" for base in BASES]
    with subprocess.Popen(
        [sys.executable, "-m", "bench.live", venue, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        url = other.stdout.readline().strip()
        settings = Settings(
            kafka=servers.kafka,
            feed=Feed.parse(venue),
            instrument=",".join(symbols),
            venue_url=url,
            venue_late_max_ms=3_600_000,  # all is said at once, and heard as fast as the machine can
            metrics_port=0,
        )
        context = Context(logging.getLogger("bench"), Health("ingest"), threading.Event())
        thread = threading.Thread(target=app.run, args=(settings, context), daemon=True)
        before = ticks(venue)
        thread.start()
        until(lambda: opened(venue, symbols) or not thread.is_alive(), "a second of each instrument")
        watch = Stopwatch()
        other.stdin.write("go\n")
        other.stdin.flush()
        until(lambda: ticks(venue) - before >= count or not thread.is_alive(), "all messages are ticks")
        if not thread.is_alive():
            raise AssertionError(f"ingest ended before it had heard all of {venue}")
        context.stop.set()
        thread.join()  # all that waited is published
        _, cpu_s = watch.elapsed_s()
        other.terminate()
    return cpu_s, *published(servers, venue, count)


def ticks(venue: str) -> float:
    labels = {"venue": venue, "outcome": "tick"}
    return REGISTRY.get_sample_value("tidewheel_venue_frames_total", labels) or 0.0


def opened(venue: str, symbols: Sequence[str]) -> bool:
    """Whether a second of each has been published."""
    return all(
        REGISTRY.get_sample_value("tidewheel_market_seconds_total", {"instrument": f"{venue}:{symbol}"})
        for symbol in symbols
    )


def published(servers: Servers, venue: str, count: int) -> tuple[float, str]:
    seconds = [decode_second(message.value()) for message in read_to_end(servers.kafka, TICKS.name)]
    own = sorted(
        (one for one in seconds if one.instrument.startswith(f"{venue}:")), key=lambda one: (one.instrument, one.second)
    )
    values = sha256()
    for one in own:
        values.update(price_bytes(one))
    conflated = sum(int((one.quotes.flags & np.uint16(TickFlag.CONFLATED) != 0).sum()) for one in own)
    return (sum(len(one.quotes) for one in own) - conflated) / count, values.hexdigest()


def price_bytes(second: MarketSecond) -> bytes:
    """To be hashed: however quotes are cut into seconds, the same quotes have the same hash."""
    return np.column_stack((second.quotes.bid_e9, second.quotes.offer_e9)).tobytes()


# ---- the venue, in a process of its own ----


def messages(venue: str, count: int) -> list[str]:
    chance = np.random.default_rng(SEED)
    cents = 6_500_000 + np.cumsum(chance.integers(-50, 51, count))
    return [message(venue, BASES[number % SYMBOLS], number, int(bid)) for number, bid in enumerate(cents, start=1)]


def message(venue: str, base: str, number: int, cents: int) -> str:
    bid, offer = f"{cents / 100:.2f}", f"{cents / 100 + 1:.2f}"
    if venue == "kraken":
        more = '"last":105899.40,"volume":163.28908096,"vwap":105904.39279,"low":1.0,"high":2.0,"change":2.0'
        data = f'{{"symbol":"{base}/USD","bid":{bid},"bid_qty":2.5,"ask":{offer},"ask_qty":3.2,{more}}}'
        return f'{{"channel":"ticker","type":"update","data":[{data}]}}'
    if venue == "coinbase":
        sides = {"best_bid": bid, "best_bid_size": "0.46688654", "best_ask": offer, "best_ask_size": "1.56637040"}
        more = {"price": bid, "open_24h": "1310.79", "volume_24h": "245532.79", "low_24h": "1280.52", "side": "buy"}
        kind = {"type": "ticker", "sequence": number, "product_id": f"{base}-USD", "trade_id": number}
        return json.dumps({**kind, **more, **sides})
    if venue == "binance":
        return json.dumps({"u": number, "s": f"{base}USDT", "b": bid, "B": "31.21", "a": offer, "A": "40.66"})
    data = {"asks": [[offer, "415", "0", "13"]], "bids": [[bid, "256", "0", "12"]]}
    data |= {"ts": str(1_700_000_000_000 + number // 100), "seqId": number}
    return json.dumps({"arg": {"channel": "bbo-tbt", "instId": f"{base}-USDT"}, "data": [data]})


def acknowledgements(venue: str) -> list[str]:
    if venue == "kraken":
        return [
            json.dumps({"method": "subscribe", "success": True, "result": {"symbol": f"{base}/USD"}}) for base in BASES
        ]
    if venue == "coinbase":
        channel = {"name": "ticker", "product_ids": [f"{base}-USD" for base in BASES]}
        return [json.dumps({"type": "subscriptions", "channels": [channel]})]
    if venue == "binance":
        return ['{"result":null,"id":1}']
    return [json.dumps({"event": "subscribe", "arg": {"instId": f"{base}-USDT"}}) for base in BASES]


async def venue_process(venue: str, count: int) -> None:
    texts = messages(venue, count)

    async def say(socket: ServerConnection) -> None:
        await socket.recv()
        for text in acknowledgements(venue):
            await socket.send(text)
        for text in texts[:SYMBOLS]:
            await socket.send(text)
        await asyncio.to_thread(sys.stdin.readline)
        for text in texts[SYMBOLS:]:
            await socket.send(text)
        await socket.wait_closed()

    async with serve(say, "127.0.0.1", 0, compression=None, ping_interval=None) as listening:
        print(f"ws://127.0.0.1:{next(iter(listening.sockets)).getsockname()[1]}/", flush=True)
        await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(venue_process(sys.argv[1], int(sys.argv[2])))
