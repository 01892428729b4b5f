"""The labeler: from inputs on the topics to committed transactions and examples, and the core by itself."""

import logging
import threading
import time
import tracemalloc
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain, islice
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Message, Producer

from bench.harness import Servers, Size, Stopwatch
from bench.records import LABELED, Digest, outputs, write
from services.labeler.app import LabelerProcessor, build_loop
from services.labeler.core import Labeler
from services.labeler.settings import Settings
from tidewheel.domain.market import NO_QUOTES, Int64, MarketSecond, Quotes, SourceKind
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S, ORDER_IDS_PER_S
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import KAFKA, Clients, Config, producer_config
from tidewheel.runtime.process import Context
from tidewheel.runtime.transactional_loop import TransactionalLoop
from tidewheel.telemetry.metrics import REGISTRY

FIRST_SECOND = 1_700_000_000
BID_START_E9 = 50_000 * E9
STEP_E9 = E9 // 100
SPREAD_E9 = E9 // 2
THRESHOLD_E9 = 10 * E9
ORDERS_PER_SECOND = 5
GROWTH_SECONDS = {Size.SMOKE: 500, Size.FULL: 40_000}
CHUNK_SECONDS = 500
GROWING = "sim:GROWTH"
GROWTH_SEED = 7
WARM_UP_SECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Market:
    """A random walk of the bid in cents. An order lives `life_s` in the mean; five are placed a second."""

    instrument: str
    quotes_per_second: float
    seconds: int
    life_s: float
    seed: int

    @property
    def last_second(self) -> int:
        return FIRST_SECOND + self.seconds - 1

    def __iter__(self) -> Iterator[tuple[MarketSecond, SecondOrders]]:
        rng = np.random.default_rng(self.seed)
        counts = rng.poisson(self.quotes_per_second, self.seconds)
        counts[0] = max(1, counts[0])
        first = np.concatenate(([0], counts.cumsum()))
        second_of_quote = FIRST_SECOND + np.repeat(np.arange(self.seconds), counts)
        times = np.sort(second_of_quote * NS_PER_S + rng.integers(0, NS_PER_S, len(second_of_quote)))
        move_e9 = THRESHOLD_E9 / np.sqrt(self.life_s * self.quotes_per_second)
        walk = rng.normal(0, move_e9 / STEP_E9, len(times)).cumsum()
        bids = BID_START_E9 + STEP_E9 * np.rint(walk).astype(np.int64)
        instants = (FIRST_SECOND * ORDERS_PER_SECOND + np.arange(self.seconds * ORDERS_PER_SECOND)) * (
            NS_PER_S // ORDERS_PER_SECOND
        )
        in_force = times.searchsorted(instants, side="right") - 1
        for index in range(self.seconds):
            quotes = slice(first[index], first[index + 1])
            yield (
                self._second(index, int(first[index]), times[quotes], bids[quotes], bids),
                self._orders(index, instants, in_force, bids),
            )

    def _second(self, index: int, first: int, times: Int64, here: Int64, bids: Int64) -> MarketSecond:
        opening = int(bids[first - 1]) if first else -SPREAD_E9
        closing = int(here[-1]) if len(here) else opening
        return MarketSecond(
            instrument=self.instrument,
            session=1,
            second=FIRST_SECOND + index,
            first_seq=first + 1,
            quotes=Quotes(times, here, here + SPREAD_E9) if len(here) else NO_QUOTES,
            open_bid_e9=max(opening, 0),
            open_offer_e9=opening + SPREAD_E9,
            close_bid_e9=closing,
            close_offer_e9=closing + SPREAD_E9,
            day_open_e9=BID_START_E9,
            day_high_e9=closing + 100 * E9,
            day_low_e9=closing - 100 * E9,
            connection_epoch=1,
            stale=False,
            source_kind=SourceKind.SIMULATED,
            ends_session=False,
            last_tick_ns=0,
        )

    def _orders(self, index: int, instants: Int64, in_force: Int64, bids: Int64) -> SecondOrders:
        part = slice(index * ORDERS_PER_SECOND, (index + 1) * ORDERS_PER_SECOND)
        placed = in_force[part] >= 0
        bid = bids[in_force[part][placed]]
        offer = bid + SPREAD_E9
        second = FIRST_SECOND + index
        return SecondOrders(
            self.instrument,
            1,
            second,
            second * ORDER_IDS_PER_S + np.flatnonzero(placed),
            instants[part][placed],
            bid,
            offer,
            offer + THRESHOLD_E9,
            offer - THRESHOLD_E9,
        )


