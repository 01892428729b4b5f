"""One session of one instrument: its open orders and its past, second after second without a break."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from services.labeler.barriers import ExitPrices, exit_price_e9
from services.labeler.config import LabelerConfig
from services.labeler.history import History
from services.labeler.open_orders import BID, LOWER, OFFER, ORDER_ID, PLACED_NS, UPPER, OpenOrders, Rows
from tidewheel.domain.features import HISTORY_S
from tidewheel.domain.labeler_state import Frontier, LabelerState
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import Outcome, SecondOrders
from tidewheel.domain.time import NS_PER_S

TOUCH, EXPIRY, SESSION_END = range(3)


class Resolution(NamedTuple):
    """How one open order ends. They sort in canonical order: by time, then touches by `seq`, expiries, voids.

    `rank`: TOUCH, EXPIRY or SESSION_END. `touch_seq`: `seq` of a touch, else 0. `order`: the order's row in the table.
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
    """Takes the seconds of one session and says which orders are resolved and how, sorted.

    The feed's session may have begun before the first second seen here; features are made of what was seen.
    """

    __slots__ = (
        *("_open_orders", "_close_bid_e9", "_close_offer_e9", "_config", "_first_second"),
        *("_history", "_last_second", "_next_seq", "number"),
    )

    def __init__(self, state: LabelerState, config: LabelerConfig) -> None:
        """Go on from a state whose session is open."""
        self._config = config
        self.number = state.session
        self._first_second = state.session_first_second
        self._last_second = state.frontier.second
        self._next_seq = state.next_seq
        self._close_bid_e9 = state.close_bid_e9
        self._close_offer_e9 = state.close_offer_e9
        self._history = History(state.frontier.second + 1 - state.history.shape[1], state.history)
        self._open_orders = OpenOrders(state.orders)

    @classmethod
    def begin(cls, first: MarketSecond, config: LabelerConfig) -> "Session":
        """The session that begins with `first` as far as can be seen; give it to `on_second` next."""
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
        self._history.trim_before(self._oldest_needed_second())
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
            orders=self._open_orders.orders,
        )

    @property
    def open_order_count(self) -> int:
        return self._open_orders.live

    @property
    def state_bytes(self) -> int:
        """Roughly the size of a snapshot."""
        return self._history.columns.nbytes + self._open_orders.nbytes

    def continued_by(self, second: MarketSecond) -> bool:
        """Whether nothing is missing between the last second taken and this one, and both are of one market: of two
        that were written for one second, this one may follow the other (`docs/late-requests.md`)."""
        return (
            second.second == self._last_second + 1
            and second.first_seq == self._next_seq
            and second.session == self.number
            and second.open_bid_e9 == self._close_bid_e9
            and second.open_offer_e9 == self._close_offer_e9
        )

    def on_second(self, second: MarketSecond, orders: SecondOrders | None) -> list[Resolution]:
        """The next second and the orders placed in it."""
        if self._history.full:  # now, since features of what ends here are made afterwards
            self._history.trim_before(self._oldest_needed_second())
        exits = ExitPrices(second, self._config.exit_on) if len(second.quotes) else None
        rows = self._open_orders.place(orders) if orders is not None and len(orders) else range(0)
        resolutions = self._resolve_touched(exits) if exits is not None else []
        if orders is not None and rows:
            resolutions += self._resolve_placed(orders, rows, exits)
        if self._config.max_holding_ns is not None:
            resolutions += self._resolve_expired(second, exits, self._config.max_holding_ns)
        self._advance(second)
        resolutions.sort()
        return resolutions

    def close(self) -> list[Resolution]:
        """The session is over with the last second taken: what is open expires at that very instant, or is void."""
        ends_ns = (self._last_second + 1) * NS_PER_S
        holding_ns = self._config.max_holding_ns
        seq, exit_e9 = self._next_seq - 1, exit_price_e9(self._config.exit_on, self._close_bid_e9, self._close_offer_e9)
        resolutions = []
        for order in self._close_orders(self._open_orders.rows()):
            if holding_ns is not None and order[PLACED_NS] + holding_ns <= ends_ns:
                resolutions.append(
                    Resolution(ends_ns, EXPIRY, 0, order[ORDER_ID], seq, exit_e9, Outcome.EXPIRED, order)
                )
            else:
                resolutions.append(
                    Resolution(ends_ns, SESSION_END, 0, order[ORDER_ID], seq, exit_e9, Outcome.VOID, order)
                )
        resolutions.sort()
        return resolutions

    def has_features(self, resolution: Resolution) -> bool:
        """Whether a resolution makes an example: a touch of an order with a long enough past."""
        return resolution.rank == TOUCH and resolution.order[PLACED_NS] >= self._features_from_ns

    def features(self, resolutions: Sequence[Resolution]) -> list[bytes]:
        """Features of resolutions that have them, as they travel; before the next second is taken."""
        orders = np.array([resolution.order for resolution in resolutions], dtype=np.int64)
        return self._history.extract_features(orders[:, PLACED_NS], orders[:, BID], orders[:, OFFER])

    def _resolve_touched(self, exits: ExitPrices) -> list[Resolution]:
        """Resolutions by touch of orders from earlier seconds."""
        rows = self._open_orders.take_touched(exits.highest_e9, exits.lowest_e9)
        if not len(rows):
            return []
        orders = self._open_orders.values(rows)
        ticks = exits.first_touches(orders)
        found = [self._resolve_touch(exits, tick, order) for tick, order in zip(ticks, orders.tolist(), strict=True)]
        resolutions = [resolution for resolution in found if resolution is not None]
        # One touched only after its holding time is left to `_resolve_expired`.
        self._open_orders.close(
            rows if len(resolutions) == len(rows) else rows[np.array([e is not None for e in found])]
        )
        return resolutions

    def _resolve_placed(self, orders: SecondOrders, rows: range, exits: ExitPrices | None) -> list[Resolution]:
        """Resolutions by touch of orders placed in this second; the others are open from now on."""
        uppers, lowers = orders.upper_e9.tolist(), orders.lower_e9.tolist()
        resolutions = []
        if exits is not None and (exits.highest_e9 >= min(uppers) or exits.lowest_e9 <= max(lowers)):
            for row in rows:
                order = self._open_orders.order(row)
                tick = exits.first_touch_after(order[PLACED_NS], order[UPPER], order[LOWER])
                resolution = None if tick is None else self._resolve_touch(exits, tick, order)
                if resolution is not None:
                    self._open_orders.close(np.array([row]))
                    resolutions.append(resolution)
        self._open_orders.activate_barriers(rows, uppers, lowers)
        return resolutions

    def _resolve_touch(self, exits: ExitPrices, tick: int, order: list[int]) -> Resolution | None:
        """The resolution by a touch, unless the order had expired by then."""
        time_ns, holding_ns = exits.time_ns(tick), self._config.max_holding_ns
        if holding_ns is not None and time_ns > order[PLACED_NS] + holding_ns:
            return None
        seq, exit_e9 = exits.seq(tick), exits.price_e9(tick)
        outcome = Outcome.PROFIT if exit_e9 >= order[UPPER] else Outcome.LOSS
        return Resolution(time_ns, TOUCH, seq, order[ORDER_ID], seq, exit_e9, outcome, order)

    def _resolve_expired(self, second: MarketSecond, exits: ExitPrices | None, holding_ns: int) -> list[Resolution]:
        """Resolutions of orders whose longest holding time is over before the second is."""
        rows = self._open_orders.take_expired((second.second + 1) * NS_PER_S - holding_ns)
        resolutions = []
        for order in self._close_orders(rows) if len(rows) else ():
            expires_ns = order[PLACED_NS] + holding_ns
            tick = -1 if exits is None else exits.last_at(expires_ns)
            if exits is not None and tick >= 0:
                exit_e9 = exits.price_e9(tick)
            else:
                exit_e9 = exit_price_e9(self._config.exit_on, self._close_bid_e9, self._close_offer_e9)
            seq = second.first_seq + tick
            resolutions.append(Resolution(expires_ns, EXPIRY, 0, order[ORDER_ID], seq, exit_e9, Outcome.EXPIRED, order))
        return resolutions

    def _close_orders(self, rows: Rows) -> list[list[int]]:
        """Take orders out of the table."""
        orders: list[list[int]] = self._open_orders.values(rows).tolist()
        self._open_orders.close(rows)
        return orders

    def _advance(self, second: MarketSecond) -> None:
        self._history.append(second)
        self._last_second = second.second
        self._next_seq = second.first_seq + len(second.quotes)
        self._close_bid_e9 = second.close_bid_e9
        self._close_offer_e9 = second.close_offer_e9

    @property
    def _features_from_ns(self) -> int:
        return (self._first_second + HISTORY_S) * NS_PER_S

    def _oldest_needed_second(self) -> int:
        """The first second that features of an open order or of the next one look back on."""
        placed_ns = self._open_orders.oldest_placed_ns(self._features_from_ns)
        oldest = self._last_second + 1 if placed_ns is None else min(self._last_second + 1, placed_ns // NS_PER_S)
        return oldest - HISTORY_S
