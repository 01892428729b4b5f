"""From scores to decisions: the threshold with the highest precision among those with enough recall.

A row is flagged when its score >= the threshold. Which rows fit a threshold, and which judge it:

- Selecting a setting: the validation part is cut in two halves in time, with a purge. The threshold fitted on one half
  is judged on the other, both ways round, and the counts are pooled. So no row judges a threshold it helped to fit, and
  every row of the validation part is used.
- The chosen setting's final threshold is fitted on the whole validation part.
- Gate and stated figures use the test part, which fitted nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.rows import Index, Labels
from tidewheel.domain.models import Float64


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Thresholds of several models with what they reach on the rows they were fitted on; one value a model."""

    threshold: Float64
    precision: Float64
    recall: Float64


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What thresholds reach on rows they were not fitted on; one value a model. `share`: of the rows, flagged."""

    precision: Float64
    recall: Float64
    share: Float64


def fit(scores: Float64, labels: Labels, recall_min: float) -> Fitted:
    """Highest precision with recall >= `recall_min` for each column of `scores`, shape (rows, models); one sort each.

    Ties go to the higher recall. A threshold lies midway between the last score it flags and the next one, so that the
    last bits of a score decide nothing. Where no row is positive nothing can be flagged: infinity, 0, 0.
    """
    rows, models = scores.shape
    positives = int(labels.sum())
    if positives == 0:
        return Fitted(np.full(models, np.inf), np.zeros(models), np.zeros(models))
    order = np.argsort(-scores, axis=0, kind="stable")
    falling = np.take_along_axis(scores, order, axis=0)
    hits = np.cumsum(labels[order], axis=0, dtype=np.float64)
    precision = hits / np.arange(1, rows + 1)[:, np.newaxis]
    cuts = np.ones(scores.shape, dtype=bool)
    cuts[:-1] = falling[1:] < falling[:-1]  # equal scores cannot be told apart
    allowed = np.where(cuts & (hits >= recall_min * positives), precision, -1.0)
    best = rows - 1 - np.argmax(allowed[::-1], axis=0)  # the last of equals flags most
    column = np.arange(models)
    last, following = falling[best, column], falling[np.minimum(best + 1, rows - 1), column]
    between = (last + following) / 2
    threshold = np.where(between > following, between, last)
    return Fitted(threshold, precision[best, column], hits[best, column] / positives)


def cross_fit(scores: Float64, labels: Labels, halves: tuple[Index, Index], recall_min: float) -> HeldOut:
    """Fit on one half, judge on the other, both ways round, and pool the counts."""
    counts = np.zeros((3, scores.shape[1]))
    for fitting, judging in (halves, halves[::-1]):
        threshold = fit(scores[fitting], labels[fitting], recall_min).threshold
        counts += _count(scores[judging] >= threshold, labels[judging])
    flagged, hits, positives = counts
    rows = len(halves[0]) + len(halves[1])
    return HeldOut(hits / np.maximum(flagged, 1), hits / np.maximum(positives, 1), flagged / rows)


def _count(flags: NDArray[np.bool_], labels: Labels) -> Float64:
    """Rows flagged, rows flagged that are positive, rows positive; each for every model."""
    hits = flags[labels == 1].sum(axis=0)
    return np.stack([flags.sum(axis=0), hits, np.full(flags.shape[1], labels.sum())]).astype(np.float64)
