"""How gradients become steps, for many settings side by side in blocks of `BLOCK` columns.

A weight matrix has the shape (blocks, height, BLOCK). Its first rows belong to features, the next one is the bias; the
rest pads the height to a multiple of `TILE`, so that one value a setting, written out `TILE` times, is multiplied into
the whole matrix without loops of 16, which cost three times as much.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from services.trainer.dataset.rows import Float32
from tidewheel.domain.models import Hyperparameters

BLOCK = 16
TILE = 32
BIAS_RATE_MULT = 10.0
BIAS_RATE_MAX = 1.0
BETA_1, BETA_2, EPSILON = 0.9, 0.99, 1e-8


class OptimizerKind(StrEnum):
    """How a gradient becomes a step."""

    SGD = "sgd"
    ADAM = "adam"


def height(features: int) -> int:
    """Rows of a weight matrix: features, bias, padding."""
    return -(-(features + 1) // TILE) * TILE


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Settings as float32 of shape (blocks, 1, BLOCK). Padding trains with rate 0 and stays at zero."""

    rate: Float32
    bias_rate: Float32
    l1: Float32
    wd: Float32

    @classmethod
    def of(cls, settings: Sequence[Hyperparameters]) -> "Columns":
        return cls(
            column([s.learning_rate for s in settings]),
            column([min(BIAS_RATE_MAX, BIAS_RATE_MULT * s.learning_rate) * s.use_bias for s in settings]),
            column([s.l1 for s in settings]),
            column([s.wd for s in settings]),
        )


def column(values: Sequence[float]) -> Float32:
    """One value a setting, zero where there is none, in blocks."""
    blocks = -(-len(values) // BLOCK)
    padded = np.zeros(blocks * BLOCK, dtype=np.float32)
    padded[: len(values)] = values
    return padded.reshape(blocks, 1, BLOCK)


class Optimizer(Protocol):
    """Holds weights and moves them against a gradient of the same shape, which it may overwrite."""

    weights: Float32

    def step(self, gradient: Float32, left: float) -> None:
        """One step, at the share of the learning rate that the schedule has left."""


class Sgd:
    """w <- prox(w - rate * (gradient + wd * w)); the bias knows neither decay nor prox and has a rate of its own."""

    def __init__(self, columns: Columns, features: int) -> None:
        blocks = len(columns.rate)
        self.weights = np.zeros((blocks, height(features), BLOCK), dtype=np.float32)
        self._tiled = self.weights.reshape(blocks, -1, TILE * BLOCK)
        self._work, self._bias, self._bias_rate = np.empty_like(self._tiled), features, columns.bias_rate[:, 0]
        # What the schedule scales, in one array: kept share of a weight less one, rate, largest and smallest L1 step.
        bound = columns.rate * columns.l1
        scaled = [-columns.rate * columns.wd, columns.rate, bound, -bound]
        self._scaled = np.tile(np.stack(scaled), (1, 1, 1, TILE))
        self._fixed = np.array([1, 0, 0, 0], dtype=np.float32).reshape(4, 1, 1, 1)
        self._now = np.empty_like(self._scaled)

    def step(self, gradient: Float32, left: float) -> None:
        share, work, tiled = np.float32(left), self._work, self._tiled
        keep, rate, most, least = np.add(np.multiply(self._scaled, share, out=self._now), self._fixed, out=self._now)
        bias = self.weights[:, self._bias] - gradient[:, self._bias] * (self._bias_rate * share)
        tiled *= keep
        np.multiply(gradient.reshape(tiled.shape), rate, out=work)
        tiled -= work
        # Each weight moves towards zero by its bound, and no further: the proximal step of L1.
        np.minimum(tiled, most, out=work)
        np.maximum(work, least, out=work)
        tiled -= work
        self.weights[:, self._bias] = bias


class Adam:
    """Adam with the proximal step in Adam's own metric, so that its rest point is the optimum of the objective."""

    def __init__(self, columns: Columns, features: int) -> None:
        shape = (len(columns.rate), height(features), BLOCK)
        self.weights = np.zeros(shape, dtype=np.float32)
        self._rate, self._wd, self._l1 = (
            np.broadcast_to(value, shape).copy() for value in (columns.rate, columns.wd, columns.l1)
        )
        self._rate[:, features], self._wd[:, features], self._l1[:, features] = columns.bias_rate[:, 0], 0.0, 0.0
        self._mean, self._square = np.zeros_like(self.weights), np.zeros_like(self.weights)
        self._work, self._scale = np.empty_like(self.weights), np.empty_like(self.weights)
        self._steps = 0

    def step(self, gradient: Float32, left: float) -> None:
        self._steps += 1
        work, scale = self._work, self._scale
        np.multiply(self.weights, self._wd, out=work)
        gradient += work
        _follow(self._mean, gradient, BETA_1, work)
        np.multiply(gradient, gradient, out=scale)
        _follow(self._square, scale, BETA_2, work)
        np.divide(self._square, np.float32(1 - BETA_2**self._steps), out=scale)
        np.sqrt(scale, out=scale)
        scale += np.float32(EPSILON)
        np.divide(self._rate, scale, out=scale)
        scale *= np.float32(left)
        np.multiply(self._mean, scale, out=work)
        work *= np.float32(1 / (1 - BETA_1**self._steps))
        self.weights -= work
        scale *= self._l1
        np.minimum(self.weights, scale, out=work)
        np.maximum(work, np.negative(scale, out=scale), out=work)
        self.weights -= work


def _follow(average: Float32, value: Float32, beta: float, work: Float32) -> None:
    """average <- beta * average + (1 - beta) * value."""
    average *= np.float32(beta)
    np.multiply(value, np.float32(1 - beta), out=work)
    average += work


OPTIMIZERS: dict[OptimizerKind, Callable[[Columns, int], Optimizer]] = {
    OptimizerKind.SGD: Sgd,
    OptimizerKind.ADAM: Adam,
}
