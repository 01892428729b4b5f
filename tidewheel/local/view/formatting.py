"""Numbers as short text and small drawings, the same all over the view."""

from collections.abc import Sequence
from datetime import UTC, datetime

from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S

BARS = "▁▂▃▄▅▆▇█"
NOTHING = "–"


def price(value_e9: int, like_e9: int | None = None) -> str:
    """A price with as many decimals as its size makes worth showing, or as another price has."""
    value = value_e9 / E9
    size = abs(value if like_e9 is None else like_e9 / E9)
    decimals = 2 if size >= 1000 else 3 if size >= 10 else 5 if size >= 0.1 else 8
    return f"{value:,.{decimals}f}"


def share(value: float | None) -> str:
    """A share or score of 0 to 1."""
    return NOTHING if value is None else f"{value:.3f}"


def per_s(value: float) -> str:
    """A rate, or a factor of speed."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def span(seconds: float) -> str:
    """A length of time: 12 s, 3:05, 2:03:05."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, s = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"


def age(now_ns: int, then_ns: int) -> str:
    return span((now_ns - then_ns) / NS_PER_S)


def market_time(second: int) -> str:
    """A market second as UTC date and time."""
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}"


def clock_time(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%H:%M:%S}"


def sparkline(values: Sequence[int], width: int) -> str:
    """The last values as bars between their lowest and highest, one a column; groups of values share a column by
    their last one."""
    if not values or width <= 0:
        return ""
    stride = -(-len(values) // width)
    shown = list(values)[::-1][::stride][::-1]
    low, high = min(shown), max(shown)
    if low == high:
        return BARS[3] * len(shown)
    return "".join(BARS[(value - low) * (len(BARS) - 1) // (high - low)] for value in shown)


def bar(part: float, width: int, full: str = "█", empty: str = "░") -> str:
    """A bar of `width` columns, `part` of it full."""
    filled = round(max(0.0, min(1.0, part)) * width)
    return full * filled + empty * (width - filled)
