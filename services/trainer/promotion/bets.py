"""The procedure's bettor on the rows of a window: which of them are her bets (ADR 25).

An order is flagged, or not, by the model that was the newest when it was placed, and measured by the largest amount
that an order won or lost in the window judged before that. Both were known then. An order that lives long is judged
windows later, still by the model of its own time, so the account keeps the last periods.
"""

from collections.abc import Callable

import numpy as np

from services.trainer.dataset.rows import Index, Rows
from services.trainer.windows.count_windows import Window
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import FlaggedOrders, all_resolved_ns
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.orders import ExitOn

PERIODS_MAX = 4
ModelOf = Callable[[int], Model | None]
Settle = Callable[[Account, Model, Window, ModelOf, ExitOn], Account]


def settle(
    account: Account,
    model: Model,
    window: Window,
    model_of: ModelOf,
    exit_on: ExitOn = ExitOn.BID,
) -> Account:
    """The account after a window whose new rows judge `model`. `model_of`: an older model; None where it is not kept,
    whose orders are then no bets. `exit_on`: the price that ends orders."""
    rows = window.rows
    parts = [_bets(own, period, exit_on) for period, own in flagged(account, model, window, model_of)]
    bettor = account.bettor.update(joined(parts), all_resolved_ns(rows.placed_ns, rows.resolved_ns))
    return Account(bettor, _periods(account, model), rows.largest_pnl_e9)


def flagged(account: Account, model: Model, window: Window, model_of: ModelOf) -> list[tuple[ModelPeriod, Rows]]:
    """Which of the window's new rows may be bets: of each period that has rows, those that its model flags.
    Arguments as of `settle`."""
    rows = window.rows
    fresh = rows.take(rows.example_seq > model.lineage.last_example_seq)
    return [
        (period, _flagged(fresh.take(places), model if period.seq == model.seq else model_of(period.seq)))
        for period, places in _by_period(fresh, _periods(account, model))
    ]


def _periods(account: Account, model: Model) -> tuple[ModelPeriod, ...]:
    """The last ones, with that of the model where its unit is known."""
    if not account.unit_e9:
        return account.periods
    return (*account.periods, ModelPeriod(model.seq, model.last_resolved_ns, account.unit_e9))[-PERIODS_MAX:]


def _by_period(rows: Rows, periods: tuple[ModelPeriod, ...]) -> list[tuple[ModelPeriod, Index]]:
    """The rows of each period that has some."""
    began_ns = np.array([period.from_ns for period in periods], dtype=np.int64)
    period_of = began_ns.searchsorted(rows.placed_ns) - 1
    return [(periods[at], np.flatnonzero(period_of == at)) for at in np.unique(period_of).tolist() if at >= 0]


def _flagged(rows: Rows, model: Model | None) -> Rows:
    if model is None:
        return rows.take(slice(0, 0))
    return rows.take(Scorer.of(model).scores(rows.features) >= model.threshold)


def _bets(rows: Rows, period: ModelPeriod, exit_on: ExitOn) -> FlaggedOrders:
    gross = rows.gross_e9(exit_on) / period.unit_e9
    return FlaggedOrders(rows.placed_ns, rows.resolved_ns, gross, rows.pnl_e9 / period.unit_e9)


def joined(parts: list[FlaggedOrders]) -> FlaggedOrders:
    none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    columns = zip(none, *((part.placed_ns, part.resolved_ns, part.gross, part.net) for part in parts), strict=True)
    return FlaggedOrders(*(np.concatenate(column) for column in columns))
