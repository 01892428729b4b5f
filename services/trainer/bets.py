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


def settle(
    account: Account,
    model: Model,
    window: Window,
    model_of: Callable[[int], Model | None],
    exit_on: ExitOn = ExitOn.BID,
) -> Account:
    """The account after a window whose new rows judge `model`. `model_of`: an older model; None where it is not kept,
    whose orders are then no bets. `exit_on`: the price that ends orders."""
    eras = account.eras
    if account.unit_e9:
        eras = (*eras, Era(model.seq, model.last_resolved_ns, account.unit_e9))[-ERAS_MAX:]
    rows = window.rows
    fresh = rows.take(rows.example_seq > model.lineage.last_example_seq)
    parts = [
        _flagged(fresh.take(places), era, model if era.seq == model.seq else model_of(era.seq), exit_on)
        for era, places in _by_era(fresh, eras)
    ]
    bettor = account.bettor.saw(_joined(parts), all_ended_ns(rows.placed_ns, rows.resolved_ns))
    return Account(bettor, eras, rows.largest_e9)


def _by_era(rows: Rows, eras: tuple[Era, ...]) -> list[tuple[Era, Index]]:
    """The rows of each era that has some."""
    began_ns = np.array([era.from_ns for era in eras], dtype=np.int64)
    era_of = began_ns.searchsorted(rows.placed_ns) - 1
    return [(eras[at], np.flatnonzero(era_of == at)) for at in np.unique(era_of).tolist() if at >= 0]


def _flagged(rows: Rows, era: Era, model: Model | None, exit_on: ExitOn) -> FlaggedOrders:
    if model is None:
        rows = rows.take(slice(0, 0))
    else:
        rows = rows.take(Scorer.of(model).scores(rows.features) >= model.threshold)
    gross = rows.gross_e9(exit_on) / era.unit_e9
    return FlaggedOrders(rows.placed_ns, rows.resolved_ns, gross, rows.pnl_e9 / era.unit_e9)


def _joined(parts: list[FlaggedOrders]) -> FlaggedOrders:
    none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    columns = zip(none, *((part.placed_ns, part.resolved_ns, part.gross, part.net) for part in parts), strict=True)
    return FlaggedOrders(*(np.concatenate(column) for column in columns))
