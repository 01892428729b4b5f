"""Scores that mean what they say: a logistic curve through z-scores out of fold (Platt 1999, with smoothed targets).

A model trained gently, as few independent labels demand, ranks rows well and puts all scores close to a half. The curve
stretches them such that a score of 0.7 was right in seven of ten rows held out. It never falls, so it changes no flag.
"""

from dataclasses import dataclass

import numpy as np

from services.trainer.dataset.rows import Labels
from tidewheel.domain.models import Float64, sigmoid

# Where higher z-scores were no better on rows held out the curve is all but flat; a falling one would turn the ranking.
SLOPE_MIN = 0.01
ITERATIONS_MAX = 50
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class PlattCurve:
    """Probability of PROFIT = 1 / (1 + exp(-(offset + slope * z_score)))."""

    offset: float
    slope: float

    def logits(self, z_scores: Float64) -> Float64:
        return np.asarray(self.offset + self.slope * z_scores)

    def scores(self, z_scores: Float64) -> Float64:
        return sigmoid(self.logits(z_scores))


def fit_platt_curve(z_scores: Float64, labels: Labels) -> PlattCurve:
    """The curve of most likelihood, by Newton's method with halved steps where a whole one overshoots."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    wanted = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    flat = float(np.log((positives + 1) / (negatives + 1)))
    at: Float64 = np.array([flat, 0.0])
    loss = np.inf
    x = np.stack((np.ones_like(z_scores), z_scores))
    step: Float64 = np.zeros(2)
    for _ in range(ITERATIONS_MAX):
        likelihood = sigmoid(x.T @ at)
        now = _loss(x.T @ at, wanted)
        if now > loss:
            step = step / 2
            at = at + step
            continue
        loss = now
        weight = likelihood * (1 - likelihood)
        step = np.asarray(
            np.linalg.solve((x * weight) @ x.T + TOLERANCE * np.eye(2), x @ (likelihood - wanted)), dtype=np.float64
        )
        at = at - step
        if np.abs(step).max() < TOLERANCE:
            break
    offset, slope = at.tolist()
    return PlattCurve(offset, slope) if slope >= SLOPE_MIN else PlattCurve(flat, SLOPE_MIN)


def _loss(logits: Float64, wanted: Float64) -> float:
    """Cross entropy against targets between 0 and 1."""
    return float((np.logaddexp(0.0, logits) - wanted * logits).sum())
