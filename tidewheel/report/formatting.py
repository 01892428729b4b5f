"""Numbers, times and states as text, the same all over a report."""

import math
from datetime import UTC, datetime

from tidewheel.domain.prices import E9
from tidewheel.domain.time import NS_PER_S

NONE = "–"


def number(value: float | None, digits: int = 3) -> str:
    """A share, score or precision; three decimals unless more are asked for."""
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def hyperparameter(value: float | bool) -> str:
    """A setting of the search or a coefficient; these range over many powers of ten."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value and not 1e-3 <= abs(value) < 1e3:
        return scientific(value, 2)
    return f"{value:.3g}".replace("-", "−")


def scientific(value: float, digits: int) -> str:
    """A number with a power of ten, and so many decimals before it."""
    mantissa, exponent = f"{value:.{max(0, digits)}e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "−") if value else "0"


def count(value: int) -> str:
    return f"{value:,}"


def percent(part: float, whole: float) -> str:
    """A share of something that is counted beside it."""
    return f"{100 * part / whole:.1f} %" if whole else NONE


def span(ns: int) -> str:
    """A length of time, in the unit that says most."""
    if abs(ns) < NS_PER_S:
        return f"{ns / 1e6:.0f} ms".replace("-", "−")
    if abs(ns) < 120 * NS_PER_S:
        return f"{ns / NS_PER_S:.2f} s".replace("-", "−")
    minutes, s = divmod(round(ns / NS_PER_S), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {s:02d} s"


def timestamp(ns: int) -> str:
    """A time as ISO 8601 in UTC, to the second; a dash where it is not known."""
    return f"{datetime.fromtimestamp(ns // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%SZ}" if ns else NONE


def money(value_e9: float) -> str:
    """Profit and loss, or its mean over orders, with its sign."""
    value = value_e9 / E9
    return f"{value:+,.{6 if 0 < abs(value) < 0.01 else 3}f}".replace("-", "−")


def reason_text(word: str) -> str:
    """A reason as it is counted, for people: `one_class` is one class."""
    return word.replace("_", " ")


def threshold_text(threshold: float | None) -> str:
    """A threshold; three decimals unless they would make it 0 or 1, which flag all or next to nothing."""
    short = number(threshold)
    return number(threshold, 6) if short in ("0.000", "1.000") and threshold not in (0.0, 1.0) else short
