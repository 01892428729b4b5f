"""The chosen setting trained on all rows of a part, with its threshold and its curve."""

from dataclasses import dataclass

import numpy as np

from services.trainer.dataset.rows import Labels
from services.trainer.dataset.sample import Sample
from services.trainer.learning import learner
from services.trainer.learning.platt import fit_platt_curve
from services.trainer.modelling.training_data import FoldIndices
from services.trainer.search import threshold
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import Folds, LogitScale, out_of_fold, weighted_training_matrix
from tidewheel.domain.models import Float64, Hyperparameters, sigmoid


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A model's numbers, of features as the learner sees them. `held_out` and `labels`: rows scored out of fold, as
    this model would score them; none where nothing can be held out."""

    weights: Float64
    bias: float
    scaler: learner.StandardScaler
    threshold: float
    held_out: Float64
    labels: Labels

    def scores(self, part: Sample) -> Float64:
        """Scores of rows in 0..1, shape (rows,)."""
        scaled = (part.features.astype(np.float64) - self.scaler.mean) / self.scaler.std
        return sigmoid(scaled @ self.weights + self.bias)


def refit(
    part: Sample, cut: FoldIndices, setting: Hyperparameters, config: TrainingConfig, seed: int
) -> FittedModel | None:
    """Train on `part`; None where the model tells no row from another. `cut`: folds in which its rows are scored out of
    fold, for the curve; without any the curve is that of its own scores."""
    rows = weighted_training_matrix(part, config, seed)
    (models,) = learner.train_stages(rows, [setting], seed, config.epochs, config.update, config.loss, [setting.epochs])
    own = models.logits(rows.scaler.transform(part.features))
    scale = LogitScale.of(own)
    if not (models.finite & scale.nonconstant).all():
        return None
    z_scores, held_out, labels = scale.z_scores(own)[0], np.empty(0), part.label[:0]
    if cut:
        folds = Folds.of(part, cut, config, seed)
        (seen,) = out_of_fold(folds, [setting], config, seed, [setting.epochs])
        held_out, labels = seen.z_scores[0], part.label[folds.indices]
    curve = fit_platt_curve(held_out, labels) if cut else fit_platt_curve(z_scores, part.label)
    threshold_z = threshold.fit_threshold(z_scores, part.label, part.weight, config.criterion)
    steepness = curve.slope / float(scale.deviation[0])
    return FittedModel(
        weights=models.weights[:, 0].astype(np.float64) * steepness,
        bias=curve.offset + (float(models.bias[0]) - float(scale.mean[0])) * steepness,
        scaler=rows.scaler,
        threshold=float(curve.scores(np.array([threshold_z]))[0]),
        held_out=curve.scores(held_out),
        labels=labels,
    )
