"""The chosen setting trained on all rows of a part, with its threshold and its curve."""

from dataclasses import dataclass

import numpy as np

from services.trainer import learner, threshold
from services.trainer.config import TrainingConfig
from services.trainer.crossfit import Folds, Spread, out_of_fold, prepare
from services.trainer.parts import Folding
from services.trainer.platt import curve_of
from services.trainer.rows import Labels
from services.trainer.sample import Sample
from tidewheel.domain.models import Float64, Hyperparameters, sigmoid


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A model's numbers, of features as the learner sees them. `held_out` and `labels`: rows scored out of fold, as
    this model would score them; none where nothing can be held out."""

    weights: Float64
    bias: float
    scaling: learner.Scaling
    threshold: float
    held_out: Float64
    labels: Labels

    def scores(self, part: Sample) -> Float64:
        """Scores of rows in 0..1, shape (rows,)."""
        scaled = (part.features.astype(np.float64) - self.scaling.mean) / self.scaling.std
        return sigmoid(scaled @ self.weights + self.bias)


def finish(part: Sample, cut: Folding, setting: Hyperparameters, config: TrainingConfig, seed: int) -> Finished | None:
    """Train on `part`; None where the model tells no row from another. `cut`: folds in which its rows are scored out of
    fold, for the curve; without any the curve is that of its own scores."""
    rows = prepare(part, config, seed)
    (fits,) = learner.train_stages(rows, [setting], seed, config.epochs, config.update, config.loss, [setting.epochs])
    own = fits.logits(rows.scaling.apply(part.features))
    spread = Spread.of(own)
    if not (fits.finite & spread.alive).all():
        return None
    units, held_out, labels = spread.units(own)[0], np.empty(0), part.label[:0]
    if cut:
        folds = Folds.of(part, cut, config, seed)
        (seen,) = out_of_fold(folds, [setting], config, seed, [setting.epochs])
        held_out, labels = seen.units[0], part.label[folds.places]
    curve = curve_of(held_out, labels) if cut else curve_of(units, part.label)
    aim = threshold.of_sample(units, part.label, part.weight, config.criterion)
    steepness = curve.slope / float(spread.deviation[0])
    return Finished(
        weights=fits.weights[:, 0].astype(np.float64) * steepness,
        bias=curve.offset + (float(fits.bias[0]) - float(spread.mean[0])) * steepness,
        scaling=rows.scaling,
        threshold=float(curve.scores(np.array([aim]))[0]),
        held_out=curve.scores(held_out),
        labels=labels,
    )
