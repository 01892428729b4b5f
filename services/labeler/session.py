"""One session of one instrument: its open orders and its past, second after second without a break."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from services.labeler.book import BID, LOWER, OFFER, ORDER_ID, PLACED_NS, UPPER, Book, Rows
from services.labeler.config import LabelerConfig
from services.labeler.history import History
from services.labeler.touches import Exits, exit_of
from tidewheel.domain.features import HISTORY_S
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import Outcome, SecondOrders
from tidewheel.domain.time import NS_PER_S

TOUCH, EXPIRY, END = range(3)


class Ending(NamedTuple):
    """How one open order ends. Endings sort in canonical order: by time, then touches by `seq`, expiries, voids.

    `rank`: TOUCH, EXPIRY or END. `touch_seq`: `seq` of a touch, else 0. `order`: the order's row in the book.
    """

    resolved_ns: int
    rank: int
    touch_seq: int
    order_id: int
    seq: int
    exit_e9: int
    outcome: Outcome
    order: list[int]


class Session:
    """Takes the seconds of one session and says which orders end how, sorted.

    The feed's session may have begun before the first second seen here; features are cut from what was seen.
    """

    __slots__ = (
        *("_book", "_close_bid_e9", "_close_offer_e9", "_config", "_first_second"),
        *("_history", "_last", "_next_seq", "number"),
    )

    def __init__(self, state: LabelerState, config: LabelerConfig) -> None:
        """Go on from a state whose session is open."""
        self._config = config
        self.number = state.session
        self._first_second = state.session_first_second
        self._last = state.frontier.second
        self._next_seq = state.next_seq
        self._close_bid_e9 = state.close_bid_e9
        self._close_offer_e9 = state.close_offer_e9
        self._history = History(state.frontier.second + 1 - state.history.shape[1], state.history)
        self._book = Book(state.orders)

    @classmethod
    def begin(cls, first: MarketSecond, config: LabelerConfig) -> "Session":
        """The session that begins with `first` as far as can be seen; `take` it next."""
        state = LabelerState(
            instrument=first.instrument,
            frontier=Frontier(first.second - 1),
            session=first.session,
            session_open=True,
            session_first_second=first.second,
            next_seq=first.first_seq,
            close_bid_e9=first.open_bid_e9,
            close_offer_e9=first.open_offer_e9,
        )
        return cls(state, config)

    def snapshot(self, instrument: str, frontier: Frontier) -> LabelerState:
        """What another session can go on from."""
        self._history.keep_from(self._oldest_needed())
        return LabelerState(
            instrument=instrument,
            frontier=frontier,
            session=self.number,
            session_open=True,
            session_first_second=self._first_second,
            next_seq=self._next_seq,
            close_bid_e9=self._close_bid_e9,
            close_offer_e9=self._close_offer_e9,
            history=self._history.columns.copy(),
            orders=self._book.orders,
        )

    @property
    def open_orders(self) -> int:
        return self._book.live

    @property
    def state_bytes(self) -> int:
        """Roughly the size of a snapshot."""
        return self._history.columns.nbytes + self._book.nbytes

    def continued_by(self, second: MarketSecond) -> bool:
        """Whether nothing is missing between the last second taken and this one, and both are of one market: of two
        that were written for one second, this one may follow the other (`docs/late-requests.md`)."""
        return (
            second.second == self._last + 1
            and second.first_seq == self._next_seq
            and second.session == self.number
            and second.open_bid_e9 == self._close_bid_e9
            and second.open_offer_e9 == self._close_offer_e9
        )

    def take(self, second: MarketSecond, orders: SecondOrders | None) -> list[Ending]:
        """The next second and the orders placed in it."""
        if self._history.full:  # now, since features of what ends here are cut afterwards
            self._history.keep_from(self._oldest_needed())
        exits = Exits(second, self._config.exit_on) if len(second.quotes) else None
        rows = self._book.place(orders) if orders is not None and len(orders) else range(0)
        endings = self._touched(exits) if exits is not None else []
        if orders is not None and rows:
            endings += self._placed(orders, rows, exits)
        if self._config.max_holding_ns is not None:
            endings += self._expired(second, exits, self._config.max_holding_ns)
        self._close(second)
        endings.sort()
        return endings

    def end(self) -> list[Ending]:
        """The session is over with the last second taken: what is open expires at that very instant, or is void."""
        ends_ns = (self._last + 1) * NS_PER_S
        holding_ns = self._config.max_holding_ns
        seq, exit_e9 = self._next_seq - 1, exit_of(self._config.exit_on, self._close_bid_e9, self._close_offer_e9)
        endings = []
        for order in self._end(self._book.rows()):
            if holding_ns is not None and order[PLACED_NS] + holding_ns <= ends_ns:
                endings.append(Ending(ends_ns, EXPIRY, 0, order[ORDER_ID], seq, exit_e9, Outcome.EXPIRED, order))
            else:
                endings.append(Ending(ends_ns, END, 0, order[ORDER_ID], seq, exit_e9, Outcome.VOID, order))
        endings.sort()
        return endings

    def has_features(self, ending: Ending) -> bool:
        """Whether an ending makes an example: a touch of an order with a long enough past."""
        return ending.rank == TOUCH and ending.order[PLACED_NS] >= self._featured_from_ns

    def features(self, endings: Sequence[Ending]) -> list[bytes]:
        """Features of endings that have them, as they travel; before the next second is taken."""
        orders = np.array([ending.order for ending in endings], dtype=np.int64)
        return self._history.cut(orders[:, PLACED_NS], orders[:, BID], orders[:, OFFER])

    def _touched(self, exits: Exits) -> list[Ending]:
        """Endings by touch of orders from earlier seconds."""
        rows = self._book.within(exits.highest, exits.lowest)
        if not len(rows):
            return []
        orders = self._book.values(rows)
        ticks = exits.first_touches(orders)
        found = [self._touch(exits, tick, order) for tick, order in zip(ticks, orders.tolist(), strict=True)]
        endings = [ending for ending in found if ending is not None]
        # One touched only after its holding time is left to `_expired`.
        self._book.end(rows if len(endings) == len(rows) else rows[np.array([e is not None for e in found])])
        return endings

    def _placed(self, orders: SecondOrders, rows: range, exits: Exits | None) -> list[Ending]:
        """Endings by touch of orders placed in this second; the others wait from now on."""
        uppers, lowers = orders.upper_e9.tolist(), orders.lower_e9.tolist()
        endings = []
        if exits is not None and (exits.highest >= min(uppers) or exits.lowest <= max(lowers)):
            for row in rows:
                order = self._book.order(row)
                tick = exits.first_touch_after(order[PLACED_NS], order[UPPER], order[LOWER])
                ending = None if tick is None else self._touch(exits, tick, order)
                if ending is not None:
                    self._book.end(np.array([row]))
                    endings.append(ending)
        self._book.await_touch(rows, uppers, lowers)
        return endings

    def _touch(self, exits: Exits, tick: int, order: list[int]) -> Ending | None:
        """The ending by a touch, unless the order had expired by then."""
        time_ns, holding_ns = exits.time_ns(tick), self._config.max_holding_ns
        if holding_ns is not None and time_ns > order[PLACED_NS] + holding_ns:
            return None
        seq, exit_e9 = exits.seq(tick), exits.price(tick)
        outcome = Outcome.PROFIT if exit_e9 >= order[UPPER] else Outcome.LOSS
        return Ending(time_ns, TOUCH, seq, order[ORDER_ID], seq, exit_e9, outcome, order)

    def _expired(self, second: MarketSecond, exits: Exits | None, holding_ns: int) -> list[Ending]:
        """Endings of orders whose longest holding time is over before the second is."""
        rows = self._book.due((second.second + 1) * NS_PER_S - holding_ns)
        endings = []
        for order in self._end(rows) if len(rows) else ():
            expires_ns = order[PLACED_NS] + holding_ns
            tick = -1 if exits is None else exits.last_at(expires_ns)
            if exits is not None and tick >= 0:
                exit_e9 = exits.price(tick)
            else:
                exit_e9 = exit_of(self._config.exit_on, self._close_bid_e9, self._close_offer_e9)
            seq = second.first_seq + tick
            endings.append(Ending(expires_ns, EXPIRY, 0, order[ORDER_ID], seq, exit_e9, Outcome.EXPIRED, order))
        return endings

    def _end(self, rows: Rows) -> list[list[int]]:
        """Take orders out of the book."""
        orders: list[list[int]] = self._book.values(rows).tolist()
        self._book.end(rows)
        return orders

    def _close(self, second: MarketSecond) -> None:
        self._history.append(second)
        self._last = second.second
        self._next_seq = second.first_seq + len(second.quotes)
        self._close_bid_e9 = second.close_bid_e9
        self._close_offer_e9 = second.close_offer_e9

    @property
    def _featured_from_ns(self) -> int:
        return (self._first_second + HISTORY_S) * NS_PER_S

    def _oldest_needed(self) -> int:
        """The first second that features of an open order or of the next one look back on."""
        placed_ns = self._book.oldest_placed_ns(self._featured_from_ns)
        oldest = self._last + 1 if placed_ns is None else min(self._last + 1, placed_ns // NS_PER_S)
        return oldest - HISTORY_S