def run(size: Size, servers: Servers) -> dict[str, Any]:
    full = size is Size.FULL
    quiet = [
        Market(f"sim:Q{number}", 0.4, 4_000 if full else 1_000, 400, number) for number in range(10 if full else 2)
    ]
    busy = [Market("sim:BUSY", 500, 12_000 if full else 800, 400, 100)]
    digest = sha256()
    return {
        **figures("quiet", quiet, servers.kafka, 0, digest),
        **figures("busy", busy, servers.kafka, 1, digest),
        **recovery(servers.kafka, Market("sim:OPEN", 0.4, 20_000 if full else 300, 1e9, 101)),
        **growth(size),
        "result_hash": digest.hexdigest()[:16],
    }


def figures(name: str, markets: Sequence[Market], bootstrap: str, partition: int, digest: Digest) -> dict[str, Any]:
    """One labeler over inputs that lie on the topics, from its first record to its last commit."""
    fill(bootstrap, markets, partition)
    wall_s, cpu_s = label(bootstrap, markets)
    transactions, examples = outputs(bootstrap, digest, partition)
    seconds = sum(market.seconds for market in markets)
    ticks = sum(sum(len(second.quotes) for second, _ in market) for market in markets)
    return {
        f"{name}_instruments": len(markets),
        f"{name}_seeds": [market.seed for market in markets],
        f"{name}_market_seconds": seconds,
        f"{name}_ticks": ticks,
        f"{name}_transactions": transactions,
        f"{name}_examples": examples,
        f"{name}_examples_per_s": round(examples / wall_s),
        f"{name}_transactions_per_s": round(transactions / wall_s),
        f"{name}_ticks_per_s": round(ticks / wall_s),
        f"{name}_market_seconds_per_s": round(seconds / wall_s),
        f"{name}_cpu_us_per_market_second": round(cpu_s / seconds * 1e6, 1),
    }


def fill(bootstrap: str, markets: Sequence[Market], partition: int) -> None:
    """All inputs on the topics, the markets interleaved second by second."""
    interleaved = chain.from_iterable(zip(*markets, strict=True))
    write(Producer(producer_config(bootstrap, "bench")), interleaved, partition)


class StopwatchConsumer:
    """A consumer that starts a watch when it first hands out a record with one of these keys."""

    def __init__(self, consumer: Consumer, stopwatch: Stopwatch, keys: Collection[bytes]) -> None:
        self._consumer = consumer
        self._stopwatch = stopwatch
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def consume(self, *how_many: Any, **how_long: Any) -> list[Message]:
        messages = self._consumer.consume(*how_many, **how_long)
        if self._keys and any(message.key() in self._keys for message in messages):
            self._stopwatch.start()
            self._keys = ()
        return messages


def label(bootstrap: str, markets: Sequence[Market], clients: Clients = KAFKA) -> tuple[float, float]:
    """Wall and CPU seconds of the process from the first record of these markets to the commit of their last labels."""
    stopwatch, keys = Stopwatch(), [market.instrument.encode() for market in markets]

    def consumer(config: Config) -> Any:
        return StopwatchConsumer(clients.consumer(config), stopwatch, keys)

    loop, _ = started(bootstrap, replace(clients, consumer=consumer))
    while any(labeled_second(market.instrument) < market.last_second for market in markets):
        loop.run_once()
    took = stopwatch.elapsed_s()
    loop.close()
    return took


