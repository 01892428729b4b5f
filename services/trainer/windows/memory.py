"""How far back a model may look: which rows of the windows before, and of its own, still tell of the market as it is.

Rows of more windows are more independent labels, until the market turns. It waits for no window to close: windows are
cut into pieces, and at each boundary between two pieces it may have turned, with a chance of `TURNS` beforehand. What
speaks for it or against it is how a regression on the pieces since the last turn does on the next one, beside one that
knows the base rate only: the log likelihood that it gains there, counted in independent labels. So the chance of each
last turn is known (Adams and MacKay 2007, *Bayesian online changepoint detection*). The pieces since each last turn
that may be weigh together as much as that turn is likely: eleven windows of a market that is in all likelihood over
would otherwise outweigh the one window of the market now.

Nothing is remembered but rows: the same windows give the same weights, whoever asks, and a restart changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate

import numpy as np

from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from tidewheel.domain.models import Float64

# Chosen, with what is below, on the zoo's choosing seeds (ADR 26).
PIECES = 4  # of a window
TURNS = 0.05 / PIECES
# Of the weights of standardised features, where there are `RIDGE_PIECES` pieces; of more pieces' sums it is less.
RIDGE = 3.0
RIDGE_PIECES = 8 * PIECES
# A regression counts by the share of its independent labels in these and its own: it was fitted on those it is held to.
PRIOR_ROWS = 20.0
# A piece that is worth no more than this is left out.
LEFT_OUT = 0.01
EVIDENCE = 1.5
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


def pieces(window: Sample) -> list[Sample]:
    """A window cut by placed time, oldest piece first, each of as many rows."""
    by_time = np.lexsort((window.order_id, window.placed_ns))
    return [window.take(piece) for piece in np.array_split(by_time, PIECES)]


def weights(pieces: Sequence[Sample]) -> Float64:
    """What each of some pieces is worth, oldest first; the last one is worth 1, and one without rows nothing."""
    there = [place for place, piece in enumerate(pieces) if len(piece)]
    result = np.zeros(len(pieces))
    if there:
        result[there] = _weights([pieces[place] for place in there])
    return result


def _weights(pieces: Sequence[Sample]) -> Float64:
    moments = [Moments.of(piece) for piece in pieces]
    deviation = _deviation(moments)
    # Entry r: log chance that the market turned r + 1 pieces before the one to come.
    turned = np.zeros(1)
    for now in range(1, len(pieces)):
        later = _placed_after(pieces[now], pieces[now - 1])
        gains = list(_gains(moments[:now], deviation, later))
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
    def of(cls, seen: Moments, pieces: int, deviation: Float64) -> "_Regression":
        """A linear regression of labels on features over so many pieces, in log odds: its direction by a ridge,
        its length by that along it on the same rows."""
        rate = seen.positives / seen.count
        variance = max(rate * (1 - rate), RATE_MIN * (1 - RATE_MIN))
        covariance, along = seen.covariance, seen.xy / seen.count - seen.mean * rate
        ridged = covariance / np.outer(deviation, deviation) * variance
        ridged[np.diag_indices(len(ridged))] += RIDGE * RIDGE_PIECES / pieces
        direction = np.linalg.solve(ridged, along / deviation) / deviation
        variance_along = float(direction @ covariance @ direction) * variance
        length = float(direction @ along) / variance_along if variance_along > 0 else 0.0
        sure = seen.independent / (seen.independent + PRIOR_ROWS)
        rate = min(max(rate, RATE_MIN), 1 - RATE_MIN)
        return cls(direction * length * sure, seen.mean, float(np.log(rate / (1 - rate))))

    def gain(self, features: Float64, sign: Float64) -> float:
        """The mean log likelihood of later labels, less that by the base rate alone."""
        added = (features - self.mean) @ self.weights
        gained = np.logaddexp(0.0, -sign * self.base) - np.logaddexp(0.0, -sign * (self.base + added))
        return float(gained.mean())


def _gains(moments: Sequence[Moments], deviation: Float64, later: Sample) -> Iterator[float]:
    """What regressions on the last piece, on the last two and so on gain on later rows, in independent labels."""
    features, sign = later.features.astype(np.float64), np.where(later.label == 1, 1.0, -1.0)
    independent = effective_sample_size(later)
    for count, seen in enumerate(accumulate(moments[::-1], Moments.and_), 1):
        yield _Regression.of(seen, count, deviation).gain(features, sign) * independent if len(later) else 0.0


def _deviation(moments: Sequence[Moments]) -> Float64:
    """Of each feature over all pieces; infinite where it never moved."""
    whole = reduce(Moments.and_, moments)
    deviation = np.sqrt(np.maximum(np.diag(whole.covariance), 0.0))
    result: Float64 = np.where(deviation > DEVIATION_MIN * np.maximum(np.abs(whole.mean), 1.0), deviation, np.inf)
    return result


def _placed_after(piece: Sample, before: Sample) -> Sample:
    """The rows placed when all labels of the piece before were known."""
    return piece.take(piece.placed_ns > before.resolved_ns.max())
