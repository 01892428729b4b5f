"""Small drawings of the view, as text."""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


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
