"""The labeler of one instrument: market seconds and orders in, resolved orders and training rows out.

Pure: no Kafka, clock, environment or log. The two inputs are joined by second, so that the outputs do not depend on how
they happened to interleave. All rules are DESIGN's section 3.
"""

from dataclasses import dataclass
from typing import NamedTuple

from tidewheel.domain.features import Example
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import ExitOn, SecondOrders, Transaction


@dataclass(frozen=True, slots=True)
class LabelerConfig:
    """The settings that shape labels. `max_holding_ns` None: an order is held until a touch or its session's end."""

    exit_on: ExitOn = ExitOn.BID
    max_holding_ns: int | None = None


class Output(NamedTuple):
    """One resolved order and, where it makes one, its training row."""

    transaction: Transaction
    example: Example | None


class StateMismatch(Exception):
    """Labels made again differ from those already written: settings, inputs or code are not those of then."""


class Labeler:
    """Labels the orders of one instrument, in canonical order.

    Second s is labelled once its market second and an orders record of second s or later have been seen; without a
    record of s itself it counts as missing and is labelled without new orders. Records of a second at or before the
    latest one seen on their topic are repeats and change nothing.
    """

    def __init__(self, instrument: str, config: LabelerConfig = LabelerConfig()) -> None: ...

    def on_second(self, second: MarketSecond) -> list[Output]:
        """The next record of topic `ticks`; returns what it resolved, in canonical order."""
        raise NotImplementedError

    def on_orders(self, orders: SecondOrders) -> list[Output]:
        """The next record of topic `orders`; returns what it resolved, in canonical order."""
        raise NotImplementedError

    def snapshot(self) -> LabelerState:
        """State as of `frontier.second`; records read ahead of it are not in it and must be given again."""
        raise NotImplementedError

    @classmethod
    def restore(cls, state: LabelerState, config: LabelerConfig = LabelerConfig()) -> "Labeler":
        """A labeler that goes on from a snapshot, given the records after `state.frontier.second` of both topics."""
        raise NotImplementedError

    def replay_to(self, written: Frontier) -> None:
        """Return no outputs of seconds up to `written.second`: they are written already.

        When that second is reached and the counters differ from `written`, the method that reached it raises
        StateMismatch.
        """
        raise NotImplementedError

    @property
    def frontier(self) -> Frontier:
        """The last second labelled, and the counters as of it."""
        raise NotImplementedError

    @property
    def open_orders(self) -> int:
        """Orders placed and not resolved."""
        raise NotImplementedError
