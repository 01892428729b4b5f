"""The time that live quotes are stamped with: the machine's, but never back, and not at once wherever it is set. Pure.

A small step of the wall clock is made up for over a while, as time servers do it. A large one forward is believed once
it has stayed for some seconds; a large one back that stays is the end: market time cannot go back.
"""

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.time import NS_PER_S

# How much faster or slower than real time runs while a step is made up for: one part in so many.
SLEW = 20
STEP_MAX_NS = 10 * NS_PER_S
BELIEVED_AFTER_NS = 10 * NS_PER_S


class ClockWentBackError(TidewheelError):
    """The wall clock was set back further than market time can wait; the message is one sentence for people."""


class LiveClock:
    """Fed with both clocks of the machine at each reading; `jumped_ns` is what it was set forward by so far."""

    def __init__(self, wall_ns: int, monotonic_ns: int) -> None:
        self._offset_ns = wall_ns - monotonic_ns
        self._read_ns = monotonic_ns
        self._far_since_ns: int | None = None
        self.jumped_ns = 0

    def at(self, wall_ns: int, monotonic_ns: int) -> int:
        """The time now. Raises ClockWentBackError."""
        away_ns = wall_ns - monotonic_ns - self._offset_ns
        passed_ns, self._read_ns = monotonic_ns - self._read_ns, monotonic_ns
        if abs(away_ns) <= STEP_MAX_NS:
            self._far_since_ns = None
            most_ns = passed_ns // SLEW
            self._offset_ns += min(max(away_ns, -most_ns), most_ns)
        elif self._stays_far(monotonic_ns):
            if away_ns < 0:
                raise ClockWentBackError(
                    f"this machine's clock went back by {-away_ns / NS_PER_S:,.0f} s, and market time cannot: "
                    "see that the clock is right, and start again once it has passed where it stood"
                )
            self._offset_ns += away_ns
            self.jumped_ns += away_ns
            self._far_since_ns = None
        return monotonic_ns + self._offset_ns

    @property
    def is_doubted(self) -> bool:
        """Whether the wall clock is somewhere else by now, and not yet believed."""
        return self._far_since_ns is not None

    def _stays_far(self, monotonic_ns: int) -> bool:
        if self._far_since_ns is None:
            self._far_since_ns = monotonic_ns
        return monotonic_ns - self._far_since_ns >= BELIEVED_AFTER_NS
