"""The trainer's model of a window, and how its scores lie to a known function."""

import numpy as np
from numpy.typing import NDArray

from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.reasons import NoModel
from services.trainer.run import Candidate, make
from tidewheel.domain.models import Model, Scorer


def candidate_of(window: Window, config: TrainingConfig) -> Candidate | None:
    """The trainer's model of a window; None where it makes none."""
    try:
        return make(window, config, lambda _: None)
    except NoModel:
        return None


def likeness(model: Model, features: NDArray[np.float32], known: NDArray[np.float64]) -> float | None:
    """Correlation of a model's scores with a function on the same rows; None where the scores are all one."""
    scores = Scorer.of(model).scores(features)
    return float(np.corrcoef(scores, known)[0, 1]) if np.ptp(scores) > 0 else None
