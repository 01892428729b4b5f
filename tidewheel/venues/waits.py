"""How long to wait: before another try, and so that a venue's limits are kept. Pure: time and chance are handed in."""

from collections.abc import Callable

from tidewheel.venues.adapter import Rate

FIRST_S = 1.0
LONGEST_S = 30.0


class Backoff:
    """Full jitter: anything up to a bound that doubles with each try, to `LONGEST_S`. `chance`: from 0 to 1."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self.tries = 0

    def next_s(self) -> float:
        bound_s = min(LONGEST_S, FIRST_S * 2.0 ** min(self.tries, 10))
        self.tries += 1
        return self._chance() * bound_s

    def reset(self) -> None:
        """All was well for long enough."""
        self.tries = 0


class TokenBucket:
    """Keeps a rate: who takes a token is told how long to wait first."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._free_at_s = float("-inf")  # when the bucket would be full

    def take_s(self, now_s: float) -> float:
        """Take one; 0 where it is there already."""
        every_s = self._rate.every_s
        self._free_at_s = max(self._free_at_s, now_s) + every_s
        return max(0.0, self._free_at_s - now_s - self._rate.burst * every_s)
