"""The labeler of one instrument: market seconds and orders in, resolved orders and training rows out.

Pure: no Kafka, clock, environment or log. The two inputs are joined by second, so that the outputs do not depend on how
they happened to interleave. See docs/semantics.md, "Barriers".
"""

from collections import deque
from collections.abc import Iterator
from itertools import compress
from typing import NamedTuple

from services.labeler.config import LabelerConfig
from services.labeler.session import Resolution, Session
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.features import Example
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import Outcome, SecondOrders, Transaction

__all__ = ["Labeler", "LabelerConfig", "Output", "StateMismatchError"]

DEFAULTS = LabelerConfig()


class Output(NamedTuple):
    """One resolved order and, where it makes one, its training row."""

    transaction: Transaction
    example: Example | None


class StateMismatchError(TidewheelError):
    """Labels made again differ from those already written: inputs, settings or code are not those of then."""


class Labeler:
    """Labels the orders of one instrument, in canonical order.

    Second s is labelled once its market second and an orders record of second s or later have been seen; without a
    record of s itself it counts as missing and is labelled without new orders. Records of a second at or before the
    latest one seen on their topic are repeats and change nothing.
    """

    def __init__(self, instrument: str, config: LabelerConfig = DEFAULTS) -> None:
        self._start(LabelerState(instrument), config)

    @classmethod
    def restore(cls, state: LabelerState, config: LabelerConfig = DEFAULTS) -> "Labeler":
        """A labeler that goes on from a snapshot, given the records after `state.frontier.second` of both topics."""
        labeler = cls.__new__(cls)
        labeler._start(state, config)
        return labeler

    def _start(self, state: LabelerState, config: LabelerConfig) -> None:
        self._instrument = state.instrument
        self._config = config
        self.second = state.frontier.second  # the last one labelled
        self._example_seq = state.frontier.example_seq
        self._transactions = state.frontier.transactions
        self._written = Frontier()
        self._session = Session(state, config) if state.session_open else None
        self._seconds: deque[MarketSecond] = deque()
        self._orders: deque[SecondOrders] = deque()
        self._seconds_seen = self._orders_seen = state.frontier.second
        self.orders_missing = 0  # market seconds labelled without a record of their orders

    def snapshot(self) -> LabelerState:
        """State as of `frontier.second`; records read ahead of it are not in it and must be given again."""
        if self._session is None:
            return LabelerState(self._instrument, self.frontier)
        return self._session.snapshot(self._instrument, self.frontier)

    def replay_to(self, written: Frontier) -> None:
        """Return no outputs of seconds up to `written.second`: they are written already.

        When that second is reached and the counters differ from `written`, the call that reached it raises
        StateMismatchError.
        """
        self._written = written
        self._check_frontier()

    @property
    def frontier(self) -> Frontier:
        """The last second labelled, and the counters as of it."""
        return Frontier(self.second, self._example_seq, self._transactions)

    @property
    def replaying(self) -> bool:
        """Outputs that are written already are still being made again."""
        return self.second < self._written.second

    @property
    def between_sessions(self) -> bool:
        """No session is open: a snapshot is a few numbers."""
        return self._session is None

    @property
    def open_order_count(self) -> int:
        """Orders placed and not resolved."""
        return self._session.open_order_count if self._session is not None else 0

    @property
    def state_bytes(self) -> int:
        """Roughly the size of a snapshot."""
        return self._session.state_bytes if self._session is not None else 0

    @property
    def buffered_seconds(self) -> int:
        """Market seconds buffered until their orders come."""
        return len(self._seconds)

    @property
    def buffered_orders(self) -> int:
        """Orders records buffered until their market second comes."""
        return len(self._orders)

    def on_second(self, second: MarketSecond) -> list[Output]:
        """The next record of topic `ticks`; returns what it resolved, in canonical order."""
        if second.second <= self._seconds_seen:
            return []
        self._seconds_seen = second.second
        self._seconds.append(second)
        return self._advance()

    def on_orders(self, orders: SecondOrders) -> list[Output]:
        """The next record of topic `orders`; returns what it resolved, in canonical order."""
        if orders.second <= self._orders_seen:
            return []
        self._orders_seen = orders.second
        self._orders.append(orders)
        return self._advance()

    def _advance(self) -> list[Output]:
        outputs: list[Output] = []
        while self._seconds and self._seconds[0].second <= self._orders_seen:
            second = self._seconds.popleft()
            orders = self._orders_for(second)
            # Made again, but written already: counted only.
            replaying, already_written = self.replaying, second.second <= self._written.second
            for session, resolutions in self._resolutions(second, orders):
                outputs += (
                    self._count_only(session, resolutions) if already_written else self._outputs(session, resolutions)
                )
            self.second = second.second
            if replaying:
                self._check_frontier()
        return outputs

    def _orders_for(self, second: MarketSecond) -> SecondOrders | None:
        """The orders of a market second; those of seconds that never came are of no use."""
        while self._orders and self._orders[0].second < second.second:
            self._orders.popleft()
        if self._orders and self._orders[0].second == second.second:
            orders = self._orders.popleft()
            if orders.session == second.session:
                return orders
        self.orders_missing += second.second > self._written.second
        return None

    def _resolutions(
        self, second: MarketSecond, orders: SecondOrders | None
    ) -> Iterator[tuple[Session, list[Resolution]]]:
        """What ends with a second, in order: the session before a break, orders, the session itself."""
        session = self._session
        if session is not None and not session.continued_by(second):
            yield session, session.close()
            session = None
        if session is None:
            session = Session.begin(second, self._config)
        yield session, session.on_second(second, orders)
        if second.ends_session:
            yield session, session.close()
        self._session = None if second.ends_session else session

    def _outputs(self, session: Session, resolutions: list[Resolution]) -> list[Output]:
        self._transactions += len(resolutions)
        featured = [session.has_features(resolution) for resolution in resolutions]
        rows = iter(session.features(list(compress(resolutions, featured))) if any(featured) else ())
        return [
            Output(
                self._transaction(session, resolution), self._example(resolution, next(rows)) if with_features else None
            )
            for resolution, with_features in zip(resolutions, featured, strict=True)
        ]

    def _count_only(self, session: Session, resolutions: list[Resolution]) -> list[Output]:
        self._transactions += len(resolutions)
        self._example_seq += sum(map(session.has_features, resolutions))
        return []

    # Both by position: by name these two calls cost twice as much, and there is one of each an order.

    def _transaction(self, session: Session, resolution: Resolution) -> Transaction:
        order_id, placed_ns, _, offer_e9, upper_e9, lower_e9 = resolution.order
        return Transaction(
            self._instrument,
            order_id,
            session.number,
            placed_ns,
            offer_e9,
            upper_e9,
            lower_e9,
            resolution.resolved_ns,
            resolution.seq,
            resolution.exit_e9,
            resolution.outcome,
        )

    def _example(self, resolution: Resolution, features: bytes) -> Example:
        self._example_seq += 1
        order_id, placed_ns, _, offer_e9, _, _ = resolution.order
        return Example(
            self._instrument,
            self._example_seq,
            order_id,
            placed_ns,
            resolution.resolved_ns,
            int(resolution.outcome is Outcome.PROFIT),
            features,
            resolution.exit_e9 - offer_e9,
        )

    def _check_frontier(self) -> None:
        if self.second >= self._written.second >= 0 and self.frontier != self._written:
            raise StateMismatchError(
                f"{self._instrument}: labels made again up to second {self.second} are {self.frontier}, "
                f"but {self._written} is written"
            )
