"""How long to wait so that a venue's limits are kept. Pure: time is handed in."""

from tidewheel.venues.adapter import Rate


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
