"""Whole logs as the oracle says they must be: the four topics of one instrument, to be broken by tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from tests import markets, oracle
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_example, encode_orders, encode_transaction
from tidewheel.contracts.invariants.findings import LogEntry
from tidewheel.contracts.invariants.log import TOPICS_READ, LogInvariants
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.features import Example
from tidewheel.domain.labeler_state import Frontier
from tidewheel.domain.orders import Outcome, Transaction

INSTRUMENT = markets.INSTRUMENT
ENCODERS: dict[str, Callable[[Any], bytes]] = {
    TICKS.name: encode_second,
    ORDERS.name: encode_orders,
    TRANSACTIONS.name: encode_transaction,
    EXAMPLES.name: encode_example,
}


@dataclass
class Log:
    """Topic -> its decoded records, and how far the labeler says it is."""

    records: dict[str, list[Any]] = field(repr=False)
    frontier: Frontier

    def copy(self) -> "Log":
        return Log({topic: list(records) for topic, records in self.records.items()}, self.frontier)

    def entries(self, topic: str, first_offset: int = 0) -> list[LogEntry]:
        return [
            LogEntry(topic, 0, first_offset + at, INSTRUMENT.encode(), value, hash(ENCODERS[topic](value)))
            for at, value in enumerate(self.records[topic])
        ]

    def checked(self, truncated: frozenset[tuple[str, int]] = frozenset()) -> LogInvariants:
        """The invariants, when all has been read."""
        state = {INSTRUMENT: self.frontier}
        invariants = LogInvariants(truncated, state)
        for topic in TOPICS_READ:
            for entry in self.entries(topic):
                invariants.take(entry)
        invariants.end(state)
        return invariants


@cache
def synthetic_log(seed: int, quotes: int = 40) -> Log:
    """A market by chance, long enough for examples in most cases. Not to be changed: take a copy."""
    result = oracle.evaluate_rows(markets.rows(Random(seed), quotes), oracle.Settings(threshold="2"))
    transactions = [_transaction(one) for one in result.transactions]
    examples = [_example(one) for one in result.examples()]
    records: dict[str, list[Any]] = {
        TICKS.name: list(markets.seconds(result)),
        ORDERS.name: list(markets.second_orders(result)),
        TRANSACTIONS.name: transactions,
        EXAMPLES.name: examples,
    }
    return Log(records, Frontier(result.bars[-1].second, len(examples), len(transactions)))


def _transaction(one: oracle.Transaction) -> Transaction:
    order = one.order
    return Transaction(
        *(INSTRUMENT, order.order_id, order.session, order.placed_ns, order.offer, order.upper, order.lower),
        *(one.resolved_ns, one.resolved_seq, one.exit, Outcome[one.outcome]),
    )


def _example(one: oracle.Example) -> Example:
    return Example(
        *(INSTRUMENT, one.example_seq, one.order_id, one.placed_ns, one.resolved_ns, one.label, one.features, one.pnl),
    )
