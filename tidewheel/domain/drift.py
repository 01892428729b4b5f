"""Drift of models as an e-detector: the mean time to a false alarm is stated, whatever the market (ADR 25).

A bettor bets against the models: that what they score above their average row does worse, and what they score below it
better, than half of what that came to since the last alarm, and than chance. As long as the models do at least that
well, she cannot expect to gain in any window. A new one starts with 1 at each window, and all of them bet on (Shiryaev
and Roberts; Shin, Ramdas and Rinaldo 2023): what they have together grows by at most 1 a window in the mean, so it
takes at least `WINDOWS` windows with a bet in the mean until it reaches that much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

STAKES = (0.1, 0.3, 0.6)
WINDOWS = 50  # between false alarms, in the mean, at least
KEPT = 0.5  # share of its mean result that a procedure may not fall below
RESULTS_MIN = 20  # zeros that the mean begins with


@dataclass(frozen=True, slots=True)
class DriftDetector:
    """What the bettors of one instrument have, by stake, and the results since the last alarm: `count` and `total`."""

    held: tuple[float, ...] = (0.0,) * len(STAKES)
    count: int = 0
    total: float = 0.0

    @property
    def drifted(self) -> bool:
        """Whether the last window has shown it."""
        return fsum(self.held) / len(self.held) >= WINDOWS

    def saw(self, results: Sequence[float]) -> "DriftDetector":
        """Take in a window's results, in units fixed beforehand, of orders one at a time: gross ones where the model
        scores an order above its average row, their negative where below. After an alarm it begins anew."""
        if self.drifted:
            return DriftDetector().saw(results)
        if not results:
            return self
        expected = max(0.0, KEPT * self.total / (self.count + RESULTS_MIN))
        held = [one + 1.0 for one in self.held]
        for result in results:
            held = [one * max(0.0, 1.0 - stake * (result - expected)) for one, stake in zip(held, STAKES, strict=True)]
        return DriftDetector(tuple(held), self.count + len(results), self.total + fsum(results))
