"""What the oracle speaks of, as plain values. Prices are whole numbers of 1e-9 units. No code of the product."""

from dataclasses import dataclass

E9 = 10**9


@dataclass(frozen=True)
class Settings:
    """What shapes the result. `threshold`: `10` in quote currency or `15bps`. Times in whole seconds or ns."""

    orders_per_second: int = 5
    threshold: str = "10"
    exit_on: str = "bid"
    max_holding_ns: int | None = None
    quiet_s: int = 600
    stale_s: int = 60


@dataclass(frozen=True)
class Row:
    """A usable row of the file, its time as recorded."""

    line: int
    time_ns: int
    bid: int
    offer: int


@dataclass(frozen=True)
class Reject:
    """A row that is no tick."""

    line: int
    reason: str


@dataclass(frozen=True)
class Tick:
    session: int
    seq: int
    time_ns: int
    bid: int
    offer: int
    late: bool
    line: int

    @property
    def second(self) -> int:
        return self.time_ns // E9

    @property
    def mid(self) -> int:
        return (self.bid + self.offer) // 2

    @property
    def locked(self) -> bool:
        return self.bid == self.offer


@dataclass(frozen=True)
class Bar:
    """A market second without its quotes. `open` is the quote in force as it begins, None in a session's first."""

    session: int
    second: int
    first_seq: int
    tick_count: int
    open: tuple[int, int] | None
    bid: int
    offer: int
    day_open: int
    day_high: int
    day_low: int
    last_tick_ns: int
    stale: bool
    ends_session: bool

    @property
    def mid(self) -> int:
        return (self.bid + self.offer) // 2

    @property
    def last_seq(self) -> int:
        return self.first_seq + self.tick_count - 1


@dataclass(frozen=True)
class Order:
    order_id: int
    session: int
    placed_ns: int
    bid: int
    offer: int
    upper: int
    lower: int

    @property
    def second(self) -> int:
        return self.placed_ns // E9


@dataclass(frozen=True)
class Transaction:
    order: Order
    resolved_ns: int
    resolved_seq: int
    exit: int
    outcome: str

    @property
    def pnl(self) -> int:
        return self.exit - self.order.offer


@dataclass(frozen=True)
class Example:
    example_seq: int
    order_id: int
    placed_ns: int
    resolved_ns: int
    label: int
    pnl: int
    features: bytes


@dataclass(frozen=True)
class Window:
    number: int
    first_example_seq: int
    last_example_seq: int
    profits: int
    losses: int

    @property
    def one_class(self) -> bool:
        return self.profits == 0 or self.losses == 0

    def remembered_one_class(self, windows: list["Window"], memory: int) -> bool:
        """Whether it and those before it, `memory` in all, hold one class only."""
        known = windows[max(0, self.number - memory) : self.number]
        return not any(one.profits for one in known) or not any(one.losses for one in known)


@dataclass(frozen=True)
class Session:
    """One session: its ticks and its seconds, both whole."""

    ticks: list[Tick]
    bars: list[Bar]

    @property
    def end_ns(self) -> int:
        return (self.bars[-1].second + 1) * E9
