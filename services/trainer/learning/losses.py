"""What a row costs, and how its cost changes with x·w + b: the errors that gradients are made of."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np

from services.trainer.dataset.rows import Float32


class Loss(StrEnum):
    """With m = x·w + b where y = 1, else -(x·w + b). Scores are the sigmoid of x·w + b with both."""

    LOGISTIC = "logistic"  # log(1 + exp(-m))
    HINGE = "hinge"  # max(0, 1 - m)


class Logistic:
    """c * (sigmoid(z) - y), as c/2 * tanh(z/2) + c/2 - c*y: a tanh costs no more than an exp, and never overflows."""

    def __init__(self, label: Float32, weight: Float32) -> None:
        self._half = weight * np.float32(0.5)
        self._rest = self._half - weight * label

    def errors(self, z: Float32, rows: slice) -> None:
        """Turn z of these rows, shape (blocks, rows, settings), into their errors."""
        z *= np.float32(0.5)
        np.tanh(z, out=z)
        z *= self._half[:, rows]
        z += self._rest[:, rows]


class Hinge:
    """-c where y = 1 and z < 1, c where y = 0 and z > -1, else 0."""

    def __init__(self, label: Float32, weight: Float32) -> None:
        self._sign = 2 * label - 1
        self._pull = -self._sign * weight

    def errors(self, z: Float32, rows: slice) -> None:
        """Turn z of these rows, shape (blocks, rows, settings), into their errors."""
        z *= self._sign[rows]
        np.multiply(self._pull[:, rows], z < np.float32(1.0), out=z)


LOSSES: dict[Loss, Callable[[Float32, Float32], Logistic | Hinge]] = {Loss.LOGISTIC: Logistic, Loss.HINGE: Hinge}
