"""Training rows made ready for the learner, once a window or fold: standardised, weighted and shuffled."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Float32, Labels
from services.trainer.learning.optimizers import height
from tidewheel.domain.models import Float64

STANDARD_MAX = 1e6  # standardised values of later rows in a column that hardly moved before
PIECE_ROWS = 128  # taken at a time, so that their float64 stay in the cache


@dataclass(frozen=True, slots=True, eq=False)
class StandardScaler:
    """Mean and standard deviation per feature, of training rows only; std is 1 where a column is constant."""

    mean: Float64
    std: Float64

    @classmethod
    def fit(cls, features: Float32) -> "StandardScaler":
        mean = features.mean(axis=0, dtype=np.float64)
        std = np.sqrt(_squares(features, mean) / len(features))
        constant = (features.max(axis=0) == features.min(axis=0)) | ~(std > 0)
        return cls(mean, np.where(constant, 1.0, std))

    def transform(self, features: Float32) -> Float32:
        """Standardised features, within ±`STANDARD_MAX`."""
        result = np.empty(features.shape, dtype=np.float32)
        for where, piece in _centred(features, self.mean):
            piece /= self.std
            result[where] = np.clip(piece, -STANDARD_MAX, STANDARD_MAX, out=piece)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class TrainingMatrix:
    """Training rows, shared by all settings. `wide` holds the features, then a column of ones, which the bias
    multiplies, and zeros up to the height of a weight matrix; `features` becomes a view of it."""

    features: Float32
    label: NDArray[np.float32]
    scaler: StandardScaler
    weight: NDArray[np.float32] | None = None  # of mean 1; None: all rows are worth the same
    wide: Float32 = field(init=False)

    def __post_init__(self) -> None:
        rows, count = self.features.shape
        wide = np.zeros((rows, height(count)), dtype=np.float32)
        wide[:, :count], wide[:, count] = self.features, 1.0
        object.__setattr__(self, "wide", wide)
        object.__setattr__(self, "features", wide[:, :count])


def make_training_matrix(
    features: Float32, labels: Labels, seed: int, weights: Float64 | None = None
) -> TrainingMatrix:
    """Learn the normalisation of these rows, apply it, and shuffle by seed. `weights`: what each row is worth."""
    order = np.random.default_rng(seed).permutation(len(labels))
    scaler = StandardScaler.fit(features)
    weight = None if weights is None else _of_mean_one(weights)[order]
    return TrainingMatrix(scaler.transform(features[order]), labels[order].astype(np.float32), scaler, weight)


def _squares(features: Float32, mean: Float64) -> Float64:
    """Sums of squares about the mean, added row after row: to the bit those behind numpy's own deviation, which takes
    twice as long over all rows at once."""
    total = np.zeros(features.shape[1])
    for _, piece in _centred(features, mean):
        piece *= piece
        piece[0] += total
        np.add.reduce(piece, axis=0, out=total)
    return total


def _centred(features: Float32, mean: Float64) -> Iterator[tuple[slice, Float64]]:
    """Pieces of the rows less the mean, each in the memory of the one before, and where they stand."""
    work = np.empty((PIECE_ROWS, features.shape[1]))
    for start in range(0, len(features), PIECE_ROWS):
        rows = features[start : start + PIECE_ROWS]
        piece = work[: len(rows)]
        piece[...] = rows
        piece -= mean
        yield slice(start, start + len(rows)), piece


def _of_mean_one(weights: Float64) -> Float32:
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError("row weights are finite, not negative, and not all zero")
    scaled: Float32 = (weights / weights.mean(dtype=np.float64)).astype(np.float32)
    return scaled


def balanced_weight(labels: Labels) -> float:
    """The positive weight at which both classes weigh the same; 1 where one is missing."""
    positives = int(np.count_nonzero(labels))
    negatives = len(labels) - positives
    return negatives / positives if positives and negatives else 1.0
