"""Ratios pooled over models, and how far they can be trusted by how the models differ among themselves.

Each model is one observation, so that no overlap of labels within its window can flatter: the error is that of a
linearised ratio.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tidewheel.domain.models import Float64


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """Sum of parts over sum of wholes; one part and one whole a model."""

    parts: Float64
    wholes: Float64

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> "Ratio":
        """Of (part, whole) a model."""
        table = np.array(list(pairs), dtype=np.float64)
        return cls(table[:, 0], table[:, 1])

    @property
    def value(self) -> float:
        """0 where the wholes are."""
        return float(self.parts.sum() / max(self.wholes.sum(), 1.0))

    @property
    def influence(self) -> Float64:
        """How far each model draws the value away from what the others make it."""
        influence: Float64 = (self.parts - self.value * self.wholes) / max(self.wholes.sum(), 1.0)
        return influence


def standard_error_between(influence: Float64) -> float:
    """Standard error from the spread between models, two or more."""
    count = len(influence)
    return float(np.sqrt(count / (count - 1) * (influence**2).sum()))
