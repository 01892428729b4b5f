"""Which rows of a window are the bettor's bets, flagged by whom, and measured by what."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import BID, OFFER, Rows
from services.trainer.promotion import bets
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import INSTRUMENT, make_model
from tests.synthetic_rows import PULL, market
from tidewheel.domain.account import Account, ModelPeriod
from tidewheel.domain.betting import Bet, Bettor, FlaggedOrders
from tidewheel.domain.features import FEATURE_COUNT, HISTORY_S
from tidewheel.domain.models import Lineage, Model, Scorer
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.prices import E9

TELLING = 10
LATE = 10**9
NOBODY: dict[int, Model] = {}


def a_reader(seq: int, window: Window, sign: float = 1.0) -> Model:
    """The model of a window: flags where the telling feature has this sign."""
    weights = np.zeros(FEATURE_COUNT)
    weights[TELLING] = sign
    rows, zeros, ones = window.rows, np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT)
    return replace(
        make_model(seq),
        coefficients=weights,
        mean=zeros,
        std=ones,
        intercept=0.0,
        threshold=0.6,
        last_resolved_ns=int(rows.resolved_ns.max()),
        lineage=Lineage("examples", 0, int(rows.example_seq[0]), int(rows.example_seq[-1]), "{}", ""),
    )


def a_window(seq: int, first: int, *orders: tuple[int, int, float, float]) -> Window:
    """Orders as (placed, resolved, telling, pnl), numbered from `first`, on a market whose spread is 0.5."""
    placed, resolved, telling, pnl = (np.array(column) for column in zip(*orders, strict=True))
    features = np.zeros((len(orders), FEATURE_COUNT), dtype=np.float32)
    features[:, TELLING], features[:, BID], features[:, OFFER] = telling, -0.25, 0.25
    ids = np.arange(first, first + len(orders))
    rows = Rows(features, (pnl > 0).astype(np.uint8), placed, resolved, ids, ids, (pnl * E9).astype(np.int64))
    return Window(INSTRUMENT, seq, 0, 0, 0, rows)


def flagged(*some: Bet) -> FlaggedOrders:
    return bets.joined([]).with_bets(some)


ONE = a_window(1, 1, (1, 5, 1.0, 2.0), (2, 10, 1.0, -1.0))
TWO = a_window(2, 3, (8, 11, 1.0, 4.0), (12, 20, 1.0, 1.0), (13, 21, -1.0, 4.0), (22, 30, 1.0, -1.5))
THREE = a_window(3, 7, (21, 31, 1.0, 2.0), (29, 40, 1.0, 3.0), (31, 41, -1.0, 2.0), (60, 100, -1.0, -2.0))


def test_the_first_window_judged_only_gives_the_unit() -> None:
    account = bets.settle(Account(), a_reader(1, ONE), TWO, NOBODY.get)
    assert account == Account(Bettor(), (), 4 * E9)


def test_flagged_orders_placed_since_the_model_was_made_are_bets_in_the_unit_known_then() -> None:
    account = bets.settle(Account(unit_e9=2 * E9), a_reader(1, ONE), TWO, NOBODY.get)
    assert account.periods == (ModelPeriod(1, 10, 2 * E9),)
    assert account.unit_e9 == 4 * E9
    # The first order was placed before; of the two that follow one is not flagged.
    assert account.bettor == Bettor().update(flagged(Bet(12, 20, 0.75, 0.5), Bet(22, 30, -0.5, -0.75)), 30 - 2 * 8)
    assert len(account.bettor.pending) == 1


def test_an_order_that_ends_windows_later_is_judged_by_the_model_of_its_own_time() -> None:
    first, second = a_reader(1, ONE), a_reader(2, TWO, sign=-1.0)
    before = bets.settle(Account(unit_e9=2 * E9), first, TWO, NOBODY.get)
    account = bets.settle(before, second, THREE, {1: first}.get)
    assert account.periods == (ModelPeriod(1, 10, 2 * E9), ModelPeriod(2, 30, 4 * E9))
    # 21 to 31 displaces 22 to 30, flagged by model 1 in its unit; model 2 flags the other sign, in its own.
    taken = flagged(Bet(12, 20, 0.75, 0.5), Bet(21, 31, 1.25, 1.0), Bet(60, 100, -1.5 / 4, -0.5))
    assert account.bettor.update(flagged(), LATE) == Bettor().update(taken, LATE)


def test_orders_of_a_model_that_is_not_kept_are_no_bets() -> None:
    before = bets.settle(Account(unit_e9=2 * E9), a_reader(1, ONE), TWO, NOBODY.get)
    account = bets.settle(before, a_reader(2, TWO, sign=-1.0), THREE, NOBODY.get)
    taken = flagged(
        Bet(12, 20, 0.75, 0.5), Bet(22, 30, -0.5, -0.75), Bet(31, 41, 2.5 / 4, 0.5), Bet(60, 100, -1.5 / 4, -0.5)
    )
    assert account.bettor.update(flagged(), LATE) == Bettor().update(taken, LATE)


def test_rows_that_two_windows_share_are_seen_once() -> None:
    model = a_reader(1, ONE)
    pairs = zip(ONE.rows.columns(), TWO.rows.columns(), strict=True)
    shared = replace(TWO, rows=Rows(*(np.concatenate(pair) for pair in pairs)))
    known = Account(unit_e9=2 * E9)
    assert bets.settle(known, model, shared, NOBODY.get).bettor == bets.settle(known, model, TWO, NOBODY.get).bettor


def test_only_the_last_eras_are_kept() -> None:
    periods = tuple(ModelPeriod(seq, -10 + seq, E9) for seq in range(bets.PERIODS_MAX))
    account = bets.settle(Account(periods=periods, unit_e9=E9), a_reader(9, ONE), TWO, NOBODY.get)
    assert account.periods == (*periods[1:], ModelPeriod(9, 10, E9))


@pytest.mark.parametrize(("edge", "seed"), [(0.0, 0), (0.0, 1), (0.0, 2), (0.8, 0)])
def test_who_knows_the_edge_of_a_made_market_grows_rich_and_nobody_where_there_is_none(edge: float, seed: int) -> None:
    """Through rows as the trainer has them: a model that knows the planted pull, window after window."""
    size = 2_000
    made = market(seed, 3 * size, edge)
    account, models = Account(), dict[int, Model]()
    for seq in range(1, len(made) // size):
        window = made.window(seq, size)
        models[seq] = the_pull(seq, window)
        account = bets.settle(account, models[seq], made.window(seq + 1, size), models.get)
    assert account.bettor.bets > 30
    assert account.bettor.e_gross >= 100 if edge else account.bettor.e_gross < 20


def the_pull(seq: int, window: Window) -> Model:
    """The market's own function of past moves, as weights on past mids; flags three tenths of its window."""
    weights = np.zeros(FEATURE_COUNT)
    weights[-HISTORY_S:] = PULL - np.append(0.0, PULL[:-1])
    model = replace(a_reader(seq, window), coefficients=weights)
    return replace(model, threshold=float(np.quantile(Scorer.of(model).scores(window.rows.features), 0.7)))


@pytest.mark.parametrize(("exit_on", "gross"), [(ExitOn.BID, 2.5), (ExitOn.MID, 2.25), (ExitOn.OFFER, 2.0)])
def test_without_a_spread_an_order_begins_at_the_price_that_ends_it(exit_on: ExitOn, gross: float) -> None:
    assert (ONE.rows.gross_e9(exit_on)[0], ONE.rows.largest_pnl_e9) == (gross * E9, 2 * E9)
    assert ONE.rows.take(slice(0, 0)).largest_pnl_e9 == 1
