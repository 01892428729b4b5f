"""Times and lengths of time as text; all times are UTC."""

from datetime import UTC, datetime

from tidewheel.domain.time import NS_PER_S
from tidewheel.presentation.numbers import NONE

AGE_UNITS_S = (("d", 86_400), ("h", 3600), ("min", 60))


def timestamp(ns: int) -> str:
    """A time as ISO 8601, to the second; a dash where it is not known."""
    return f"{datetime.fromtimestamp(ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%SZ}" if ns else NONE


def market_time(second: int) -> str:
    """A market second as date and time."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}"


def clock_time(second: int) -> str:
    """A second as the time of its day."""
    return f"{datetime.fromtimestamp(second, UTC):%H:%M:%S}"


def duration(ns: int) -> str:
    """A length of time that was measured, in the unit that says most: 2.08 s, 2 min 05 s."""
    if abs(ns) < NS_PER_S:
        return f"{ns / 1e6:.0f} ms"
    if abs(ns) < 120 * NS_PER_S:
        return f"{ns / NS_PER_S:.2f} s"
    minutes, s = divmod(round(ns / NS_PER_S), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {s:02d} s"


def timer(seconds: float) -> str:
    """A length of time that runs: 12 s, 3:05, 2:03:05."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, s = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"


def age(ns: int) -> str:
    """How old something is, in whole units of the largest that says enough: 119 s, 2 h, 3 d."""
    seconds = max(0, ns // NS_PER_S)
    for unit, length_s in AGE_UNITS_S:
        if seconds >= 2 * length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
