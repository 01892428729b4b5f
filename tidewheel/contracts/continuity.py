"""Which numbers of a topic's records tell whether they come once each and in order."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.continuity import Arrival, AscendingKeyChecker, Counts, MarketSecondChecker, SequenceChecker

# What is told each decoded record of one instrument.
Checker = Callable[[Any], Arrival]


def _of_ticks() -> Checker:
    return MarketSecondChecker().take


def _of_orders() -> Checker:
    """A second without a record shows only beside `ticks`."""
    checker = AscendingKeyChecker("second")
    return lambda record: checker.take(record.second)


def _of_transactions() -> Checker:
    checker = AscendingKeyChecker("order_id")
    return lambda record: checker.take(*record.canonical)


def _of_examples() -> Checker:
    checker = SequenceChecker("example_seq")
    return lambda record: checker.take(record.example_seq)


CHECKERS: Mapping[str, Callable[[], Checker]] = MappingProxyType(
    {
        TICKS.name: _of_ticks,
        ORDERS.name: _of_orders,
        TRANSACTIONS.name: _of_transactions,
        EXAMPLES.name: _of_examples,
    }
)


class TopicOrder:
    """The order of one topic's records, of each instrument by itself. `counts`: of all of them."""

    def __init__(self, topic: str) -> None:
        self._new = CHECKERS[topic]
        self._checkers: dict[str, Checker] = {}
        self.counts = Counts()

    def take(self, record: Any) -> None:
        """The next decoded record."""
        checker = self._checkers.get(record.instrument)
        if checker is None:
            checker = self._checkers[record.instrument] = self._new()
        self.counts.add(checker(record))
