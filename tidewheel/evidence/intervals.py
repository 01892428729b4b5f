"""Intervals for shares and their differences where rows are few and worth less than they look."""

from dataclasses import dataclass
from math import pi, sqrt, tan
from statistics import NormalDist

from tidewheel.presentation.numbers import interval, signed_interval

ROWS_MIN = 1e-9


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share observed on rows worth `effective_rows` independent ones (may be a fraction, may be 0)."""

    value: float
    effective_rows: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its bounds."""

    value: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """As a share."""
        return interval(self.value, self.low, self.high)

    @property
    def signed_text(self) -> str:
        """As a difference."""
        return signed_interval(self.value, self.low, self.high)


def normal_quantile(level: float) -> float:
    """The normal quantile: a one-sided bound at `level`."""
    return NormalDist().inv_cdf(level)


def student_t_quantile(level: float, degrees: int) -> float:
    """Student's t quantile: exact for one and two degrees of freedom, else by its expansion in the normal one
    (Abramowitz and Stegun 26.7.5)."""
    if degrees == 1:
        return tan(pi * (level - 0.5))
    if degrees == 2:
        return (2 * level - 1) * sqrt(0.5 / (level * (1 - level)))
    z = normal_quantile(level)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(degrees) ** (power + 1) for power, term in enumerate(terms))


def wilson(share: Proportion, level: float) -> Interval:
    """Wilson's score interval; each bound holds one-sided at `level`. Without rows it is all of 0..1."""
    z2, n = normal_quantile(level) ** 2, max(share.effective_rows, ROWS_MIN)
    middle = (share.value + z2 / (2 * n)) / (1 + z2 / n)
    reach = sqrt(z2 * (share.value * (1 - share.value) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Interval(share.value, max(0.0, middle - reach), min(1.0, middle + reach))


def newcombe_difference(one: Proportion, other: Proportion, level: float) -> Interval:
    """`one` - `other` by Newcombe's hybrid of two score intervals.

    It takes the two as independent; where both are seen on the same rows they move together, and it errs wide.
    """
    a, b = wilson(one, level), wilson(other, level)
    value = a.value - b.value
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Interval(value, low, high)


def shrunk_variance(share: Proportion) -> float:
    """Of a share, drawn towards a half by two rows so that a lucky few are not taken for certain."""
    drawn = (share.value * share.effective_rows + 1) / (share.effective_rows + 2)
    return drawn * (1 - drawn) / max(share.effective_rows, 1.0)
