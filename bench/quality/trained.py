"""The trainer's model of a window, and how its scores lie to a known function."""

import numpy as np
from numpy.typing import NDArray

from services.trainer.core import train_candidate
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import Model, Scorer


def candidate_of(window: Window, config: TrainingConfig) -> Candidate | None:
    """The trainer's model of a window; None where it makes none."""
    made = candidate_or_why(window, config)
    return made if isinstance(made, Candidate) else None


def candidate_or_why(window: Window, config: TrainingConfig) -> Candidate | NoModelError:
    """The trainer's model of a window, or why it makes none."""
    try:
        return train_candidate(window, config, lambda _: None)
    except NoModelError as refusal:
        return refusal


def likeness(model: Model, features: NDArray[np.float32], known: NDArray[np.float64]) -> float | None:
    """Correlation of a model's scores with a function on the same rows; None where the scores are all one."""
    return correlation(Scorer.of(model).scores(features), known)


def correlation(scores: NDArray[np.float64], known: NDArray[np.float64]) -> float | None:
    """Correlation of scores with a function on the same rows; None where either is one value throughout."""
    if len(scores) < 2 or np.ptp(scores) == 0 or np.ptp(known) == 0:
        return None
    return float(np.corrcoef(scores, known)[0, 1])
