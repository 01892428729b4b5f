"""The labeler: from inputs on the topics to committed transactions and examples, and the core by itself."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from confluent_kafka import Producer

from bench.harness import Servers, Size
from services.labeler.__main__ import build
from services.labeler.core import Labeler
from services.labeler.settings import Settings
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.market import NO_QUOTES, Int64, MarketSecond, Quotes, SourceKind
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S, ORDER_IDS_PER_S
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import flush, producer_config, read_to_end
from tidewheel.runtime.process import Context

FIRST_SECOND = 1_700_000_000
BID_START_E9 = 50_000 * E9
STEP_E9 = E9 // 100
SPREAD_E9 = E9 // 2
THRESHOLD_E9 = 10 * E9
ORDERS_PER_SECOND = 5


@dataclass(frozen=True, slots=True)
class Market:
    """A random walk of the bid in cents. An order lives `life_s` in the mean; five are placed a second."""

    instrument: str
    quotes_per_second: float
    seconds: int
    life_s: float
    seed: int

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


def write(bootstrap: str, markets: Sequence[Market]) -> None:
    """All inputs on the topics, the markets interleaved second by second."""
    producer = Producer(producer_config(bootstrap, "bench"))
    for rows in zip(*markets, strict=True):
        for second, orders in rows:
            for topic, value in ((TICKS.name, encode_second(second)), (ORDERS.name, encode_orders(orders))):
                while True:
                    try:
                        producer.produce(topic, value, second.instrument, 0)
                        break
                    except BufferError:
                        producer.poll(0.1)
    flush(producer)


def label(bootstrap: str, markets: Sequence[Market]) -> tuple[float, float]:
    """Run one labeler over all inputs; wall and CPU seconds from its first records to its last commit."""
    settings = Settings(kafka=bootstrap)
    loop, work = build(settings, Context(logging.getLogger("bench"), Health("bench"), threading.Event()))
    loop.start()
    while not loop.assigned:
        loop.turn()
    last = FIRST_SECOND + markets[0].seconds - 1
    started_s, cpu_s = time.perf_counter(), time.process_time()
    while work.labelled_second(len(markets)) < last:
        loop.turn()
    took = time.perf_counter() - started_s, time.process_time() - cpu_s
    loop.close()
    return took
