"""Figures of a model on a set of rows."""

import numpy as np

from services.trainer.rows import Labels
from tidewheel.domain.models import Confusion, Float64, PartMetrics

PROBABILITY_MIN = 1e-15


def part_metrics(scores: Float64, labels: Labels, threshold: float, effective_rows: float) -> PartMetrics:
    """All figures of a part; precision and recall are at `threshold`."""
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
    )


def confusion(scores: Float64, labels: Labels, threshold: float) -> Confusion:
    """Counts where a row is flagged when its score >= threshold."""
    flags, positive = scores >= threshold, labels == 1
    hits, flagged, positives = int((flags & positive).sum()), int(flags.sum()), int(positive.sum())
    return Confusion(threshold, hits, flagged - hits, positives - hits, len(labels) - flagged - positives + hits)


def precision_of(counts: Confusion) -> float:
    """Share of flagged rows that are positive; 0 where nothing is flagged."""
    return _ratio(counts.true_positives, counts.true_positives + counts.false_positives)


def recall_of(counts: Confusion) -> float:
    """Share of positive rows that are flagged; 0 where nothing is positive."""
    return _ratio(counts.true_positives, counts.true_positives + counts.false_negatives)


def log_loss(scores: Float64, labels: Labels) -> float:
    """Mean negative log likelihood, scores kept off 0 and 1 by 1e-15; 0 where there are no rows."""
    if not len(labels):
        return 0.0
    sure = np.clip(np.where(labels == 1, scores, 1.0 - scores), PROBABILITY_MIN, 1.0)
    return float(-np.log(sure).mean())


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


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
