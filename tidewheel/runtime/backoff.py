"""How long to wait before another try: the one place for it. Pure: chance is handed in."""

from collections.abc import Callable

DOUBLINGS_MAX = 60


def doubled_s(first_s: float, longest_s: float, failures: int) -> float:
    """After so many failures in a row, at least one: `first_s`, twice as long after each more, up to `longest_s`."""
    return min(first_s * 2.0 ** min(failures - 1, DOUBLINGS_MAX), longest_s)


class FullJitter:
    """Anything up to a bound that doubles with each try, so that many who were cut off at once do not come back at
    once. `chance`: from 0 to 1."""

    def __init__(self, chance: Callable[[], float], first_s: float, longest_s: float) -> None:
        self._chance = chance
        self._first_s, self._longest_s = first_s, longest_s
        self._tries = 0

    def next_s(self) -> float:
        self._tries += 1
        return self._chance() * doubled_s(self._first_s, self._longest_s, self._tries)

    def reset(self) -> None:
        """All was well for long enough."""
        self._tries = 0
