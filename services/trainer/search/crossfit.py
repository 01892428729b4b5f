"""Scores of rows by models that had not seen them: a part is cut into folds in time, each scored by the others' model.

Models of different folds have different intercepts and scales, so their logits do not compare. Their *z-scores* do: a
logit minus the mean over the model's own training rows, in standard deviations of them. A threshold found in z-scores
is carried over to the model that goes out, which saw all rows, by that model's own mean and deviation. On markets with
a planted edge that transfers to the next window best of what was tried (ADR 23).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Float32, Index
from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import average_uniqueness
from services.trainer.learning import learner
from services.trainer.search.config import TrainingConfig
from tidewheel.domain.models import Float64, Hyperparameters

# A model tells rows apart where its logits spread more than this: less is what rounding leaves of none.
DEVIATION_MIN = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Training rows made ready, the rows held out standardised alike, and their indices in the part."""

    matrix: learner.TrainingMatrix
    held_out: Float32
    indices: Index


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """A part's folds. `fold_of`: the fold of each row that is in one, in the order of `indices`, those rows."""

    folds: Sequence[Fold]
    indices: Index
    fold_of: NDArray[np.intp]

    @classmethod
    def of(cls, part: Sample, cut: Sequence[tuple[Index, Index]], config: TrainingConfig, seed: int) -> "Folds":
        """From pairs of training and held-out indices into the part; the latter in rising order, fold after fold."""
        folds = [
            Fold(matrix, matrix.scaler.transform(part.features[held_out]), held_out)
            for training, held_out in cut
            for matrix in [weighted_training_matrix(part.take(training), config, seed)]
        ]
        sizes = [len(fold.indices) for fold in folds]
        return cls(folds, np.concatenate([fold.indices for fold in folds]), np.repeat(np.arange(len(folds)), sizes))


@dataclass(frozen=True, slots=True, eq=False)
class LogitScale:
    """Mean and standard deviation of models' logits over their training rows, shape (models,)."""

    mean: Float64
    deviation: Float64

    @classmethod
    def of(cls, logits: Float64) -> "LogitScale":
        """Of logits of shape (rows, models)."""
        return cls(logits.mean(axis=0), logits.std(axis=0))

    @property
    def nonconstant(self) -> NDArray[np.bool_]:
        """Which models tell rows apart at all."""
        return np.asarray(self.deviation > DEVIATION_MIN)

    def z_scores(self, logits: Float64) -> Float64:
        """Logits as z-scores, shape (models, rows); 0 where a model tells nothing apart."""
        safe = np.where(self.nonconstant, self.deviation, np.inf)
        return np.ascontiguousarray(((logits - self.mean) / safe).T)


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFoldScores:
    """Z-scores of rows by models that had not seen them, shape (models, rows), and which models tell rows apart in
    every fold."""

    z_scores: Float64
    nonconstant: NDArray[np.bool_]

    def take(self, which: Index) -> "OutOfFoldScores":
        return OutOfFoldScores(self.z_scores[which], self.nonconstant[which])


def weighted_training_matrix(rows: Sample, config: TrainingConfig, seed: int) -> learner.TrainingMatrix:
    """Rows made ready to train on, weighted by their windows' worth, and their uniqueness where so configured."""
    weights = rows.weight
    if config.uniqueness_weights:
        weights = weights * average_uniqueness(rows.placed_ns, rows.resolved_ns)
    return learner.make_training_matrix(rows.features, rows.label, seed, weights)


def out_of_fold(
    folds: Folds, settings: Sequence[Hyperparameters], config: TrainingConfig, seed: int, stages: Sequence[int]
) -> list[OutOfFoldScores]:
    """Each setting trained once a fold; the rows' scores after each of these epochs."""
    result = [_empty(len(settings), len(folds.indices)) for _ in stages]
    start = 0
    for fold in folds.folds:
        end = start + len(fold.indices)
        fits = learner.train_stages(
            fold.matrix, settings, seed, config.epochs, config.update, config.loss, tuple(stages)
        )
        for stage, fit in zip(result, fits, strict=True):
            # Rows are shuffled, so a third of them is a fair sample of all.
            scale = LogitScale.of(fit.logits(fold.matrix.features[: len(fold.matrix.features) // 3 + 1]))
            stage.z_scores[:, start:end] = scale.z_scores(fit.logits(fold.held_out))
            np.logical_and(stage.nonconstant, scale.nonconstant & fit.finite, out=stage.nonconstant)
        start = end
    return result


def _empty(models: int, rows: int) -> OutOfFoldScores:
    return OutOfFoldScores(np.empty((models, rows)), np.ones(models, dtype=bool))
