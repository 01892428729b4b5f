"""From scores to decisions: the score from which on rows are flagged.

A row is flagged when its score >= the threshold. Thresholds are fitted on scores that each row got from a model that
had not seen it (see `crossfit`). Which rows fit a threshold, and which judge it: a setting is judged by `cross_fit`, in
which the rows of one fold are flagged by the threshold of all others, so that no row judges a threshold it helped to
fit; the threshold a model goes out with is fitted on all of them.

A threshold that just keeps the recall floor on the rows it was fitted on misses it on every second set of other rows.
So it keeps more, by the first of `MARGINS` that keeps the floor on rows held out.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Index, Labels
from services.trainer.search.criteria import Counts, Criterion
from tidewheel.domain.models import Float64

# Whoever flags more picks nothing out.
FLAGGED_MAX = 0.5
MARGINS = (1.0, 1.25, 1.5, 2.0, 3.0)
Flags = NDArray[np.bool_]


def with_margin(criterion: Criterion, margin: float) -> Criterion:
    """The criterion that thresholds are fitted by, with what it keeps so many times as high."""
    fitting = criterion.for_thresholds
    return replace(
        fitting,
        recall_min=min(1.0, margin * fitting.recall_min),
        precision_min=min(1.0, margin * fitting.precision_min),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Scores of several models, shape (models, rows), sorted once each: all thresholds are found on it.

    `cuts`: where a threshold may lie behind a row, since equal scores cannot be told apart.
    """

    falling: Float64
    order: NDArray[np.intp]
    cuts: Flags
    label: Labels

    @classmethod
    def of(cls, scores: Float64, labels: Labels) -> "Ranking":
        order = np.argsort(-scores, axis=1)
        falling = np.take_along_axis(scores, order, axis=1)
        cuts = np.ones(scores.shape, dtype=bool)
        cuts[:, :-1] = falling[:, 1:] < falling[:, :-1]
        return cls(falling, order, cuts, labels[order])

    def take(self, which: Index) -> "Ranking":
        return Ranking(self.falling[which], self.order[which], self.cuts[which], self.label[which])

    def best(self, fitting: Criterion, known: Flags | None = None) -> NDArray[np.intp]:
        """Place of the last row flagged, for each model: the best merit over the `known` rows (in this order; default
        all), of equals the one that flags most; -1 where nothing meets the criterion."""
        known = np.ones(self.order.shape, dtype=bool) if known is None else known
        hit = self.label * known
        counts = Counts(
            np.cumsum(known, axis=1, dtype=np.int32),
            np.cumsum(hit, axis=1, dtype=np.int32),
            hit.sum(axis=1, keepdims=True, dtype=np.int32),
            known.sum(axis=1, keepdims=True, dtype=np.int32),
        )
        merit = np.where(self.cuts & fitting.met(counts) & (counts.flagged > 0), fitting.merit(counts), -1.0)
        last = merit.shape[1] - 1 - np.argmax(merit[:, ::-1], axis=1)
        return np.where(merit[np.arange(len(merit)), last] < 0, -1, last)

    def threshold(self, fitting: Criterion) -> Float64:
        """Of each model: midway between the last score flagged and the next; infinity where nothing meets the
        criterion."""
        last, rows = self.best(fitting), self.falling.shape[1]
        model = np.arange(len(last))
        flagged, following = self.falling[model, last], self.falling[model, np.minimum(last + 1, rows - 1)]
        return np.where(last < 0, np.inf, _between(flagged, following))

    def cross_fit(self, fold_of: NDArray[np.intp], fitting: Criterion) -> Flags:
        """Shape (models, rows): each fold's rows flagged by what is best on the rows of all other folds."""
        fold, place = fold_of[self.order], np.arange(self.order.shape[1])
        flagged = np.zeros(self.order.shape, dtype=bool)
        for one in np.unique(fold_of):
            held_out = fold == one
            flagged |= held_out & (place <= self.best(fitting, ~held_out)[:, np.newaxis])
        result = np.empty_like(flagged)
        np.put_along_axis(result, self.order, flagged, axis=1)
        return result


def fit_threshold(scores: Float64, labels: Labels, weights: Float64, criterion: Criterion) -> float:
    """The threshold a model goes out with: the best merit over rows that weigh so much, of those that flag at most
    `FLAGGED_MAX` of them; of equals the one that flags least. Where so few cannot meet the criterion: so many."""
    order = np.argsort(-scores, kind="stable")
    falling, weight, fitting = scores[order], weights[order], criterion.for_thresholds
    flagged, hits = np.cumsum(weight), np.cumsum(weight * labels[order])
    cuts = np.append(falling[1:] < falling[:-1], True)
    few = cuts & (flagged <= FLAGGED_MAX * flagged[-1])
    counts = Counts(flagged, hits, hits[-1], flagged[-1])
    met = few & fitting.met(counts)
    if met.any():
        last = int(np.argmax(np.where(met, fitting.merit(counts), -np.inf)))
    else:
        last = int(np.flatnonzero(few)[-1]) if few.any() else int(np.flatnonzero(cuts)[0])
    return float(_between(falling[last], falling[min(last + 1, len(falling) - 1)]))


def _between(flagged: Float64, following: Float64) -> Float64:
    """Midway between the last score flagged and the next, so that the last bits of a score decide nothing."""
    middle = (flagged + following) / 2
    return np.where(middle > following, middle, flagged)
