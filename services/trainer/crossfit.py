"""Scores of rows by models that had not seen them: a part is cut into folds in time, each scored by the others' model.

Models of different folds have different intercepts and spreads, so their logits do not compare. In *units* they do: a
logit minus the mean over the model's own training rows, in standard deviations of them. A threshold found in units is
carried over to the model that goes out, which saw all rows, by that model's own mean and spread. On markets with a
planted edge that transfers to the next window best of what was tried (ADR 23).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.trainer import learner
from services.trainer.config import TrainingConfig
from services.trainer.rows import Float32, Index
from services.trainer.sample import Sample
from services.trainer.split import uniqueness
from tidewheel.domain.models import Float64, Hyperparameters

# A model tells rows apart where its logits spread more than this: less is what rounding leaves of none.
SPREAD_MIN = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Training rows made ready, the rows held out standardised alike, and their places in the part."""

    prepared: learner.Prepared
    held_out: Float32
    places: Index


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """A part's folds. `fold_of`: the fold of each row that is in one, in the order of `places`, those rows."""

    folds: Sequence[Fold]
    places: Index
    fold_of: NDArray[np.intp]

    @classmethod
    def of(cls, part: Sample, cut: Sequence[tuple[Index, Index]], config: TrainingConfig, seed: int) -> "Folds":
        """From pairs of training and held-out indices into the part; the latter in rising order, fold after fold."""
        folds = [
            Fold(prepared, prepared.scaling.apply(part.features[held_out]), held_out)
            for training, held_out in cut
            for prepared in [prepare(part.take(training), config, seed)]
        ]
        sizes = [len(fold.places) for fold in folds]
        return cls(folds, np.concatenate([fold.places for fold in folds]), np.repeat(np.arange(len(folds)), sizes))


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Mean and standard deviation of models' logits over their training rows, shape (models,)."""

    mean: Float64
    deviation: Float64

    @classmethod
    def of(cls, logits: Float64) -> "Spread":
        """Of logits of shape (rows, models)."""
        return cls(logits.mean(axis=0), logits.std(axis=0))

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which models tell rows apart at all."""
        return np.asarray(self.deviation > SPREAD_MIN)

    def units(self, logits: Float64) -> Float64:
        """Logits in units, shape (models, rows); 0 where a model tells nothing apart."""
        safe = np.where(self.alive, self.deviation, np.inf)
        return np.ascontiguousarray(((logits - self.mean) / safe).T)


@dataclass(frozen=True, slots=True, eq=False)
class OutOfFold:
    """Units of rows by models that had not seen them, shape (models, rows), and which are alive in every fold."""

    units: Float64
    alive: NDArray[np.bool_]

    def take(self, which: Index) -> "OutOfFold":
        return OutOfFold(self.units[which], self.alive[which])


def prepare(rows: Sample, config: TrainingConfig, seed: int) -> learner.Prepared:
    """Rows made ready to train on, weighted by their windows' worth, and their uniqueness where so configured."""
    weights = rows.weight
    if config.uniqueness_weights:
        weights = weights * uniqueness(rows.placed_ns, rows.resolved_ns)
    return learner.prepare(rows.features, rows.label, seed, weights)


def out_of_fold(
    folds: Folds, settings: Sequence[Hyperparameters], config: TrainingConfig, seed: int, stages: Sequence[int]
) -> list[OutOfFold]:
    """Each setting trained once a fold; the rows' scores after each of these epochs."""
    result = [_empty(len(settings), len(folds.places)) for _ in stages]
    start = 0
    for fold in folds.folds:
        end = start + len(fold.places)
        fits = learner.train_stages(
            fold.prepared, settings, seed, config.epochs, config.update, config.loss, tuple(stages)
        )
        for stage, fit in zip(result, fits, strict=True):
            # Rows are shuffled, so a third of them is a fair sample of all.
            spread = Spread.of(fit.logits(fold.prepared.features[: len(fold.prepared.features) // 3 + 1]))
            stage.units[:, start:end] = spread.units(fit.logits(fold.held_out))
            np.logical_and(stage.alive, spread.alive & fit.finite, out=stage.alive)
        start = end
    return result


def _empty(models: int, rows: int) -> OutOfFold:
    return OutOfFold(np.empty((models, rows)), np.ones(models, dtype=bool))
