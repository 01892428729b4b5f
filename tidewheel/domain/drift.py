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

BETTING_FRACTIONS = (0.1, 0.3, 0.6)
MEAN_WINDOWS_TO_ALARM = 50  # between false alarms, in the mean, at least
RETAINED_SHARE = 0.5  # share of its mean result that a procedure may not fall below
PRIOR_RESULTS = 20  # zeros that the mean begins with


@dataclass(frozen=True, slots=True)
class DriftDetector:
    """What the bettors of one instrument have, by stake, and the results since the last alarm: `count` and `total`."""

    wealth: tuple[float, ...] = (0.0,) * len(BETTING_FRACTIONS)
    count: int = 0
    total: float = 0.0

    @property
    def drift_detected(self) -> bool:
        """Whether the last window has shown it."""
        return self.e_value >= MEAN_WINDOWS_TO_ALARM

    @property
    def e_value(self) -> float:
        """What the bettors have together, in the mean of their stakes."""
        return fsum(self.wealth) / len(self.wealth)

    def update(self, results: Sequence[float]) -> "DriftDetector":
        """Take in a window's results, in units fixed beforehand, of orders one at a time: gross ones where the model
        scores an order above its average row, their negative where below. After an alarm it begins anew."""
        if self.drift_detected:
            return DriftDetector().update(results)
        if not results:
            return self
        expected = max(0.0, RETAINED_SHARE * self.total / (self.count + PRIOR_RESULTS))
        wealth = [one + 1.0 for one in self.wealth]
        for result in results:
            wealth = [
                one * max(0.0, 1.0 - stake * (result - expected))
                for one, stake in zip(wealth, BETTING_FRACTIONS, strict=True)
            ]
        return DriftDetector(tuple(wealth), self.count + len(results), self.total + fsum(results))
