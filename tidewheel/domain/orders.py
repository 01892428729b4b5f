"""Mock orders and what became of them."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from tidewheel.domain.market import Int64, no_int64


class Outcome(IntEnum):
    """How an order ended."""

    PROFIT = 1
    LOSS = 2
    EXPIRED = 3
    VOID = 4


class NotPlacedReason(IntEnum):
    """Why no order was placed at a sampled instant."""

    SPREAD = 1
    STALE = 2
    THRESHOLD = 3


class ExitOn(StrEnum):
    """The price whose touch of a threshold ends an order. BID is what a seller gets; the others are for comparison."""

    BID = "bid"
    MID = "mid"
    OFFER = "offer"


@dataclass(frozen=True, slots=True, eq=False)
class SecondOrders:
    """The orders of one instrument-second in columns, by growing `order_id`; possibly none. Entry = `offer_e9`."""

    instrument: str
    session: int
    second: int
    order_id: Int64 = field(default_factory=no_int64)
    placed_ns: Int64 = field(default_factory=no_int64)
    bid_e9: Int64 = field(default_factory=no_int64)
    offer_e9: Int64 = field(default_factory=no_int64)
    upper_e9: Int64 = field(default_factory=no_int64)
    lower_e9: Int64 = field(default_factory=no_int64)
    not_placed: dict[NotPlacedReason, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.order_id)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One resolved order."""

    instrument: str
    order_id: int
    session: int
    placed_ns: int
    entry_e9: int
    upper_e9: int
    lower_e9: int
    resolved_ns: int
    resolved_seq: int
    exit_e9: int
    outcome: Outcome

    @property
    def pnl_e9(self) -> int:
        return self.exit_e9 - self.entry_e9

    @property
    def canonical(self) -> tuple[int, int, int, int]:
        """What transactions are in order of: docs/semantics.md, "Canonical order"."""
        touched = self.outcome <= Outcome.LOSS
        rank = 0 if touched else int(self.outcome)
        return self.resolved_ns, rank, self.resolved_seq if touched else 0, self.order_id
