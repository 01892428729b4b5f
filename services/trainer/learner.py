"""Linear models by mini-batch gradient descent, many settings in one pass. numpy only; values in, values out.

The objective of one setting, over training rows with standardised features x, labels y and weights c = r * p (r: what
the row is worth; p: `positive_example_weight_mult` where y = 1, else 1):

    sum(c * loss(m)) / sum(c)  +  l1 * |w|₁  +  wd/2 * |w|₂²        m: x·w + b where y = 1, else -(x·w + b)

    loss(m) = log(1 + exp(-m))  or, as `hinge`,  max(0, 1 - m)

Dividing by the sum of weights keeps `l1`, `wd` and `learning_rate` meaning the same at every positive weight. All rows
are worth the same unless told otherwise, say by their average uniqueness (see `split`). L1 is a proximal step, so
weights become true zeros; the bias is penalised by nothing and has a rate of its own. The learning rate falls linearly
to zero. Plain SGD is the default because it does best over the search ranges: on 600 lagged prices it learns well from
1e-5 to 3e-3 where Adam overfits from 1e-4 on, and a step costs less. Adam is there to choose.

Rows are shuffled once by seed into contiguous memory; each epoch visits the mini-batches in a new order. Settings of
one mini-batch size share every pass over the data: their weights stand side by side in blocks of `BLOCK` columns, the
last one padded. A block always has the same shape, so a setting's result does not depend on the settings beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.trainer.rows import Float32, Index, Labels
from tidewheel.domain.models import Float64, Hyperparameters

BLOCK = 16
STANDARD_MAX = 1e6  # standardised values of later rows in a column that hardly moved before
BIAS_RATE_MULT = 10.0
BIAS_RATE_MAX = 1.0
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


class Update(StrEnum):
    """How a gradient becomes a step."""

    SGD = "sgd"
    ADAM = "adam"


class Loss(StrEnum):
    """What a row costs. Scores are the sigmoid of x·w + b with both."""

    LOGISTIC = "logistic"
    HINGE = "hinge"


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """Mean and standard deviation per feature, of training rows only; std is 1 where a column is constant."""

    mean: Float64
    std: Float64

    @classmethod
    def of(cls, features: Float32) -> "Scaling":
        mean = features.mean(axis=0, dtype=np.float64)
        std = features.std(axis=0, dtype=np.float64)
        constant = (features.max(axis=0) == features.min(axis=0)) | ~(std > 0)
        return cls(mean, np.where(constant, 1.0, std))

    def apply(self, features: Float32) -> Float32:
        """Standardised features, within ±`STANDARD_MAX`."""
        result = np.empty(features.shape, dtype=np.float32)
        for start in range(0, len(features), 512):  # in pieces, so that the float64 stay in the cache
            piece = (features[start : start + 512] - self.mean) / self.std
            np.clip(piece, -STANDARD_MAX, STANDARD_MAX, out=result[start : start + 512], casting="same_kind")
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Training rows standardised and shuffled: made once a window, shared by all settings."""

    features: Float32
    label: NDArray[np.float32]
    scaling: Scaling
    weight: NDArray[np.float32] | None = None  # of mean 1; None: all rows are worth the same


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Trained settings, one column each: weights of standardised features, shape (features, settings), and biases."""

    weights: Float32
    bias: Float32

    @classmethod
    def empty(cls, features: int, settings: int) -> "Fits":
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


def prepare(features: Float32, labels: Labels, seed: int, weights: Float64 | None = None) -> Prepared:
    """Learn the normalisation of these rows, apply it, and shuffle by seed. `weights`: what each row is worth."""
    order = np.random.default_rng(seed).permutation(len(labels))
    scaling = Scaling.of(features)
    weight = None if weights is None else _of_mean_one(weights)[order]
    return Prepared(scaling.apply(features[order]), labels[order].astype(np.float32), scaling, weight)


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


def train(
    rows: Prepared,
    settings: Sequence[Hyperparameters],
    seed: int,
    epochs: int,
    update: Update = Update.SGD,
    loss: Loss = Loss.LOGISTIC,
) -> Fits:
    """Train all settings; column k of the result is setting k, to the bit what training it alone gives."""
    return train_stages(rows, settings, seed, epochs, update, loss, (epochs,))[0]


def train_stages(
    rows: Prepared,
    settings: Sequence[Hyperparameters],
    seed: int,
    epochs: int,
    update: Update,
    loss: Loss,
    after: Sequence[int],
) -> list[Fits]:
    """All settings as they stand after each of these epochs of one schedule of `epochs`, in one pass.

    For early stopping: whoever judges the stages on rows held out keeps the best. Nothing is trained beyond the last.
    """
    if not after or min(after) < 1 or max(after) > epochs:
        raise ValueError(f"stages end after an epoch from 1 to {epochs}, not after {list(after)}")
    stages = [Fits.empty(rows.features.shape[1], len(settings)) for _ in after]
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

    def __init__(self, rows: Prepared, settings: Sequence[Hyperparameters], update: Update, loss: Loss) -> None:
        count = len(rows.label)
        self.batches = max(1, count // settings[0].mini_batch_size)
        worth = np.ones_like(rows.label) if rows.weight is None else rows.weight
        columns = _Columns.of(settings, float((rows.label * worth).mean(dtype=np.float64)))
        self._edges = np.linspace(0, count, self.batches + 1).astype(int)
        sizes = np.diff(self._edges)
        label, worth = rows.label[:, np.newaxis], (worth / np.repeat(sizes, sizes))[:, np.newaxis].astype(np.float32)
        self._sign = 2 * label - 1
        self._weight = -self._sign * worth * (columns.negative_weight + label * columns.weight_gain)
        self._features, self._settings, self._slope = rows.features, len(settings), _SLOPES[loss]
        self._stepper: _Stepper = (_Sgd if update is Update.SGD else _Adam)(columns, rows.features.shape[1])

    def train(self, order: Index, begun: float, ended: float) -> None:
        """One epoch, which visits the mini-batches in this order; which share of the schedule is behind it."""
        stepper = self._stepper
        with np.errstate(all="ignore"):
            for done, batch in enumerate(order):
                part = slice(self._edges[batch], self._edges[batch + 1])
                x = self._features[part]
                errors = np.matmul(x, stepper.weights)
                errors += stepper.bias
                errors *= self._sign[part]
                self._slope(errors, self._weight[:, part])
                left = 1.0 - begun - (ended - begun) * done / self.batches
                stepper.step(np.matmul(x.T, errors, out=stepper.gradient), errors.sum(axis=1), left)

    def fits(self) -> tuple[Float32, Float32]:
        """A copy of weights (features, settings) and biases."""
        weights, bias = self._stepper.weights, self._stepper.bias
        flat = weights.transpose(1, 0, 2).reshape(weights.shape[1], -1)
        return flat[:, : self._settings], bias.reshape(-1)[: self._settings]


def _logistic_slope(margin: Float32, weight: Float32) -> None:
    """margin <- weight / (1 + exp(margin)). An overflow of exp ends as 0, as it should."""
    np.exp(margin, out=margin)
    margin += np.float32(1.0)
    np.divide(weight, margin, out=margin)


def _hinge_slope(margin: Float32, weight: Float32) -> None:
    """margin <- weight where the margin is below 1, else 0."""
    np.multiply(weight, margin < np.float32(1.0), out=margin)


_SLOPES = {Loss.LOGISTIC: _logistic_slope, Loss.HINGE: _hinge_slope}


@dataclass(frozen=True, slots=True, eq=False)
class _Columns:
    """Settings as float32 of shape (blocks, 1, BLOCK). Padding trains with rate 0 and stays at zero."""

    rate: Float32
    bias_rate: Float32
    l1: Float32
    wd: Float32
    negative_weight: Float32
    weight_gain: Float32  # weight of a positive row minus that of a negative one

    @classmethod
    def of(cls, settings: Sequence[Hyperparameters], base_rate: float) -> "_Columns":
        blocks = -(-len(settings) // BLOCK)

        def column(values: list[float]) -> Float32:
            padded = np.zeros(blocks * BLOCK, dtype=np.float32)
            padded[: len(values)] = values
            return padded.reshape(blocks, 1, BLOCK)

        positive = [s.positive_example_weight_mult for s in settings]
        mean = [base_rate * p + (1 - base_rate) for p in positive]
        return cls(
            column([s.learning_rate for s in settings]),
            column([min(BIAS_RATE_MAX, BIAS_RATE_MULT * s.learning_rate) * s.use_bias for s in settings]),
            column([s.l1 for s in settings]),
            column([s.wd for s in settings]),
            column([1 / m for m in mean]),
            column([(p - 1) / m for p, m in zip(positive, mean, strict=True)]),
        )


class _Stepper(Protocol):
    """Holds weights (blocks, features, BLOCK) and bias (blocks, 1, BLOCK), and moves them against a gradient."""

    weights: Float32
    bias: Float32
    gradient: Float32

    def step(self, gradient: Float32, bias_gradient: Float32, share: float) -> None: ...


class _Sgd:
    """w <- prox(w - rate * (gradient + wd * w)), rate times `share` of it left by the schedule."""

    def __init__(self, columns: _Columns, features: int) -> None:
        shape = (len(columns.rate), features, BLOCK)
        self.weights, self.gradient = np.zeros(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        self.bias = np.zeros_like(columns.rate)
        # Written out to the full shape: a row of 16 broadcast over 605 costs three times a plain product.
        self._rate, self._decay, self._l1 = (
            np.ascontiguousarray(np.broadcast_to(value, shape))
            for value in (columns.rate, columns.rate * columns.wd, columns.rate * columns.l1)
        )
        self._bias_rate = columns.bias_rate
        self._work, self._bound = np.empty_like(self.weights), np.empty_like(self.weights)

    def step(self, gradient: Float32, bias_gradient: Float32, share: float) -> None:
        left = np.float32(share)
        weights, work = self.weights, self._work
        gradient *= self._rate
        np.multiply(weights, self._decay, out=work)
        gradient += work
        gradient *= left
        weights -= gradient
        np.multiply(self._l1, left, out=self._bound)
        _shrink(weights, self._bound, work)
        self.bias -= self._bias_rate * left * bias_gradient[:, np.newaxis, :]


class _Adam:
    """Adam with the proximal step in Adam's own metric, so that its rest point is the optimum of the objective."""

    def __init__(self, columns: _Columns, features: int) -> None:
        shape = (len(columns.rate), features, BLOCK)
        self.weights, self.gradient = np.zeros(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
        self.bias = np.zeros_like(columns.rate)
        self._rate, self._wd, self._l1 = (
            np.ascontiguousarray(np.broadcast_to(value, shape)) for value in (columns.rate, columns.wd, columns.l1)
        )
        self._bias_rate = columns.bias_rate
        self._mean, self._square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self._bias_mean, self._bias_square = np.zeros_like(self.bias), np.zeros_like(self.bias)
        self._work, self._scale = np.empty_like(self.weights), np.empty_like(self.weights)
        self._steps = 0

    def step(self, gradient: Float32, bias_gradient: Float32, share: float) -> None:
        self._steps += 1
        mean_fix, square_fix = 1 - BETA_1**self._steps, 1 - BETA_2**self._steps
        work, scale = self._work, self._scale
        np.multiply(self.weights, self._wd, out=work)
        gradient += work
        _follow(self._mean, gradient, BETA_1, work)
        np.multiply(gradient, gradient, out=scale)
        _follow(self._square, scale, BETA_2, work)
        np.divide(self._square, np.float32(square_fix), out=scale)
        np.sqrt(scale, out=scale)
        scale += np.float32(EPSILON)
        np.divide(self._rate, scale, out=scale)
        scale *= np.float32(share)
        np.multiply(self._mean, scale, out=work)
        work *= np.float32(1 / mean_fix)
        self.weights -= work
        scale *= self._l1
        _shrink(self.weights, scale, work)
        across = bias_gradient[:, np.newaxis, :]
        _follow(self._bias_mean, across, BETA_1, np.empty_like(self.bias))
        _follow(self._bias_square, across * across, BETA_2, np.empty_like(self.bias))
        root = np.sqrt(self._bias_square / np.float32(square_fix)) + np.float32(EPSILON)
        self.bias -= self._bias_rate * np.float32(share / mean_fix) * self._bias_mean / root


def _follow(average: Float32, value: Float32, beta: float, work: Float32) -> None:
    """average <- beta * average + (1 - beta) * value."""
    average *= np.float32(beta)
    np.multiply(value, np.float32(1 - beta), out=work)
    average += work


def _shrink(weights: Float32, bound: Float32, work: Float32) -> None:
    """Move each weight towards zero by its bound, and no further: the proximal step of L1."""
    np.minimum(weights, bound, out=work)
    np.negative(bound, out=bound)
    np.maximum(work, bound, out=work)
    weights -= work
