"""Small markets, and all that must come of them by the oracle's word, as the bytes that must stand on the topics.

Made once a process and used by many seeds. No code of the services: only the oracle and the messages' contracts.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any

import numpy as np

from tests import markets, oracle
from tests.oracle import E9, Row
from tests.simulation.broker import partition_of
from tidewheel.contracts.codecs.orders import encode_example, encode_orders, encode_transaction
from tidewheel.domain.features import Example
from tidewheel.domain.market import MarketSecond, TickFlag
from tidewheel.domain.orders import Outcome, Transaction

POOL = 48
PARTITIONS = 2
SETTINGS = oracle.Settings(orders_per_second=2, threshold="2", quiet_s=60, stale_s=40)
# Two on different partitions, and two that share one.
APART = ("replay:AA", "replay:BB")
TOGETHER = ("replay:AA", "replay:EE")
STEPS = (
    *((3, lambda chance: 0), (1, lambda chance: -chance.randint(1, 2 * E9)), (3, lambda chance: E9 // 2)),
    *((8, lambda chance: chance.randint(1, 3 * E9)), (2, lambda chance: chance.randint(3, 12) * E9)),
)


@dataclass(frozen=True)
class ExpectedMarket:
    """One instrument's market and its consequences."""

    instrument: str
    rows: list[Row]
    crossed: list[Row]  # rows that are no ticks, by the line they stand on
    seconds: list[tuple[Any, ...]]
    orders: list[bytes]
    transactions: list[bytes]
    examples: list[bytes]
    plain_examples: list[oracle.Example]
    features_now: bytes | None  # of an order in the second after the last one, at its close; None: its past is short

    @property
    def partition(self) -> int:
        return partition_of(self.instrument.encode(), PARTITIONS)


def rows(chance: Random) -> list[Row]:
    """A quiet stretch long enough for features, then a lively one; some break, and open another session."""
    time_ns = markets.START_S * E9 + chance.choice((0, 1, E9 // 2, 1190 * E9))
    kinds = chance.choices([step for _, step in STEPS], [weight for weight, _ in STEPS], k=chance.randint(25, 60))
    steps = [53 * E9 + 7] * chance.choice((11, 12, 12, 12)) + [kind(chance) for kind in kinds]
    if chance.random() < 0.4:
        steps[-chance.randint(3, 12)] = 61 * E9 + chance.choice((0, E9 // 2))
    made, bid = [], 100
    for line, step in enumerate([0, *steps], start=2):
        time_ns += step
        bid = max(20, bid + chance.choice((-3, -2, -1, -1, 0, 0, 1, 1, 2, 3)))
        made.append(Row(line, time_ns, bid * E9, (bid + chance.choice((0, 1, 1, 2, 4))) * E9))
    return made


@lru_cache(maxsize=4 * POOL)
def expected(instrument: str, number: int) -> ExpectedMarket:
    """One market of the pool under an instrument's name."""
    chance = Random(number)
    made = rows(chance)
    result = oracle.evaluate_rows(made, SETTINGS)
    examples = list(result.examples())
    crossed = [replace(row, bid=row.offer + 1, line=row.line) for row in chance.sample(made, chance.choice((0, 0, 3)))]
    seconds = [replace(second, instrument=instrument) for second in markets.seconds(result)]
    orders = [replace(record, instrument=instrument) for record in markets.second_orders(result)]
    return ExpectedMarket(
        instrument,
        made,
        crossed,
        [second_values(second) for second in seconds],
        [encode_orders(record) for record in orders],
        [encode_transaction(_transaction(instrument, one)) for one in result.transactions],
        [encode_example(_example(instrument, one)) for one in examples],
        examples,
        _features_now(result.sessions[-1]),
    )


def _features_now(session: oracle.Session) -> bytes | None:
    last = session.bars[-1]
    order = oracle.Order(0, last.session, (last.second + 1) * E9, last.bid, last.offer, 0, 0)
    return oracle.features_of(session, np.array([bar.mid for bar in session.bars], dtype=np.int64), order)


def second_values(second: MarketSecond) -> tuple[Any, ...]:
    """A market second as plain values; of the flags those that say something of the one quote alone."""
    quotes = second.quotes
    flags = quotes.flags.tolist() if len(quotes.flags) else [0] * len(quotes)
    return (
        *(second.session, second.second, second.first_seq, second.stale, second.ends_session),
        *(second.open_bid_e9, second.open_offer_e9, second.close_bid_e9, second.close_offer_e9, second.last_tick_ns),
        *(second.day_open_e9, second.day_high_e9, second.day_low_e9),
        *(tuple(quotes.time_ns.tolist()), tuple(quotes.bid_e9.tolist()), tuple(quotes.offer_e9.tolist())),
        tuple(flag & (TickFlag.LATE | TickFlag.LOCKED) for flag in flags),
    )


def _transaction(instrument: str, one: oracle.Transaction) -> Transaction:
    order = one.order
    return Transaction(
        *(instrument, order.order_id, order.session, order.placed_ns, order.offer, order.upper, order.lower),
        *(one.resolved_ns, one.resolved_seq, one.exit, Outcome[one.outcome]),
    )


def _example(instrument: str, one: oracle.Example) -> Example:
    return Example(
        *(instrument, one.example_seq, one.order_id, one.placed_ns, one.resolved_ns, one.label, one.features, one.pnl)
    )
