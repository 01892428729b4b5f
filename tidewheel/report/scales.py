"""Where a value lies in a drawing, and which values are worth a tick."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tidewheel.presentation.typography import scientific

STEPS = (1.0, 2.0, 5.0, 10.0)
DECIMALS_MAX, SMALL = 4, 1e-3
SLACK = 1e-9  # of a step: a tick at the very end of a range is not lost to rounding


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from `low` to `high` onto places from `start` to `end`; values outside lie at the nearer end."""

    low: float
    high: float
    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"no range to draw in: {self.low} to {self.high}")

    def __call__(self, value: float) -> float:
        part = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


def padded_range(values: Iterable[float], *always: float, margin: float = 0.05) -> tuple[float, float]:
    """A range with room for all finite values, and for what must `always` be in it; never empty."""
    finite = [value for value in (*values, *always) if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    room = margin * (high - low) or 0.5 * abs(high) or 1.0
    return (low if low in always else low - room), (high if high in always and high > low else high + room)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round values in a range, 1, 2 or 5 times a power of ten apart, at most `about` + 1 of them."""
    step = tick_step(low, high, about)
    first, last = math.ceil(low / step - SLACK), math.floor(high / step + SLACK)
    return [k * step for k in range(first, last + 1)]


def tick_step(low: float, high: float, about: int) -> float:
    """The smallest round step that needs no more than `about` of itself to cross a range."""
    least = (high - low) / about
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in STEPS if step * power >= least * (1 - SLACK))


def labels(values: list[float]) -> list[str]:
    """Ticks as text, with no more decimals than their distance needs; with powers of ten where all are tiny."""
    step = min((b - a for a, b in pairwise(values)), default=abs(values[0]) if values else 1.0)
    decimals = max(0, -math.floor(math.log10(step) + SLACK)) if step else 0
    largest = max(map(abs, values), default=0.0)
    if decimals > DECIMALS_MAX and 0 < largest < SMALL:
        return [scientific(value, math.ceil(math.log10(largest / step) - SLACK)) for value in values]
    return [f"{value + 0.0:,.{decimals}f}".replace("-", "−") for value in values]
