"""Classification metrics of a model on a set of rows."""

import numpy as np
from numpy.typing import ArrayLike

from services.trainer.dataset.rows import Labels
from tidewheel.domain.models import CalibrationBin, Confusion, CurvePoint, Float64, PartMetrics

PROBABILITY_MIN = 1e-15
CALIBRATION_BINS = 10
CURVE_POINTS_MAX = 65


def part_metrics(scores: Float64, labels: Labels, threshold: float, effective_rows: float) -> PartMetrics:
    """All metrics of a part; precision and recall are at `threshold`."""
    at_threshold = confusion(scores, labels, threshold)
    positives = int(labels.sum())
    return PartMetrics(
        rows=len(labels),
        positives=positives,
        precision=precision_of(at_threshold),
        recall=recall_of(at_threshold),
        log_loss=log_loss(scores, labels),
        auc=auc(scores, labels),
        base_rate=positives / len(labels) if len(labels) else 0.0,
        effective_rows=effective_rows,
        at_half=confusion(scores, labels, 0.5),
        at_threshold=at_threshold,
        at_three_quarters=confusion(scores, labels, 0.75),
        curve=curve(scores, labels),
        calibration=calibration(scores, labels),
    )


def curve(scores: Float64, labels: Labels) -> tuple[CurvePoint, ...]:
    """Precision and recall by falling threshold, so by rising recall, at points spread evenly over the rows; empty
    where no row is positive. Equal scores are one point."""
    positives = int(labels.sum())
    if positives == 0:
        return ()
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], np.cumsum(labels[order], dtype=np.int64)
    cuts = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    picked = cuts[np.unique(np.linspace(0, len(cuts) - 1, CURVE_POINTS_MAX).round().astype(np.intp))]
    return tuple(
        CurvePoint(float(falling[at]), float(hits[at] / (at + 1)), float(hits[at] / positives)) for at in picked
    )


def calibration(scores: Float64, labels: Labels) -> tuple[CalibrationBin, ...]:
    """How many rows, and positive ones, have their score in each tenth of 0..1, and the sum of those scores."""
    which = np.minimum((scores * CALIBRATION_BINS).astype(np.intp), CALIBRATION_BINS - 1)
    counts, positives, sums = (
        np.bincount(which, weights, CALIBRATION_BINS) for weights in (None, labels.astype(np.float64), scores)
    )
    return tuple(
        CalibrationBin(int(counts[one]), int(positives[one]), float(sums[one])) for one in range(CALIBRATION_BINS)
    )


def confusion(scores: Float64, labels: Labels, threshold: float) -> Confusion:
    """Counts where a row is flagged when its score >= threshold."""
    flags, positive = scores >= threshold, labels == 1
    hits, flagged, positives = int((flags & positive).sum()), int(flags.sum()), int(positive.sum())
    return Confusion(threshold, hits, flagged - hits, positives - hits, len(labels) - flagged - positives + hits)


def precision_of(counts: Confusion) -> float:
    """Share of flagged rows that are positive; 0 where nothing is flagged."""
    return float(ratio(counts.true_positives, counts.true_positives + counts.false_positives))


def recall_of(counts: Confusion) -> float:
    """Share of positive rows that are flagged; 0 where nothing is positive."""
    return float(ratio(counts.true_positives, counts.true_positives + counts.false_negatives))


def log_loss(scores: Float64, labels: Labels) -> float:
    """Mean negative log likelihood, scores kept off 0 and 1 by 1e-15; 0 where there are no rows."""
    return float(log_losses(scores, labels).mean()) if len(labels) else 0.0


def log_losses(scores: Float64, labels: Labels) -> Float64:
    """Negative log likelihood of each row, scores kept off 0 and 1 by 1e-15."""
    sure = np.clip(np.where(labels == 1, scores, 1.0 - scores), PROBABILITY_MIN, 1.0)
    return np.asarray(-np.log(sure))


def auc(scores: Float64, labels: Labels) -> float:
    """Chance that a positive row scores above a negative one, ties counted half; 0.5 where one class is missing."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        return 0.5
    rising = np.sort(scores[labels == 0])
    own = scores[labels == 1]
    below = np.searchsorted(rising, own, side="left") + np.searchsorted(rising, own, side="right")
    return float(below.sum() / (2.0 * positives * negatives))


def ratio(part: ArrayLike, whole: ArrayLike) -> Float64:
    """Part by whole, each of any shape; 0 where there is nothing to divide by."""
    result: Float64 = np.asarray(part, dtype=np.float64) / np.maximum(whole, np.finfo(np.float64).tiny)
    return np.where(np.asarray(whole) > 0, result, 0.0)
