"""The chosen setting trained on all rows of a part, with the threshold and the curve that rows held out gave it."""

from dataclasses import dataclass

import numpy as np

from services.trainer import learner
from services.trainer.config import TrainingConfig
from services.trainer.crossfit import Folds, Spread, out_of_fold, prepare
from services.trainer.judging import Tried
from services.trainer.parts import Folding
from services.trainer.platt import curve_of
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Labels, Rows
from services.trainer.threshold import Ranking, aimed
from tidewheel.domain.models import Float64


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A model's numbers. `held_out` and `labels`: rows scored out of fold, as this model would score them."""

    weights: Float64
    bias: float
    scaling: learner.Scaling
    threshold: float
    held_out: Float64
    labels: Labels


def finish(part: Rows, units: Float64, labels: Labels, tried: Tried, config: TrainingConfig, seed: int) -> Finished:
    """Train on `part`. `units`: rows of it scored out of fold, with their `labels`. Raises NoModel where the model
    tells no row from another."""
    setting = tried.hyperparameters
    rows = prepare(part, config, seed)
    (fits,) = learner.train_stages(rows, [setting], seed, config.epochs, config.update, config.loss, [setting.epochs])
    spread = Spread.of(fits.logits(rows.features))
    if not (fits.finite & spread.alive).all():
        raise NoModel(RunReason.NO_FEASIBLE_TRIAL, "trained on all rows, the chosen setting tells none from another")
    curve = curve_of(units, labels)
    aim = float(Ranking.of(units[np.newaxis], labels).threshold(aimed(config.criterion, tried.aim))[0])
    steepness = curve.slope / float(spread.deviation[0])
    return Finished(
        weights=fits.weights[:, 0].astype(np.float64) * steepness,
        bias=curve.offset + (float(fits.bias[0]) - float(spread.mean[0])) * steepness,
        scaling=rows.scaling,
        threshold=float(curve.scores(np.array([aim]))[0]),
        held_out=curve.scores(units),
        labels=labels,
    )


def finish_on_all(part: Rows, cut: Folding, tried: Tried, config: TrainingConfig, seed: int) -> Finished:
    """As `finish`, with the part's rows scored out of fold anew, in these folds of it."""
    folds = Folds.of(part, cut, config, seed)
    (seen,) = out_of_fold(folds, [tried.hyperparameters], config, seed, [tried.hyperparameters.epochs])
    return finish(part, seen.units[0], part.label[folds.places], tried, config, seed)
