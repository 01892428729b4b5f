"""The system as its topics show it: what the live view draws, the summary counts and the run's end rests on.

Values only: records go in, decoded; each is counted once, whatever is repeated after a crash. What repeats or is
missing is counted beside that.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tidewheel.contracts.codecs.market import DeadLetter, FeedEvent, FeedStatus
from tidewheel.contracts.continuity import TopicOrder
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.features import Example
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.orders import NotPlacedReason, Outcome, SecondOrders, Transaction
from tidewheel.domain.training import RunEvent
from tidewheel.domain.training_runs import TrainingRuns
from tidewheel.local.monitoring.feed_health import FeedHealth
from tidewheel.recordings.account import Account

MIDS_KEPT = 240
ORDERED: dict[type, str] = {
    MarketSecond: TICKS.name,
    SecondOrders: ORDERS.name,
    Transaction: TRANSACTIONS.name,
    Example: EXAMPLES.name,
}
DEAD_LETTERS_KEPT = 5
INGEST = "ingest"  # whose dead letters are quotes


@dataclass(frozen=True, slots=True)
class LabelerFrontier:
    """How far the labels of an instrument are written: the labeler's frontier."""

    instrument: str
    second: int
    examples: int


Record = MarketSecond | SecondOrders | Transaction | Example | LabelerFrontier | RunEvent | FeedStatus | DeadLetter


@dataclass(slots=True)
class MarketState:
    """The prices of one instrument."""

    bars: int = 0
    ticks: int = 0
    first_second: int = -1
    second: int = -1
    session: int = 0
    bid_e9: int = 0
    offer_e9: int = 0
    stale: bool = False
    source_kind: SourceKind = SourceKind.LIVE
    mids_e9: deque[int] = field(default_factory=lambda: deque(maxlen=MIDS_KEPT))
    feed: FeedStatus | None = None
    health: FeedHealth = field(default_factory=FeedHealth)
    account: dict[str, Any] | None = None  # what became of a recording's rows, as its service told last

    @property
    def ended(self) -> bool:
        """Whether the feed has come to its end."""
        return self.feed is not None and self.feed.event is FeedEvent.ENDED

    def on_status(self, value: FeedStatus) -> None:
        self.health.on_status(value)
        if value.event is not FeedEvent.ACCOUNTED:
            self.feed = value
            return
        try:
            self.account = Account.parsed(value.detail)
        except ValueError:  # of another program, or another version of this one
            self.account = None

    def on_second(self, value: MarketSecond) -> None:
        if value.second <= self.second:
            return
        if self.first_second < 0:
            self.first_second = value.second
        self.bars += 1
        self.ticks = value.last_seq
        self.second, self.session, self.stale = value.second, value.session, value.stale
        self.bid_e9, self.offer_e9 = value.close_bid_e9, value.close_offer_e9
        self.source_kind = value.source_kind
        self.health.on_second(value)
        self.mids_e9.append(value.close_mid_e9)


@dataclass(slots=True)
class OrderCounts:
    """The orders of one instrument and what became of them."""

    second: int = -1
    placed: int = 0
    not_placed: Counter[NotPlacedReason] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    labeled_second: int = -1
    examples: int = 0

    @property
    def resolved(self) -> int:
        return self.outcomes.total()

    @property
    def open(self) -> int:
        # Topics are read side by side, so for a moment more may be resolved than seen placed.
        return max(0, self.placed - self.resolved)

    def on_orders(self, value: SecondOrders) -> None:
        if value.second <= self.second:
            return
        self.second = value.second
        self.placed += len(value)
        self.not_placed.update(value.not_placed)

    def on_frontier(self, value: LabelerFrontier) -> None:
        self.labeled_second = max(self.labeled_second, value.second)
        self.examples = max(self.examples, value.examples)


@dataclass(slots=True)
class InstrumentState:
    """All that is known of one instrument."""

    name: str
    market: MarketState = field(default_factory=MarketState)
    orders: OrderCounts = field(default_factory=OrderCounts)
    runs: TrainingRuns = field(default_factory=TrainingRuns)


class ObservedSystem:
    """What has been read from the topics so far."""

    def __init__(self) -> None:
        self.instruments: dict[str, InstrumentState] = {}
        self.dead_letters = 0
        self.last_dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        self.undecodable = 0
        # Topic -> the order of its records, from the first one on.
        self.order: dict[str, TopicOrder] = {}
        self._dead_letters_seen: set[bytes] = set()
        self._rejected: Counter[str] = Counter()  # quotes of each instrument, known or not yet

    def instrument(self, name: str) -> InstrumentState:
        """The instrument, known or new."""
        found = self.instruments.get(name)
        if found is None:
            found = self.instruments[name] = InstrumentState(name)
            found.market.health.rejected = self._rejected[name]
        return found

    def on_record(self, value: Record) -> None:
        """Take in one decoded record of any topic."""
        if isinstance(value, DeadLetter):
            self._on_dead_letter(value)
            return
        if (topic := ORDERED.get(type(value))) is not None:
            self.order.setdefault(topic, TopicOrder(topic)).take(value)
        instrument = self.instrument(value.instrument)
        match value:
            case Transaction():
                instrument.orders.outcomes[value.outcome] += 1
            case MarketSecond():
                instrument.market.on_second(value)
            case SecondOrders():
                instrument.orders.on_orders(value)
            case LabelerFrontier():
                instrument.orders.on_frontier(value)
            case RunEvent():
                instrument.runs.on_event(value)
            case FeedStatus():
                instrument.market.on_status(value)

    def _on_dead_letter(self, value: DeadLetter) -> None:
        if value.dedup_key in self._dead_letters_seen:
            return
        self._dead_letters_seen.add(value.dedup_key)
        self.dead_letters += 1
        self.last_dead_letters.append(value)
        if value.service == INGEST:
            self._rejected[value.instrument] += 1
            if (known := self.instruments.get(value.instrument)) is not None:
                known.market.health.rejected += 1
