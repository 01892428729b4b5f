"""The procedure's bettor on the rows of a window: which of them are her bets (ADR 25).

An order is flagged, or not, by the model that was the newest when it was placed, and measured by the largest amount
that an order won or lost in the window judged before that. Both were known then. An order that lives long is judged
windows later, still by the model of its own time, so the account keeps the last eras.
"""

from collections.abc import Callable

import numpy as np

from services.trainer.core import Window
from services.trainer.rows import Index, Rows
from tidewheel.domain.account import Account, Era
from tidewheel.domain.betting import FlaggedOrders, all_ended_ns
from tidewheel.domain.models import Model, Scorer
from tidewheel.domain.orders import ExitOn

ERAS_MAX = 4
ModelOf = Callable[[int], Model | None]


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
    parts = [_bets(own, era, exit_on) for era, own in flagged(account, model, window, model_of)]
    bettor = account.bettor.saw(_joined(parts), all_ended_ns(rows.placed_ns, rows.resolved_ns))
    return Account(bettor, _eras(account, model), rows.largest_e9)


def flagged(account: Account, model: Model, window: Window, model_of: ModelOf) -> list[tuple[Era, Rows]]:
    """Which of the window's new rows may be bets: of each era that has rows, those that its model flags. Arguments as
    of `settle`."""
    rows = window.rows
    fresh = rows.take(rows.example_seq > model.lineage.last_example_seq)
    return [
        (era, _flagged(fresh.take(places), model if era.seq == model.seq else model_of(era.seq)))
        for era, places in _by_era(fresh, _eras(account, model))
    ]


def _eras(account: Account, model: Model) -> tuple[Era, ...]:
    """The last ones, with that of the model where its unit is known."""
    if not account.unit_e9:
        return account.eras
    return (*account.eras, Era(model.seq, model.last_resolved_ns, account.unit_e9))[-ERAS_MAX:]


def _by_era(rows: Rows, eras: tuple[Era, ...]) -> list[tuple[Era, Index]]:
    """The rows of each era that has some."""
    began_ns = np.array([era.from_ns for era in eras], dtype=np.int64)
    era_of = began_ns.searchsorted(rows.placed_ns) - 1
    return [(eras[at], np.flatnonzero(era_of == at)) for at in np.unique(era_of).tolist() if at >= 0]


def _flagged(rows: Rows, model: Model | None) -> Rows:
    if model is None:
        return rows.take(slice(0, 0))
    return rows.take(Scorer.of(model).scores(rows.features) >= model.threshold)


def _bets(rows: Rows, era: Era, exit_on: ExitOn) -> FlaggedOrders:
    gross = rows.gross_e9(exit_on) / era.unit_e9
    return FlaggedOrders(rows.placed_ns, rows.resolved_ns, gross, rows.pnl_e9 / era.unit_e9)


def _joined(parts: list[FlaggedOrders]) -> FlaggedOrders:
    none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    columns = zip(none, *((part.placed_ns, part.resolved_ns, part.gross, part.net) for part in parts), strict=True)
    return FlaggedOrders(*(np.concatenate(column) for column in columns))
