"""One row's fields as text, read exactly: the definition of what a recorded file means, one row at a time.

Whole columns are read faster elsewhere, but never otherwise: what the fast ways cannot prove to be plain goes through
here.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import numpy as np

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import NO_INT64
from tidewheel.domain.prices import E9, INT64_MAX
from tidewheel.recordings.layout import Layout, NumberTime
from tidewheel.recordings.quotes import NO_SIZE, Fault, ParseFlag, RawBatch
from tidewheel.recordings.text_times import parse_text_time

NUMBER_CHARS_MAX = 400
WHOLE = re.compile(r"[0-9]+")
PLAIN_DECIMAL = re.compile(r"[0-9]+(\.[0-9]*)?")
FINITE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOT_FINITE = re.compile(r"[+-]?(inf|infinity|s?nan[0-9]*)", re.IGNORECASE)
# Exponents beyond this leave nothing of a number, or nothing that fits, however many digits stand before them.
EXPONENT_MAX = 1_000
# Where the two sides of a quote are at fault in two ways, the one named.
PRECEDENCE = (
    DeadLetterReason.MALFORMED,
    DeadLetterReason.NOT_FINITE,
    DeadLetterReason.NOT_POSITIVE,
    DeadLetterReason.TOO_LARGE,
)


class FieldError(TidewheelError):
    """A field that cannot be read."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


def parse_time_ns(layout: Layout, text: str) -> int:
    """The instant a field names, moved to where the layout says that it lies. Raises FieldError."""
    name, text = layout.time, text.strip()
    if isinstance(layout.clock, NumberTime):
        value = _number_time_ns(name, text, layout.clock)
    else:
        try:
            value = parse_text_time(text, layout.clock)
        except ValueError as failure:
            raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text[:50]!r} {failure}") from None
    value += layout.shift_ns
    if value > INT64_MAX:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text[:50]} is past the year 2262")
    if value < 0:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text[:50]} is before the year 1970")
    return value


def _number_time_ns(name: str, text: str, clock: NumberTime) -> int:
    if not (PLAIN_DECIMAL if clock.fractions else WHOLE).fullmatch(text) or len(text) > 30:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text[:50]!r} is no {clock.noun}")
    if not clock.fractions:
        return int(text) * clock.unit_ns
    return int((Decimal(text) * clock.unit_ns).to_integral_value(ROUND_HALF_EVEN))


def parse_number_e9(name: str, text: str, scale: int = 0) -> tuple[int, bool]:
    """A price or size in 1e-9 units, and whether it is exactly that, or was rounded half to even. `scale`: the power
    of ten that one unit of the text is. Raises FieldError."""
    text = text.strip()
    if NOT_FINITE.fullmatch(text):
        raise FieldError(DeadLetterReason.NOT_FINITE, f"{name} {text[:50]!r} is not finite")
    if not FINITE.fullmatch(text):
        raise FieldError(
            DeadLetterReason.MALFORMED, f"{name} {text[:50]!r} is no number" if text else f"{name} is empty"
        )
    if len(text) > NUMBER_CHARS_MAX:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} has {len(text)} characters: it is no price")
    exact = _exact(text, scale)
    value = int(exact.to_integral_value(ROUND_HALF_EVEN))
    if exact < 0:
        raise FieldError(DeadLetterReason.NOT_POSITIVE, f"{name} {text[:50]} is not above zero")
    if value > INT64_MAX:
        raise FieldError(DeadLetterReason.TOO_LARGE, f"{name} {text[:50]} is too large")
    return value, value == exact


def _exact(text: str, scale: int) -> Decimal:
    """The number in 1e-9 units; where its exponent is out of all bounds, one on the same side of what fits."""
    mantissa, _, exponent = text.lower().partition("e")
    with localcontext() as context:
        # Room for every digit given, so that nothing is rounded but the result.
        context.prec = NUMBER_CHARS_MAX + 3 * EXPONENT_MAX
        digits = exponent.lstrip("+-").lstrip("0")
        if len(digits) > 4 or int(digits or 0) > EXPONENT_MAX:
            # What is left of a number that is divided by so much is above zero and rounds to nothing.
            power = -EXPONENT_MAX if exponent.startswith("-") else EXPONENT_MAX
        else:
            power = int(exponent or 0)
        return Decimal(mantissa).scaleb(power + scale) * E9


def parse_row(layout: Layout, texts: Mapping[str, str]) -> tuple[tuple[int, ...], ParseFlag] | Fault:
    """Time, bid, offer and sizes of one row with what parsing changed in it, or why it has none."""
    try:
        at = parse_time_ns(layout, texts[layout.time])
    except FieldError as bad:
        return bad.fault
    sides: list[int] = []
    faults: list[Fault] = []
    parse_flags = ParseFlag(0)
    for name in dict.fromkeys(layout.prices):
        try:
            value, exact = parse_number_e9(name, texts[name], layout.scale)
        except FieldError as bad:
            faults.append(bad.fault)
            continue
        sides.append(value)
        if value == 0:
            faults.append(Fault(DeadLetterReason.NOT_POSITIVE, f"{name} {texts[name].strip()[:50]} is not above zero"))
        if not exact:
            parse_flags |= ParseFlag.PRICE_ROUNDED
    if faults:
        return min(faults, key=lambda fault: PRECEDENCE.index(fault.reason))
    sizes = [_size_e9(name, texts[name], layout.size_scale) for name in layout.sizes]
    if None in sizes:
        parse_flags |= ParseFlag.SIZE_LEFT_OUT
    bid, offer = layout.sides(*sides)
    return (at, bid, offer, *(NO_SIZE if size is None else size for size in sizes)), parse_flags


def _size_e9(name: str, text: str, scale: int) -> int | None:
    """A size, NO_SIZE where none is given; None for one that cannot be kept."""
    if not text.strip():
        return NO_SIZE
    try:
        value, exact = parse_number_e9(name, text, scale)
    except FieldError:
        return None
    return value if value or exact else None


def parse_batch(
    layout: Layout, rows: Sequence[Mapping[str, str] | Fault], first_place: int, raw: Sequence[bytes]
) -> RawBatch:
    """Rows given as texts by column name, one after another; a row may be a fault already."""
    faults: dict[int, Fault] = {}
    values = np.zeros((len(rows), 3 + len(layout.sizes)), dtype=np.int64)
    parse_flags = np.zeros(len(rows), dtype=np.uint8)
    for index, texts in enumerate(rows):
        read = texts if isinstance(texts, Fault) else parse_row(layout, texts)
        if isinstance(read, Fault):
            faults[index] = read
        else:
            values[index], parse_flags[index] = read
    sizes = dict(zip(layout.sizes, values.T[3:], strict=True))
    return RawBatch(
        place=np.arange(first_place, first_place + len(rows), dtype=np.int64),
        time_ns=values[:, 0].copy(),
        bid_e9=values[:, 1].copy(),
        offer_e9=values[:, 2].copy(),
        bid_size_e9=sizes.get(layout.bid_size or "", NO_INT64).copy(),
        offer_size_e9=sizes.get(layout.offer_size or "", NO_INT64).copy(),
        parse_flags=parse_flags if parse_flags.any() else NO_PARSE_FLAGS,
        faults=faults,
        raw=raw.__getitem__,
    )


NO_PARSE_FLAGS = np.empty(0, dtype=np.uint8)
