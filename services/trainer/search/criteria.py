"""What a model is tuned for. Counts in, a merit to compare by and a condition to meet out; larger merit is better.

The default, and what Tidewheel is for, is precision at a recall of at least a floor: what is flagged should be right.
The others are those of linear learners elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.trainer.learning.classification_metrics import ratio
from tidewheel.domain.models import Float64

Numbers = NDArray[Any]  # of any kind


class Goal(StrEnum):
    """What counts."""

    PRECISION_AT_TARGET_RECALL = "precision_at_target_recall"
    RECALL_AT_TARGET_PRECISION = "recall_at_target_precision"
    ACCURACY = "accuracy"
    F_BETA = "f_beta"
    CROSS_ENTROPY_LOSS = "cross_entropy_loss"  # chooses the setting; its threshold is that of precision at recall


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Counts of rows, any shapes that broadcast. `loss`: the sum of the rows' losses, where it is asked for."""

    flagged: Numbers
    hits: Numbers
    positives: Numbers
    rows: Numbers
    loss: Numbers | None = None

    def map(self, change: Callable[[Numbers], Numbers]) -> "Counts":
        """Each of them changed alike."""
        loss = None if self.loss is None else change(self.loss)
        return Counts(change(self.flagged), change(self.hits), change(self.positives), change(self.rows), loss)

    @property
    def precision(self) -> Float64:
        return ratio(self.hits, self.flagged)

    @property
    def recall(self) -> Float64:
        return ratio(self.hits, self.positives)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A goal with its numbers: the recall or the precision to keep, and how much recall weighs in F."""

    goal: Goal = Goal.PRECISION_AT_TARGET_RECALL
    recall_min: float = 0.25
    precision_min: float = 0.6
    beta: float = 1.0

    @property
    def for_thresholds(self) -> "Criterion":
        """The criterion that a threshold is fitted by: a loss knows none."""
        if self.goal is not Goal.CROSS_ENTROPY_LOSS:
            return self
        return Criterion(Goal.PRECISION_AT_TARGET_RECALL, self.recall_min)

    def merit(self, counts: Counts) -> Float64:
        """How good the counts are."""
        if self.goal is Goal.PRECISION_AT_TARGET_RECALL:
            return counts.precision
        if self.goal is Goal.RECALL_AT_TARGET_PRECISION:
            return counts.recall
        if self.goal is Goal.ACCURACY:
            return ratio(counts.rows - counts.positives - counts.flagged + 2 * counts.hits, counts.rows)
        if self.goal is Goal.F_BETA:
            square = self.beta**2
            return ratio((1 + square) * counts.hits, square * counts.positives + counts.flagged)
        assert counts.loss is not None, "a loss is wanted and was not summed"
        return -ratio(counts.loss, counts.rows)

    def met(self, counts: Counts) -> NDArray[np.bool_]:
        """Whether what the goal asks to keep is kept."""
        if self.goal is Goal.PRECISION_AT_TARGET_RECALL:
            return np.asarray((counts.positives > 0) & (counts.hits >= self.recall_min * counts.positives))
        if self.goal is Goal.RECALL_AT_TARGET_PRECISION:
            return np.asarray((counts.flagged > 0) & (counts.hits >= self.precision_min * counts.flagged))
        return np.broadcast_to(np.asarray(counts.positives > 0), np.shape(counts.hits))
