"""What the labeler knows of one instrument, as values: how far it is, and everything it needs to go on from there."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NO_SECOND = -1
HISTORY_COLUMNS = 4
ORDER_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Frontier:
    """How far labels are: the last market second labelled, and how many transactions and examples that made so far."""

    second: int = NO_SECOND
    example_seq: int = 0
    transactions: int = 0


def _no_history() -> NDArray[np.int64]:
    return np.empty((HISTORY_COLUMNS, 0), dtype=np.int64)


def _no_orders() -> NDArray[np.int64]:
    return np.empty((ORDER_COLUMNS, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class LabelerState:
    """State of one instrument's labeler after the market second `frontier.second`; inputs read ahead are no part of it.

    `history`: closing mid, day's open, high and low of the seconds that open orders or the next order may look back
    on, shape (4, seconds), oldest first, ending with `frontier.second`. `orders`: order_id, placed_ns, bid, offer,
    upper, lower of the open orders, shape (6, orders), in order of placing. `session_open` is False before the first
    second and after a session's last one.
    """

    instrument: str
    frontier: Frontier = field(default_factory=Frontier)
    session: int = 0
    session_open: bool = False
    session_first_second: int = 0
    next_seq: int = 0
    close_bid_e9: int = 0
    close_offer_e9: int = 0
    history: NDArray[np.int64] = field(default_factory=_no_history)
    orders: NDArray[np.int64] = field(default_factory=_no_orders)
