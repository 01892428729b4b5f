"""Planted drifts: what they are of the mids, and that curvature is stable with either sign."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from services.ingest.sources.planted_drift import DOUBLED_CENTS, HISTORY_S, DriftPattern, curvature, mean_reversion

Make = Callable[[float, int], DriftPattern]
FIRST = 13_000_000  # 65,000 USD
CURVATURE = np.repeat([0.0, 1.0, -2.0, 1.0], (30, 160, 160, 160)) / 160
MEAN_REVERSION = np.full(HISTORY_S, 1 / HISTORY_S) - np.eye(1, HISTORY_S)[0]


def walk(seconds: int) -> NDArray[np.int64]:
    """Mids in doubled cents."""
    steps = np.random.default_rng(1).integers(-300, 301, seconds)
    return np.asarray(FIRST + np.cumsum(steps))


def drifts(pattern: DriftPattern, mids: NDArray[np.int64]) -> NDArray[np.float64]:
    """The drift before each mid is known."""
    found = []
    for mid in mids.tolist():
        found.append(pattern.drift_usd())
        pattern.on_mid(mid)
    return np.array(found)


@pytest.mark.parametrize(("make", "weights"), [(mean_reversion, MEAN_REVERSION), (curvature, CURVATURE)])
def test_the_drift_is_the_weighted_sum_of_the_mids(make: Make, weights: NDArray[np.float64]) -> None:
    mids = walk(1_500)
    pattern = make(0.5, FIRST)
    past = np.concatenate((np.full(HISTORY_S, FIRST), mids)) / DOUBLED_CENTS
    ago = np.arange(1, len(weights) + 1)
    wanted = [pattern.gain * (weights * past[s - ago]).sum() for s in range(HISTORY_S, HISTORY_S + len(mids))]
    np.testing.assert_allclose(drifts(pattern, mids), wanted, rtol=0, atol=1e-9)
    np.testing.assert_allclose(pattern.weights, weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("make", [mean_reversion, curvature])
def test_only_moves_count_to_the_last_bit(make: Make) -> None:
    low, high = make(1.0, FIRST), make(1.0, FIRST + 777)
    assert drifts(low, walk(900)).tobytes() == drifts(high, walk(900) + 777).tobytes()


def test_a_steady_trend_gives_no_curvature() -> None:
    pattern = curvature(1.0, FIRST)
    assert not drifts(pattern, FIRST + 50 * np.arange(1, 1_000))[HISTORY_S + 1 :].any()
    assert drifts(pattern, walk(1_000)).any()


def loop_gain(pattern: DriftPattern) -> float:
    """The largest share of a move, over all frequencies, that comes back as drift; below 1 nothing grows."""
    on_moves = np.cumsum(pattern.weights)
    return float(pattern.gain * np.abs(np.fft.rfft(on_moves, 1 << 17)).max())


def test_curvature_is_stable_whatever_its_sign_and_mean_reversion_would_not_be() -> None:
    assert 0.85 < loop_gain(curvature(1.0, FIRST)) < 0.9
    assert loop_gain(mean_reversion(1.0, FIRST)) > 1


def after_a_jump(pattern: DriftPattern, sign: float) -> NDArray[np.float64]:
    """Prices in USD relative to before, with no chance, after one move of 10 USD."""
    prices, price = [], 10.0
    for _ in range(20_000):
        pattern.on_mid(FIRST + round(price * DOUBLED_CENTS))
        price += sign * pattern.drift_usd()
        prices.append(price)
        if abs(price) > 1e6:
            break
    return np.array(prices)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_prices_settle_after_a_jump(sign: float) -> None:
    prices = after_a_jump(curvature(1.0, FIRST), sign)
    assert np.abs(prices).max() < 40
    assert np.ptp(prices[-5_000:]) < 0.1


def test_mean_reversion_turned_round_runs_away() -> None:
    assert abs(after_a_jump(mean_reversion(1.0, FIRST), -1.0)[-1]) > 1e6
