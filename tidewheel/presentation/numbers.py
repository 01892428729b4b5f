"""Numbers as text: plain enough to be read by programs too, with a dash where there is none."""

import math

from tidewheel.domain.prices import E9

NONE = "–"


def number(value: float | None, digits: int = 3) -> str:
    """A share, score or precision; three decimals unless more are asked for."""
    return NONE if value is None or math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """A difference of shares, with its sign."""
    return f"{value:+.3f}"


def interval(value: float, low: float, high: float) -> str:
    """A share and the bounds of its interval."""
    return f"{number(value)} ({number(low)} to {number(high)})"


def signed_interval(value: float, low: float, high: float) -> str:
    """A difference of shares and the bounds of its interval, with their signs."""
    return f"{signed(value)} ({signed(low)} to {signed(high)})"


def count(value: int) -> str:
    """A whole number, its thousands set apart."""
    return f"{value:,}"


def percent(part: float, whole: float) -> str:
    """A share of something that is counted beside it."""
    return f"{100 * part / whole:.1f} %" if whole else NONE


def rate(value: float) -> str:
    """How many a second, or a factor of speed."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def setting(value: object) -> str:
    """A hyperparameter as it is typed; these range over many powers of ten."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def price(value_e9: int, like_e9: int | None = None) -> str:
    """A price with as many decimals as its size makes worth showing, or as another price has."""
    value = value_e9 / E9
    size = abs(value if like_e9 is None else like_e9 / E9)
    decimals = 2 if size >= 1000 else 3 if size >= 10 else 5 if size >= 0.1 else 8
    return f"{value:,.{decimals}f}"


def money(value_e9: float) -> str:
    """Profit and loss over many orders, with its sign."""
    return f"{value_e9 / E9:+,.2f}"


def money_an_order(value_e9: float) -> str:
    """Mean profit and loss of an order, with its sign; it may be far smaller than a cent."""
    return f"{value_e9 / E9:+,.4g}"
