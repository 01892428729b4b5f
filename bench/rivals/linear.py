"""Our linear model as a runtime of another model server gets it: a file of numbers, and numpy alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """As our `Scorer`: one multiplication a feature, then the sigmoid."""

    weights: np.ndarray[Any, Any]
    offset: float
    threshold: float

    def save(self, path: Path) -> None:
        np.savez(path, weights=self.weights, offset=self.offset, threshold=self.threshold)

    @classmethod
    def read(cls, path: Path) -> "Linear":
        with np.load(path) as said:
            return cls(said["weights"], float(said["offset"]), float(said["threshold"]))

    def answer(self, rows: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Scores and labels of rows with shape (n, features)."""
        scores = 1.0 / (1.0 + np.exp(-(rows.astype(np.float64) @ self.weights + self.offset)))
        return scores, (scores >= self.threshold).astype(np.uint32)
