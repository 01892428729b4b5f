"""Thresholds found one cut after the other, in fractions: what the fast ones are held against."""

from fractions import Fraction

import numpy as np

from services.trainer.criteria import Criterion, Goal


def merit(criterion: Criterion, hits: int, flagged: int, positives: int, rows: int) -> Fraction:
    """Of a goal that knows thresholds."""
    goal, square = criterion.goal, Fraction(criterion.beta) ** 2
    if goal is Goal.PRECISION_AT_TARGET_RECALL:
        return Fraction(hits, flagged)
    if goal is Goal.RECALL_AT_TARGET_PRECISION:
        return Fraction(hits, positives) if positives else Fraction(0)
    if goal is Goal.ACCURACY:
        return Fraction(hits + (rows - positives) - (flagged - hits), rows)
    return (1 + square) * hits / (square * positives + flagged)


def met(criterion: Criterion, hits: int, flagged: int, positives: int) -> bool:
    if criterion.goal is Goal.PRECISION_AT_TARGET_RECALL:
        return positives > 0 and hits >= Fraction(criterion.recall_min) * positives
    if criterion.goal is Goal.RECALL_AT_TARGET_PRECISION:
        return hits >= Fraction(criterion.precision_min) * flagged
    return positives > 0


def best_cut(scores: np.ndarray, labels: np.ndarray, known: np.ndarray, criterion: Criterion) -> float:
    """The score with the best merit over the known rows where it and all above are flagged; the lowest such score."""
    best, found = Fraction(-1), np.inf
    for cut in np.unique(scores):
        flags = (scores >= cut) & known
        counts = int((flags & (labels == 1)).sum()), int(flags.sum()), int((known & (labels == 1)).sum())
        if counts[1] and met(criterion, *counts):
            reached = merit(criterion, *counts, int(known.sum()))
            if reached > best:
                best, found = reached, float(cut)
    return found


def cross_flags(scores: np.ndarray, labels: np.ndarray, fold_of: np.ndarray, criterion: Criterion) -> np.ndarray:
    """Each fold's rows flagged from the best cut over the rows of the others on."""
    flags = np.zeros(len(scores), dtype=bool)
    for fold in set(fold_of.tolist()):
        held_out = fold_of == fold
        flags |= held_out & (scores >= best_cut(scores, labels, ~held_out, criterion))
    return flags
