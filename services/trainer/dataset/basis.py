"""What the learner sees of a row: the 600 past mids as averages over bins that widen with the lag.

Neighbouring seconds tell nearly the same, so a prior that they weigh alike costs nothing and leaves 32 weights to learn
where a window is worth some twenty independent labels. A model's weights are spread back over all features, so whoever
serves it need not know of bins: the scores are the same.
"""

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Float32
from tidewheel.domain.features import FEATURE_NAMES, HISTORY_S
from tidewheel.domain.models import Float64

QUOTED = FEATURE_NAMES.index("mid_1s")  # bid, offer, day's open, high and low stand for themselves
# The first lag of each bin in seconds, and the one after the last: whole seconds, evenly spaced in the logarithm.
EDGES_S: NDArray[np.intp] = np.unique(np.rint(np.geomspace(1, HISTORY_S + 1, 32))).astype(np.intp)
WIDTHS: NDArray[np.intp] = np.diff(EDGES_S)
INPUTS = QUOTED + len(WIDTHS)
# The input that each feature is part of.
INPUT_OF: NDArray[np.intp] = np.concatenate((np.arange(QUOTED), np.repeat(np.arange(QUOTED, INPUTS), WIDTHS)))


def inputs(features: Float32) -> Float32:
    """Features of shape (rows, 605) as inputs of shape (rows, `INPUTS`)."""
    result = np.empty((len(features), INPUTS), dtype=np.float32)
    result[:, :QUOTED] = features[:, :QUOTED]
    sums = np.add.reduceat(features[:, QUOTED:], EDGES_S[:-1] - 1, axis=1, dtype=np.float64)
    np.divide(sums, WIDTHS, out=result[:, QUOTED:], casting="same_kind")
    return result


def weights_of_features(weights: Float64) -> Float64:
    """Weights of shape (605,) that score features as these, of shape (`INPUTS`,), score inputs."""
    return of_features(weights / np.concatenate((np.ones(QUOTED), WIDTHS.astype(np.float64))))


def of_features(values: Float64) -> Float64:
    """What holds for an input, for each feature that is part of it."""
    return values[INPUT_OF]
