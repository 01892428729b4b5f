"""Memory, as a reference in plain numpy: a ridge regression over several windows' rows, and one threshold over them.

The last `reach` windows, one row in `every` (orders of one second share their future). The 600 mids enter as averages
over 27 bins that widen with the lag: a prior that neighbouring lags weigh alike. The strength of the ridge is the one
of four that has the smallest log loss on windows held out, each once, without the rows whose lives touch theirs. The
threshold is the most precise at the recall floor over all those rows, in-sample, that flags at most half of them.
A first step, not tuned: what replaces it has to do better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.quality.contenders import RECALL_MIN, Rule, Scores
from bench.quality.zoo.functions import LAGS, NEWEST
from bench.quality.zoo.stream import Past
from services.trainer.dataset.rows import Rows

Float64 = NDArray[np.float64]
Labels = NDArray[np.uint8]
Kept = NDArray[np.bool_]

# The first lag of each bin, and the one after the last.
EDGES = np.unique(np.rint(np.geomspace(1, LAGS + 1, 32)).astype(int))
RIDGES = (0.01, 0.1, 1.0, 10.0)  # a row's share of the penalty
FLAGGED_MAX = 0.5
# Windows held out, as long as there are fewer: pieces of the first one.
PIECES_MIN = 4
NEWTON_STEPS_MAX = 25
CONVERGED = 1e-6


@dataclass(frozen=True)
class Refused:
    """There is no model, for a reason that is counted."""

    reason: str


@dataclass(frozen=True)
class Recipe:
    """One model of a past, without a state of its own."""

    reach: int = 8
    every: int = 5

    def __call__(self, past: Past) -> Rule | Refused:
        return self.model_of(past.thinned(self.reach, self.every))

    def model_of(self, pieces: list[Rows]) -> Rule | Refused:
        """Of any rows, in pieces of time, oldest first."""
        while len(pieces) < PIECES_MIN:
            pieces = [half for piece in pieces for half in halves(piece)]
        label = np.concatenate([piece.label for piece in pieces])
        if not 0 < label.sum() < len(label):
            return Refused("one_class")
        binned = np.concatenate([bins(piece.features) for piece in pieces])
        middle, spread = binned.mean(axis=0), binned.std(axis=0)
        spread[spread == 0] = np.inf  # a constant weighs nothing
        inputs = (binned - middle) / spread
        fit = fitted(inputs, label, best_ridge(inputs, label, pieces))
        weights = over_features(fit[:-1] / spread)
        offset = float(fit[-1] - (fit[:-1] / spread) @ middle)

        def scores(rows: Rows) -> Scores:
            return np.asarray(rows.features @ weights.astype(np.float32) + offset, dtype=np.float64)

        own = np.concatenate([scores(piece) for piece in pieces])
        return Rule(scores, threshold(own, label))


def halves(rows: Rows) -> tuple[Rows, Rows]:
    return rows.take(slice(None, len(rows) // 2)), rows.take(slice(len(rows) // 2, None))


def bins(features: NDArray[np.float32]) -> Float64:
    """The five other features, then averages over bins of lags."""
    sums = np.add.reduceat(features[:, NEWEST:], EDGES[:-1] - 1, axis=1, dtype=np.float64)
    return np.concatenate((features[:, :NEWEST], sums / np.diff(EDGES)), axis=1)


def over_features(weights: Float64) -> Float64:
    """Weights of all 605 features that give the same scores as those of the bins."""
    widths = np.diff(EDGES)
    return np.concatenate((weights[:NEWEST], np.repeat(weights[NEWEST:] / widths, widths)))


def best_ridge(inputs: Float64, label: Labels, pieces: Sequence[Rows]) -> float:
    """The strength with the smallest log loss on pieces held out; the strongest where nothing can be held out."""
    piece_of = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    placed_ns, resolved_ns = (
        np.concatenate([getattr(p, name) for p in pieces]) for name in ("placed_ns", "resolved_ns")
    )
    losses = np.zeros(len(RIDGES))
    for number, piece in enumerate(pieces):
        apart = (resolved_ns < piece.placed_ns.min()) | (placed_ns > piece.resolved_ns.max())
        if 0 < label[apart].sum() < apart.sum():
            held_out = piece_of == number
            losses += losses_of(inputs[apart], label[apart], inputs[held_out], label[held_out])
    return RIDGES[len(RIDGES) - 1 - int(np.argmin(losses[::-1]))]


def losses_of(inputs: Float64, label: Labels, later: Float64, later_label: Labels) -> Float64:
    """Sum of log losses on later rows, for each strength; strong ones first, each a start for the next."""
    losses, fit = np.zeros(len(RIDGES)), None
    for at in range(len(RIDGES))[::-1]:
        fit = fitted(inputs, label, RIDGES[at], fit)
        signed = np.where(later_label == 1, 1.0, -1.0) * (later @ fit[:-1] + fit[-1])
        losses[at] = np.logaddexp(0, -signed).sum()
    return losses


def fitted(inputs: Float64, label: Labels, ridge: float, start: Float64 | None = None) -> Float64:
    """Weights and, last, the offset that minimise mean log loss + ridge / 2 · |weights|², by Newton's method."""
    ones = np.concatenate((inputs, np.ones((len(inputs), 1))), axis=1)
    penalty = np.full(ones.shape[1], ridge)
    penalty[-1] = 0.0
    fit = np.zeros(ones.shape[1]) if start is None else start
    for _ in range(NEWTON_STEPS_MAX):
        chance = 1 / (1 + np.exp(-np.clip(ones @ fit, -30, 30)))
        slope = ones.T @ (chance - label) / len(label) + penalty * fit
        weighed = ones * (chance * (1 - chance) / len(label) + 1e-12)[:, np.newaxis]
        step = np.linalg.solve(ones.T @ weighed + np.diag(penalty), slope)
        fit = fit - step
        if np.abs(step).max() < CONVERGED:
            break
    return fit


def threshold(scores: Scores, label: Labels) -> float:
    """The score from which on flagging is most precise, at the recall floor or more and at most half of the rows
    flagged; of equals the one that flags fewest. Where half of the rows is too few for the floor: that half."""
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(label[order])
    count = np.arange(1, len(order) + 1)
    cut = np.append(falling[1:] < falling[:-1], True) & (count <= FLAGGED_MAX * len(order))
    allowed = cut & (hits >= RECALL_MIN * hits[-1])
    if not allowed.any():
        return float(falling[np.flatnonzero(cut)[-1]]) if cut.any() else float("inf")
    return float(falling[np.argmax(np.where(allowed, hits / count, -1.0))])
