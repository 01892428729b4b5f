"""How late quotes come by their venue's own time, though nobody's clocks agree. Pure.

What lies between a venue's time and ours is the difference of two clocks and the way between them. The smallest
difference of the last minutes stands for clocks and the shortest way; what a quote has above it, it is late.
"""

from dataclasses import dataclass

from tidewheel.domain.time import NS_PER_S

# The smallest difference is of the bucket now and the one before it.
BUCKET_NS = 60 * NS_PER_S
# So many in a row are no strays: it is the clocks that have moved apart.
STRAYS_MAX = 10


@dataclass(frozen=True, slots=True)
class Lateness:
    """Of one quote. `late_ns` is below zero where it says to be of a time to come. `stray`: it is too far off."""

    late_ns: int
    stray: bool


class ClockSkew:
    """One symbol's. `tolerance_ns`: further off than this, before or behind, is a stray: it says nothing of the clocks
    and is not to be a tick."""

    def __init__(self, tolerance_ns: int) -> None:
        self._tolerance_ns = tolerance_ns
        self._bucket = 0
        self._lowest_ns: int | None = None
        self._lowest_before_ns: int | None = None
        self._strays = 0
        self.latest_ns = 0

    @property
    def base_ns(self) -> int | None:
        """Our clock less the venue's, with the shortest way of late; None while nothing is known."""
        known = [value for value in (self._lowest_ns, self._lowest_before_ns) if value is not None]
        return min(known, default=None)

    def lateness(self, received_ns: int, venue_ns: int) -> Lateness:
        """Judge a quote by its time of receipt and the venue's."""
        difference = received_ns - venue_ns
        self._rotate(received_ns // BUCKET_NS)
        base = self.base_ns
        late_ns = 0 if base is None else difference - base
        if abs(late_ns) > self._tolerance_ns:
            self._strays += 1
            if self._strays < STRAYS_MAX:
                return Lateness(late_ns, True)
            if late_ns > 0:  # late ones may be what a slow line holds back: only time tells
                return Lateness(late_ns, True)
            self.reset()
            late_ns = 0
        self._strays = 0
        self.latest_ns = difference
        self._lowest_ns = difference if self._lowest_ns is None else min(self._lowest_ns, difference)
        return Lateness(max(late_ns, 0) if base is None else late_ns, False)

    def reset(self) -> None:
        """Our own clock was set: what was known is of no use."""
        self._lowest_ns = self._lowest_before_ns = None
        self._strays = 0

    def _rotate(self, bucket: int) -> None:
        if bucket == self._bucket:
            return
        self._lowest_before_ns = self._lowest_ns if bucket == self._bucket + 1 else None
        self._lowest_ns, self._bucket = None, bucket
