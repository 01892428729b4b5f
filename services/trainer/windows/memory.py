"""How far back a model may look: which of the windows before still tell of the market as it is.

Rows of more windows are more independent labels, until the market turns. At each boundary between two windows it may
have turned, with a chance of `TURNS` beforehand. What speaks for it or against it is how a regression on the windows
since the last turn does on the next one, beside one that knows the base rate only: the log likelihood that it gains
there, counted in independent labels. So the chance of each last turn is known (Adams and MacKay 2007, *Bayesian online
changepoint detection*). The windows since each last turn that may be weigh together as much as that turn is likely:
eleven windows of a market that is in all likelihood over would otherwise outweigh the one window of the market now.

Nothing is remembered but rows: the same windows give the same weights, whoever asks, and a restart changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from tidewheel.domain.models import Float64

# Chosen, with what is below, on the zoo's choosing seeds (ADR 26).
TURNS = 0.05
# Of the weights of standardised features, where there are `RIDGE_WINDOWS` windows; of more windows' sums it is less.
RIDGE = 3.0
RIDGE_WINDOWS = 8
# A regression counts by the share of its independent labels in these and its own: it was fitted on those it is held to.
PRIOR_ROWS = 20.0
# A window that is worth no more than this is left out.
LEFT_OUT = 0.01
EVIDENCE = 2.0
RATE_MIN = 0.02
DEVIATION_MIN = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class RememberedSample:
    """A window that has closed, as the learner was shown it. `first_offset`: of its first row in the topic."""

    seq: int
    first_example_seq: int
    last_example_seq: int
    first_offset: int
    sample: Sample


def weights(windows: Sequence[Sample]) -> Float64:
    """What each of some windows is worth, oldest first; the last, whose model is wanted, is worth 1, and one without
    rows nothing."""
    there = [place for place, window in enumerate(windows) if len(window)]
    result = np.zeros(len(windows))
    if there:
        result[there] = _weights([windows[place] for place in there])
    return result


def _weights(windows: Sequence[Sample]) -> Float64:
    moments = [Moments.of(window) for window in windows]
    deviation = _deviation(moments)
    # Entry r: log chance that the market turned r + 1 windows before the one to come.
    turned = np.zeros(1)
    for now in range(1, len(windows)):
        later = _placed_after(windows[now], windows[now - 1])
        gains = [
            _Regression.of(reduce(Moments.and_, moments[first:now]), now - first, deviation).gain(later)
            for first in range(now)[::-1]
        ]
        still = turned + np.log1p(-TURNS) + EVIDENCE * np.array(gains)
        turned = np.concatenate(([np.logaddexp.reduce(turned) + np.log(TURNS)], still))
        turned -= np.logaddexp.reduce(turned)
    each = np.exp(turned) / np.arange(1, len(turned) + 1)
    total = np.cumsum(each[::-1])
    result: Float64 = np.where(total / total[-1] > LEFT_OUT, total / total[-1], 0.0)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over rows: their count, labels, features x and products; all that a linear regression needs."""

    count: int
    independent: float
    positives: float
    x: Float64
    xx: Float64
    xy: Float64

    @classmethod
    def of(cls, sample: Sample) -> "Moments":
        x, y = sample.features.astype(np.float64), sample.label.astype(np.float64)
        return cls(len(y), effective_sample_size(sample), float(y.sum()), x.sum(axis=0), x.T @ x, y @ x)

    def and_(self, other: "Moments") -> "Moments":
        """Of both their rows."""
        return Moments(
            self.count + other.count,
            self.independent + other.independent,
            self.positives + other.positives,
            self.x + other.x,
            self.xx + other.xx,
            self.xy + other.xy,
        )

    @property
    def mean(self) -> Float64:
        return self.x / self.count

    @property
    def covariance(self) -> Float64:
        result: Float64 = self.xx / self.count - np.outer(self.mean, self.mean)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class _Regression:
    """Log odds of PROFIT: those of the base rate, and what the features add."""

    weights: Float64
    mean: Float64
    base: float

    @classmethod
    def of(cls, seen: Moments, windows: int, deviation: Float64) -> "_Regression":
        """A linear regression of labels on features over so many windows, in log odds: its direction by a ridge,
        its length by that along it on the same rows."""
        rate = seen.positives / seen.count
        variance = max(rate * (1 - rate), RATE_MIN * (1 - RATE_MIN))
        covariance, along = seen.covariance, seen.xy / seen.count - seen.mean * rate
        ridged = covariance / np.outer(deviation, deviation) * variance
        ridged[np.diag_indices(len(ridged))] += RIDGE * RIDGE_WINDOWS / windows
        direction = np.linalg.solve(ridged, along / deviation) / deviation
        variance_along = float(direction @ covariance @ direction) * variance
        length = float(direction @ along) / variance_along if variance_along > 0 else 0.0
        sure = seen.independent / (seen.independent + PRIOR_ROWS)
        rate = min(max(rate, RATE_MIN), 1 - RATE_MIN)
        return cls(direction * length * sure, seen.mean, float(np.log(rate / (1 - rate))))

    def gain(self, later: Sample) -> float:
        """The log likelihood of later labels, less that by the base rate alone, in independent labels."""
        if not len(later):
            return 0.0
        added = (later.features.astype(np.float64) - self.mean) @ self.weights
        sign = np.where(later.label == 1, 1.0, -1.0)
        gained = np.logaddexp(0.0, -sign * self.base) - np.logaddexp(0.0, -sign * (self.base + added))
        return float(gained.mean()) * effective_sample_size(later)


def _deviation(moments: Sequence[Moments]) -> Float64:
    """Of each feature over all windows; infinite where it never moved."""
    whole = reduce(Moments.and_, moments)
    deviation = np.sqrt(np.maximum(np.diag(whole.covariance), 0.0))
    result: Float64 = np.where(deviation > DEVIATION_MIN * np.maximum(np.abs(whole.mean), 1.0), deviation, np.inf)
    return result


def _placed_after(window: Sample, before: Sample) -> Sample:
    """The rows placed when all labels of the window before were known."""
    return window.take(window.placed_ns > before.resolved_ns.max())
