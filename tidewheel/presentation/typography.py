"""Numbers of a page: as elsewhere, with the minus and infinity signs of print."""

from tidewheel.domain.prices import E9
from tidewheel.presentation import numbers, times


def number(value: float | None, digits: int = 3) -> str:
    """A share, score or precision; three decimals unless more are asked for."""
    return _typeset(numbers.number(value, digits))


def threshold_text(value: float | None) -> str:
    """A threshold; three decimals unless they would make it 0 or 1, which flag all or next to nothing."""
    short = number(value)
    return number(value, 6) if short in ("0.000", "1.000") and value not in (0.0, 1.0) else short


def interval(value: float, low: float, high: float) -> str:
    """A share and the bounds of its interval."""
    return _typeset(numbers.interval(value, low, high))


def hyperparameter(value: float | bool) -> str:
    """A setting of the search or a coefficient; these range over many powers of ten."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value and not 1e-3 <= abs(value) < 1e3:
        return scientific(value, 2)
    return _typeset(f"{value:.3g}")


def scientific(value: float, digits: int) -> str:
    """A number with a power of ten, and so many decimals before it."""
    mantissa, exponent = f"{value:.{max(0, digits)}e}".split("e")
    return _typeset(f"{mantissa}e{int(exponent)}") if value else "0"


def duration(ns: int) -> str:
    """A length of time, in the unit that says most."""
    return _typeset(times.duration(ns))


def money(value_e9: float) -> str:
    """Profit and loss, or its mean over orders, with its sign."""
    value = value_e9 / E9
    return _typeset(f"{value:+,.{6 if 0 < abs(value) < 0.01 else 3}f}")


def _typeset(plain: str) -> str:
    return plain.replace("-", "−").replace("inf", "∞")
