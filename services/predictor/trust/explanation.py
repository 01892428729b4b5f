"""What a score is made of: contributions to z by field and stretch of past mids, which add up to it to the last bit.

A feature contributes coefficient * (feature - mean) / std, in float64; what belongs together is summed exactly and
rounded once (`math.fsum`). The scorer sums in another order, so that its z differs in the last bits: `rounding`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import fsum

import numpy as np
from numpy.typing import NDArray

from services.predictor.models.model_slot import ServingModel
from tidewheel.domain.features import FEATURE_NAMES, HISTORY_S

# The last lag of each stretch, in seconds.
STRETCH_ENDS_S = (10, 30, 60, 120, 300, HISTORY_S)
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a field, or a stretch of past mids, adds to z; `features`: how many there are in it."""

    name: str
    features: int
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`fsum((intercept, *values of contributions, rounding)) == z`. Contributions are the largest first, whatever the
    sign."""

    z: float
    intercept: float
    contributions: tuple[Contribution, ...]
    rounding: float


def _stretches() -> list[tuple[str, slice]]:
    first = FEATURE_NAMES.index("mid_1s")
    found = [(name, slice(at, at + 1)) for at, name in enumerate(FEATURE_NAMES[:first])]
    begin_s = 1
    for end_s in STRETCH_ENDS_S:
        found.append((f"mid_{begin_s}s..mid_{end_s}s", slice(first + begin_s - 1, first + end_s)))
        begin_s = end_s + 1
    return found


STRETCHES = _stretches()


def explain(serving: ServingModel, row: NDArray[np.float32], largest: int = 0) -> Explanation:
    """The z of one row with shape (605,), taken apart; of the contributions the `largest`, and the others in one. 0:
    all. The row is finite and has a score."""
    each = serving.scorer.weights * (row.astype(np.float64) - serving.model.mean)
    found = [Contribution(name, len(each[where]), fsum(each[where].tolist())) for name, where in STRETCHES]
    found.sort(key=lambda one: -abs(one.value))
    if 0 < largest < len(found):
        rest = found[largest:]
        summed = Contribution(OTHERS, sum(one.features for one in rest), fsum(one.value for one in rest))
        found = [*found[:largest], summed]
    z, intercept = float(serving.scorer.decision_function(row[np.newaxis, :])[0]), serving.model.intercept
    return Explanation(z, intercept, tuple(found), _difference(z, [intercept, *(one.value for one in found)]))


def _difference(z: float, parts: Sequence[float]) -> float:
    """What is missing from an exact sum."""
    return float(Fraction(z) - sum(map(Fraction, parts)))
