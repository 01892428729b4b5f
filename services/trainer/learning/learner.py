"""Linear models by mini-batch gradient descent, many settings in one pass. numpy only; values in, values out.

The objective of one setting, over training rows with standardised features x, labels y and weights c = r * p (r: what
the row is worth; p: `positive_example_weight_mult` where y = 1, else 1):

    sum(c * loss(m)) / sum(c)  +  l1 * |w|₁  +  wd/2 * |w|₂²        m = x·w + b where y = 1, else -(x·w + b)

    loss(m) = log(1 + exp(-m))  or, as `hinge`,  max(0, 1 - m)

Dividing by the sum of weights keeps `l1`, `wd` and `learning_rate` meaning the same at every positive weight. All rows
are worth the same unless told otherwise, say by their average uniqueness (see `split`). L1 is a proximal step, so
weights become true zeros; the bias is penalised by nothing and has a rate of its own. The learning rate falls linearly
to zero. Plain SGD is the default because it does best over the search ranges: on 600 lagged prices it learns well from
1e-5 to 3e-3 where Adam overfits from 1e-4 on, and a step costs less. Adam is there to choose.

Rows are shuffled once by seed into contiguous memory; each epoch visits the mini-batches in a new order. Settings of
one mini-batch size share every pass over the data: their weights stand side by side in blocks of `BLOCK` columns, the
last one padded. A block always has the same shape, so a setting's result does not depend on the settings beside it. A
mini-batch goes through in pieces that suit the cache.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Float32, Index
from services.trainer.learning.losses import LOSSES, Loss
from services.trainer.learning.optimizers import (
    BIAS_RATE_MAX,
    BIAS_RATE_MULT,
    BLOCK,
    OPTIMIZERS,
    Columns,
    OptimizerKind,
    column,
)
from services.trainer.learning.training_matrix import (
    StandardScaler,
    TrainingMatrix,
    balanced_weight,
    make_training_matrix,
)
from tidewheel.domain.models import Float64, Hyperparameters

__all__ = [
    "BIAS_RATE_MAX",
    "BIAS_RATE_MULT",
    "LinearModels",
    "Loss",
    "OptimizerKind",
    "StandardScaler",
    "TrainingMatrix",
    "balanced_weight",
    "make_training_matrix",
    "train",
    "train_stages",
]

# A product of no more than so many multiplications takes a third less time for each of them: OpenBLAS has kernels for
# small matrices, and the rows are still in the cache when the gradient needs them.
PRODUCT_MAX = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LinearModels:
    """Trained settings, one column each: weights of standardised features, shape (features, settings), and biases."""

    weights: Float32
    bias: Float32

    @classmethod
    def empty(cls, features: int, settings: int) -> "LinearModels":
        """Room for so many settings."""
        return cls(np.empty((features, settings), dtype=np.float32), np.empty(settings, dtype=np.float32))

    @property
    def finite(self) -> NDArray[np.bool_]:
        """Which settings did not diverge."""
        result: NDArray[np.bool_] = np.isfinite(self.weights).all(axis=0) & np.isfinite(self.bias)
        return result

    def logits(self, standardised: Float32) -> Float64:
        """Shape (rows, settings); 0 where a setting diverged."""
        with np.errstate(all="ignore"):
            z = (standardised @ self.weights + self.bias).astype(np.float64)
        return np.where(self.finite, z, 0.0)


def train(
    rows: TrainingMatrix,
    settings: Sequence[Hyperparameters],
    seed: int,
    epochs: int,
    update: OptimizerKind = OptimizerKind.SGD,
    loss: Loss = Loss.LOGISTIC,
) -> LinearModels:
    """Train all settings; column k of the result is setting k, to the bit what training it alone gives."""
    return train_stages(rows, settings, seed, epochs, update, loss, (epochs,))[0]


def train_stages(
    rows: TrainingMatrix,
    settings: Sequence[Hyperparameters],
    seed: int,
    epochs: int,
    update: OptimizerKind,
    loss: Loss,
    after: Sequence[int],
) -> list[LinearModels]:
    """All settings as they stand after each of these epochs of one schedule of `epochs`, in one pass.

    For early stopping: whoever judges the stages on rows held out keeps the best. Nothing is trained beyond the last.
    """
    if not after or min(after) < 1 or max(after) > epochs:
        raise ValueError(f"stages end after an epoch from 1 to {epochs}, not after {list(after)}")
    stages = [LinearModels.empty(rows.features.shape[1], len(settings)) for _ in after]
    for size in sorted({setting.mini_batch_size for setting in settings}):
        where = [k for k, setting in enumerate(settings) if setting.mini_batch_size == size]
        group = _Group(rows, [settings[k] for k in where], update, loss)
        chance = np.random.default_rng(seed)
        for epoch in range(max(after)):
            group.train(chance.permutation(group.batches), epoch / epochs, (epoch + 1) / epochs)
            for stage in (stage for stage, wanted in zip(stages, after, strict=True) if wanted == epoch + 1):
                stage.weights[:, where], stage.bias[where] = group.fits()
    return stages


class _Group:
    """Settings of one mini-batch size: one pass over the data for all of them."""

    def __init__(
        self, rows: TrainingMatrix, settings: Sequence[Hyperparameters], update: OptimizerKind, loss: Loss
    ) -> None:
        count, self._features = rows.features.shape
        self.batches = max(1, count // settings[0].mini_batch_size)
        edges = np.linspace(0, count, self.batches + 1).astype(int)
        weight = _weights(rows, settings)
        weight /= np.repeat(np.diff(edges), np.diff(edges)).astype(np.float32)[:, np.newaxis]
        self._errors = LOSSES[loss](rows.label[:, np.newaxis], weight).errors
        self._wide, self._settings = rows.wide, len(settings)
        self._pieces = [_pieces(start, end, rows.wide.shape[1]) for start, end in pairwise(edges.tolist())]
        self._optimizer = OPTIMIZERS[update](Columns.of(settings), self._features)
        self._gradient, self._part = np.empty_like(self._optimizer.weights), np.empty_like(self._optimizer.weights)

    def train(self, order: Index, begun: float, ended: float) -> None:
        """One epoch that visits the mini-batches in this order, from one share of the schedule to another."""
        with np.errstate(all="ignore"):
            for done, batch in enumerate(order):
                left = 1.0 - begun - (ended - begun) * done / self.batches
                self._optimizer.step(self._gradient_of(batch), left)

    def _gradient_of(self, batch: int) -> Float32:
        first, *others = self._pieces[batch]
        gradient = self._gradient_into(self._gradient, first)
        for piece in others:
            gradient += self._gradient_into(self._part, piece)
        return gradient

    def _gradient_into(self, out: Float32, piece: slice) -> Float32:
        x = self._wide[piece]
        z: Float32 = np.matmul(x, self._optimizer.weights)
        self._errors(z, piece)
        np.matmul(x.T, z, out=out)
        return out

    def fits(self) -> tuple[Float32, Float32]:
        """Weights of shape (features, settings) and biases as they stand."""
        blocks = self._optimizer.weights[:, : self._features + 1]
        flat = blocks.transpose(1, 0, 2).reshape(self._features + 1, -1)[:, : self._settings]
        return flat[:-1], flat[-1]


def _weights(rows: TrainingMatrix, settings: Sequence[Hyperparameters]) -> Float32:
    """What each row weighs in each setting, of mean 1: shape (blocks, rows, BLOCK)."""
    label = rows.label[:, np.newaxis]
    row_weight = np.ones_like(label) if rows.weight is None else rows.weight[:, np.newaxis]
    share = float((label * row_weight).mean(dtype=np.float64))
    positive = [setting.positive_example_weight_mult for setting in settings]
    mean = [share * p + (1 - share) for p in positive]
    gain = column([(p - 1) / m for p, m in zip(positive, mean, strict=True)])
    weights: Float32 = row_weight * (column([1 / m for m in mean]) + label * gain)
    return weights


def _pieces(start: int, end: int, width: int) -> list[slice]:
    """A mini-batch in pieces of much the same size, each small enough for a fast product."""
    count = -(-(end - start) * width * BLOCK // PRODUCT_MAX)
    edges = np.linspace(start, end, count + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]
