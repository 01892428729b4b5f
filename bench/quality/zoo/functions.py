"""Planted functions: what a market's drift is proportional to, each a weight for every one of the 605 features.

Features are prices less the mid in force: bid, offer, the day's open, high and low, then the closing mids of 1 … 600
seconds ago. So a function whose weights of prices sum to one is the distance from the mid to a mean of those prices.
"""

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]

LAGS = 600
FEATURES = 5 + LAGS
HIGH, LOW, NEWEST = 3, 4, 5


def to_mean(tau_s: float) -> Weights:
    """How far an exponential mean of the last 600 mids lies above the mid."""
    lags = np.exp(-np.arange(1, LAGS + 1) / tau_s)
    return _of_lags(lags / lags.sum())


def rise(lag_s: int) -> Weights:
    """How far the mid has risen in so many seconds."""
    lags = np.zeros(LAGS)
    lags[lag_s - 1] = -1.0
    return _of_lags(lags)


def between_means(near_s: int, far_s: int) -> Weights:
    """How far the mean of the last `near_s` mids lies above the mean of those before it, up to `far_s` ago."""
    lags = np.zeros(LAGS)
    lags[:near_s] = 1 / near_s
    lags[near_s:far_s] = -1 / (far_s - near_s)
    return _of_lags(lags)


def to_middle_of_day() -> Weights:
    """How far the middle between the day's high and low lies above the mid."""
    weights = np.zeros(FEATURES)
    weights[[HIGH, LOW]] = 0.5
    return weights


def _of_lags(lags: Weights) -> Weights:
    return np.concatenate((np.zeros(NEWEST), lags))
