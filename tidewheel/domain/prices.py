"""Prices as whole numbers of 1e-9 units: exact to compare, exact to add."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext

E9 = 1_000_000_000
PRICE_MAX_E9 = 9_200_000_000 * E9
INT64_MAX = 2**63 - 1
BPS_PER_UNIT = 10_000


def mid_e9(bid_e9: int, offer_e9: int) -> int:
    """(bid + offer) // 2, written so that the sum of two columns of int64 cannot overflow. Takes arrays as well."""
    return bid_e9 + (offer_e9 - bid_e9) // 2


def price_e9(text: str) -> int:
    """A decimal price in 1e-9 units, rounded half to even. Raises ValueError where it is no finite number."""
    try:
        with localcontext() as context:
            # Room for every digit given, so that nothing is rounded but the result.
            context.prec = len(text) + 40
            value = Decimal(text.strip())
            if not value.is_finite():
                raise ValueError(f"{text.strip()!r} is not finite")
            if value.copy_abs() > 10 * PRICE_MAX_E9:  # abs() itself would overflow
                raise ValueError(f"{text.strip()!r} is out of range")
            return int((value * E9).to_integral_value(ROUND_HALF_EVEN))
    except InvalidOperation:
        raise ValueError(f"{text.strip()!r} is no number") from None


def decimal_text(value_e9: int) -> str:
    """A value in 1e-9 units as the shortest exact decimal, for people."""
    sign = "-" if value_e9 < 0 else ""
    whole, fraction = divmod(abs(value_e9), E9)
    return f"{sign}{whole}.{fraction:09d}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Threshold:
    """Distance of an order's thresholds from its entry: absolute, or a share of the entry price.

    `value` is exact: 1e-9 units of quote currency, or 1e-9 of a basis point.
    """

    value_e9: int
    in_bps: bool

    @classmethod
    def parse(cls, text: str) -> "Threshold":
        """`10` (quote currency) or `15bps`. Raises ValueError in words for people."""
        number = text.strip().lower()
        in_bps = number.endswith("bps")
        try:
            value = price_e9(number.removesuffix("bps"))
        except ValueError:
            value = 0
        if value <= 0:
            raise ValueError(f"threshold {text!r}: give a positive amount of quote currency like 10, or like 15bps")
        return cls(value, in_bps)

    def __str__(self) -> str:
        return decimal_text(self.value_e9) + ("bps" if self.in_bps else "")

    def distance_e9(self, entry_e9: int) -> int:
        """Distance from an entry price, rounded half to even."""
        if not self.in_bps:
            return self.value_e9
        whole, rest = divmod(entry_e9 * self.value_e9, BPS_PER_UNIT * E9)
        twice = 2 * rest
        up = twice > BPS_PER_UNIT * E9 or (twice == BPS_PER_UNIT * E9 and whole % 2 == 1)
        return whole + up
