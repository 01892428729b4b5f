"""The only place of the local system that asks the machine what time it is; everything else is told."""

import time

from tidewheel.domain.time import NS_PER_S


def wall_ns() -> int:
    """Nanoseconds since the epoch, UTC; informative only."""
    return time.time_ns()


def steady_s() -> float:
    """Seconds of a clock that never goes back."""
    return time.monotonic()


def wall_stamp() -> str:
    """Now as a sortable name for a folder: 20261122T180312Z."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall_ns() // NS_PER_S))


def wall_time() -> str:
    """Now as people read it in a line: 18:03:12 UTC without the zone."""
    return time.strftime("%H:%M:%S", time.gmtime(wall_ns() // NS_PER_S))


def this_year() -> int:
    """The year it is, UTC."""
    return time.gmtime(wall_ns() // NS_PER_S).tm_year
