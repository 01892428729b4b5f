"""How fast counts grow, over the last few seconds of wall clock."""

from collections import deque
from dataclasses import dataclass

SPAN_S = 6.0
EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts at one instant of the wall clock."""

    at_s: float
    ticks: int = 0
    second: int = -1
    examples: int = 0


class Rates:
    """Keeps samples of the last `span_s`; all rates are 0 until there are two."""

    def __init__(self, span_s: float = SPAN_S) -> None:
        self._span_s = span_s
        self._samples: deque[Sample] = deque()

    def take(self, sample: Sample) -> None:
        """Add a sample; one that follows within EVERY_S replaces nothing and is dropped."""
        samples = self._samples
        if samples and sample.at_s - samples[-1].at_s < EVERY_S:
            return
        if samples and samples[-1].second < 0 <= sample.second:
            samples.clear()
        samples.append(sample)
        while len(samples) > 2 and samples[1].at_s <= sample.at_s - self._span_s:
            samples.popleft()

    def _per_s(self, first: float, last: float) -> float:
        passed_s = self._samples[-1].at_s - self._samples[0].at_s
        return max(0.0, (last - first) / passed_s) if passed_s > 0 else 0.0

    @property
    def ticks_per_s(self) -> float:
        return self._per_s(self._samples[0].ticks, self._samples[-1].ticks) if self._samples else 0.0

    @property
    def speed(self) -> float:
        """Market seconds per second."""
        return self._per_s(self._samples[0].second, self._samples[-1].second) if self._samples else 0.0

    @property
    def examples_per_s(self) -> float:
        return self._per_s(self._samples[0].examples, self._samples[-1].examples) if self._samples else 0.0
