"""The drift watch on rows: which orders it bets on, which way, and in which unit."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.rows import BID, OFFER, Rows
from services.trainer.promotion import drift_watch
from services.trainer.promotion.drift_watch import DriftWatch
from tests.synthetic_models import make_model
from tidewheel.domain.drift import DriftDetector
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Model
from tidewheel.domain.prices import E9

TELLING = 10


def model(sign: float = 1.0, seq: int = 1) -> Model:
    """Scores a row above its average row where the telling feature is positive."""
    weights = np.zeros(FEATURE_COUNT)
    weights[TELLING] = sign
    zeros, ones = np.zeros(FEATURE_COUNT), np.ones(FEATURE_COUNT)
    return replace(make_model(seq), coefficients=weights, mean=zeros, std=ones, intercept=-0.7, threshold=0.5)


def rows(signs: list[float], pnl: list[float], placed: list[int], life: int = 5) -> Rows:
    """Orders of a market whose offer lies 0.5 above the bid."""
    features = np.zeros((len(signs), FEATURE_COUNT), dtype=np.float32)
    features[:, TELLING], features[:, BID], features[:, OFFER] = signs, -0.25, 0.25
    pnl_e9 = (np.array(pnl) * E9).astype(np.int64)
    placed_ns = np.array(placed, dtype=np.int64)
    ids = np.arange(len(signs))
    return Rows(features, (pnl_e9 > 0).astype(np.uint8), placed_ns, placed_ns + life, ids, ids, pnl_e9)


FIRST = rows([1.0], [2.0], [1])


def test_results_are_gross_signed_in_units_of_the_window_before_and_of_one_order_at_a_time() -> None:
    watch = DriftWatch()
    assert not watch.update(model(), FIRST)
    watch.update(model(), rows([1.0, 1.0, -1.0], [1.0, -9.0, -1.0], [10, 12, 20]))
    assert watch.detector == DriftDetector().update([1.5 / 2, 0.5 / 2])
    watch.update(model(), rows([1.0, 1.0], [-1.0, 8.5], [25, 26]))  # the first was placed while the last one was held
    assert watch.detector == DriftDetector().update([1.5 / 2, 0.5 / 2]).update([9.0 / 9.0])


def test_no_rows_are_nothing() -> None:
    assert not DriftWatch().update(model(), FIRST.take(slice(0, 0)))


def followed(signs: list[float], seed: int, count: int = 20) -> list[bool]:
    """A watch over a window of some orders for each sign of the market, in which the telling feature is right nine
    times of ten. Each window's model has learnt the sign of the one before: it has forgotten at once what was."""
    chance, watch, found = np.random.default_rng(seed), DriftWatch(), []
    market = [1.0, *signs]
    for at, sign in enumerate(market):
        wins = chance.random(count) < 0.5
        flags = sign * np.where(wins ^ (chance.random(count) < 0.1), 1.0, -1.0)
        placed = [1_000 * at + 10 * row for row in range(count)]
        learnt = model(market[max(0, at - 1)], seq=at + 1)
        found.append(watch.update(learnt, rows(flags.tolist(), np.where(wins, 2.0, -2.0).tolist(), placed)))
    return found[1:]


@pytest.mark.parametrize("seed", range(5))
def test_drift_is_seen_when_a_good_model_turns_bad_and_not_before(seed: int) -> None:
    found = followed([1.0] * 10 + [-1.0] * 3, seed)
    assert not any(found[:10])
    assert any(found[10:])


@pytest.mark.parametrize("seed", range(5))
def test_it_is_seen_though_windows_hold_few_orders_and_models_forget_at_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    signs = [1.0] * 20 + [-1.0] * 3
    assert any(followed(signs, seed, count=6)[20:])
    monkeypatch.setattr(drift_watch, "MODELS_BEFORE", 0)  # the newest model alone, as a planted fault
    assert not any(followed(signs, seed, count=6)[20:])