def recovery(bootstrap: str, market: Market) -> dict[str, Any]:
    """A new process after one that left these orders open: from its start until it has made again what is written."""
    fill(bootstrap, [market], 0)
    label(bootstrap, [market])
    begun_s = time.perf_counter()
    loop, processor = started(bootstrap)
    while not (loop.assigned and processor.restored):
        loop.run_once()
    elapsed_s = time.perf_counter() - begun_s
    loop.close()
    return {
        "recovery_seed": market.seed,
        "recovery_open_orders": market.seconds * ORDERS_PER_SECOND,
        "recovery_s": round(elapsed_s, 2),
    }


def started(bootstrap: str, clients: Clients = KAFKA) -> tuple[TransactionalLoop, LabelerProcessor]:
    context = Context(logging.getLogger("bench"), Health("bench"), threading.Event())
    loop, processor = build_loop(Settings(kafka=bootstrap), context, clients)
    loop.start()
    return loop, processor


def labeled_second(instrument: str) -> float:
    """The last second whose labels are committed."""
    return REGISTRY.get_sample_value(LABELED, {"instrument": instrument}) or 0.0


def growth(size: Size) -> dict[str, Any]:
    """The core alone, where few and where many orders are open: CPU of a market second, and memory of an order."""
    found: dict[str, Any] = {"growth_seed": GROWTH_SEED}
    many = {Size.SMOKE: 2_000, Size.FULL: 99_000}[size]
    for name, sleepers in (("few", 0), ("many", many)):
        labeler, cpu_s, resolved, open_orders = Labeler(GROWING), 0.0, 0, 0
        market = Market(GROWING, 0.4, WARM_UP_SECONDS + GROWTH_SECONDS[size], 200, GROWTH_SEED)
        for done, chunk in enumerate(chunks(market, CHUNK_SECONDS)):
            warm = done * CHUNK_SECONDS >= WARM_UP_SECONDS
            pairs = chunk if warm else [(second, with_resting_orders(orders, sleepers)) for second, orders in chunk]
            started_s = time.process_time()
            outputs = sum(len(labeler.on_orders(orders)) + len(labeler.on_second(second)) for second, orders in pairs)
            if warm:
                cpu_s += time.process_time() - started_s
                resolved += outputs
                open_orders += labeler.open_order_count * len(pairs)
        found |= {
            f"open_orders_{name}": round(open_orders / GROWTH_SECONDS[size]),
            f"resolved_per_market_second_{name}": round(resolved / GROWTH_SECONDS[size], 2),
            f"core_us_per_market_second_{name}": round(cpu_s / GROWTH_SECONDS[size] * 1e6, 1),
        }
    ratio = found["core_us_per_market_second_many"] / found["core_us_per_market_second_few"]
    return {**found, "core_many_over_few": round(ratio, 2), "bytes_per_open_order": bytes_per_open_order(labeler)}


def with_resting_orders(orders: SecondOrders, total: int) -> SecondOrders:
    """The orders of a warm-up second and its share of `total` more that the market will not touch."""
    if not len(orders):
        return orders
    more = np.arange(total // WARM_UP_SECONDS)
    away_e9 = (2_000 + 10 * more) * E9

    def also(column: Int64, values: Int64 | int) -> Int64:
        return np.concatenate((column, np.broadcast_to(column[-1] + values, len(more))))

    return replace(
        orders,
        order_id=also(orders.order_id, more + 1),
        placed_ns=also(orders.placed_ns, 0),
        bid_e9=also(orders.bid_e9, 0),
        offer_e9=also(orders.offer_e9, 0),
        upper_e9=also(orders.upper_e9, away_e9),
        lower_e9=also(orders.lower_e9, -away_e9),
    )


def chunks(market: Market, count: int) -> Iterator[list[tuple[MarketSecond, SecondOrders]]]:
    """So many seconds at a time, made before they are measured."""
    pairs = iter(market)
    while chunk := list(islice(pairs, count)):
        yield chunk


def bytes_per_open_order(labeler: Labeler) -> int:
    """Everything a labeler with these orders holds, after some seconds of work, its history included."""
    state = labeler.snapshot()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        again = Labeler.restore(state)
        held, _ = tracemalloc.get_traced_memory()
        return round((held - before) / again.open_order_count)
    finally:
        tracemalloc.stop()
