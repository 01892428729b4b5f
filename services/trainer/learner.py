"""Linear models by mini-batch gradient descent, many settings in one pass. numpy only; values in, values out.

The objective of one setting, over n training rows with standardised features x, labels y and row weights c
(`positive_example_weight_mult` where y = 1, else 1):

    sum(c * logloss(y, sigmoid(x·w + b))) / sum(c)  +  l1 * |w|₁  +  wd/2 * |w|₂²

Dividing by the sum of weights keeps `l1`, `wd` and `learning_rate` meaning the same at every positive weight. L1 is a
proximal step, so weights become true zeros; the bias is penalised by nothing and has a rate of its own. The learning
rate falls linearly to zero. Plain SGD is the default because it does best over the search ranges: on 600 lagged prices
it learns well from 1e-5 to 3e-3 where Adam overfits from 1e-4 on, and a step costs less. Adam is there to choose.

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

from services.trainer.rows import Float32, Labels
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


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """Trained settings, one column each: weights of standardised features, shape (features, settings), and biases."""

    weights: Float32
    bias: Float32

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


def prepare(features: Float32, labels: Labels, seed: int) -> Prepared:
    """Learn the normalisation of these rows, apply it, and shuffle by seed."""
    order = np.random.default_rng(seed).permutation(len(labels))
    scaling = Scaling.of(features)
    return Prepared(scaling.apply(features[order]), labels[order].astype(np.float32), scaling)


def train(
    rows: Prepared, settings: Sequence[Hyperparameters], seed: int, epochs: int, update: Update = Update.SGD
) -> Fits:
    """Train all settings; column k of the result is setting k, to the bit what training it alone gives."""
    weights = np.empty((rows.features.shape[1], len(settings)), dtype=np.float32)
    bias = np.empty(len(settings), dtype=np.float32)
    for size in sorted({setting.mini_batch_size for setting in settings}):
        where = [k for k, setting in enumerate(settings) if setting.mini_batch_size == size]
        weights[:, where], bias[where] = _train_group(rows, [settings[k] for k in where], seed, epochs, update)
    return Fits(weights, bias)


def _train_group(
    rows: Prepared, settings: Sequence[Hyperparameters], seed: int, epochs: int, update: Update
) -> tuple[Float32, Float32]:
    """Settings of one mini-batch size: one pass over the data for all of them."""
    columns = _Columns.of(settings, float(rows.label.mean()))
    count = len(rows.label)
    batches = max(1, count // settings[0].mini_batch_size)
    edges = np.linspace(0, count, batches + 1).astype(int)
    label = rows.label[:, np.newaxis]
    per_row = np.repeat(np.float32(1.0) / np.diff(edges).astype(np.float32), np.diff(edges))[:, np.newaxis]
    weight = (columns.negative_weight + label * columns.weight_gain) * per_row
    stepper: _Stepper = (_Sgd if update is Update.SGD else _Adam)(columns, rows.features.shape[1])
    chance = np.random.default_rng(seed)
    steps, done = epochs * batches, 0
    with np.errstate(all="ignore"):
        for _ in range(epochs):
            for batch in chance.permutation(batches):
                part = slice(edges[batch], edges[batch + 1])
                x = rows.features[part]
                errors = _probabilities(x, stepper.weights, stepper.bias)
                errors -= label[part]
                errors *= weight[:, part]
                stepper.step(np.matmul(x.T, errors, out=stepper.gradient), errors.sum(axis=1), 1.0 - done / steps)
                done += 1
    flat = stepper.weights.transpose(1, 0, 2).reshape(rows.features.shape[1], -1)
    return flat[:, : len(settings)], stepper.bias.reshape(-1)[: len(settings)]


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


def _probabilities(x: Float32, weights: Float32, bias: Float32) -> Float32:
    """Logistic of x·w + b, shape (blocks, rows, BLOCK). An overflow of exp ends as 0, as it should."""
    z: Float32 = np.matmul(x, weights)
    z += bias
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += np.float32(1.0)
    np.reciprocal(z, out=z)
    return z


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
