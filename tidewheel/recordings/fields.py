"""One row's fields as text, read exactly: the definition of what a recorded file means, one row at a time.

Whole columns are read faster elsewhere, but never otherwise: what the fast ways cannot prove to be plain goes through
here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import NO_INT64
from tidewheel.domain.prices import INT64_MAX, price_e9
from tidewheel.recordings.quotes import NO_SIZE, Fault, RawBatch, SourceError

TIME_UNITS_NS = {"time_ms": 1_000_000, "time_us": 1_000, "time_ns": 1}
PRICES = ("bid", "offer")
SIZES = ("bid_size", "offer_size")
WHOLE = re.compile(r"[0-9]+")
FINITE = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
NOT_FINITE = re.compile(r"[+-]?(inf|infinity|s?nan[0-9]*)", re.IGNORECASE)
# Where the two sides of a quote are at fault in two ways, the one named.
PRECEDENCE = (
    DeadLetterReason.MALFORMED,
    DeadLetterReason.NOT_FINITE,
    DeadLetterReason.NOT_POSITIVE,
    DeadLetterReason.TOO_LARGE,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's columns in order, those that are read, and the unit of time."""

    columns: tuple[str, ...]
    time: str
    sizes: tuple[str, ...]

    @property
    def unit_ns(self) -> int:
        return TIME_UNITS_NS[self.time]

    @property
    def wanted(self) -> tuple[str, ...]:
        return (self.time, *PRICES, *self.sizes)


def parse_layout(columns: Sequence[str], file: str) -> Layout:
    """Raises SourceError unless there is one time column, a bid and an offer, each once."""
    times = [name for name in columns if name in TIME_UNITS_NS]
    missing = [name for name in PRICES if name not in columns]
    if len(times) != 1 or missing:
        found = ",".join(columns)
        raise SourceError(
            f"{file}: its columns must be time_ms (or time_us, time_ns), bid, offer and may be bid_size, offer_size; "
            f"found {found[:200]!r}"
        )
    sizes = tuple(name for name in SIZES if name in columns)
    for name in (*times, *PRICES, *sizes):
        if list(columns).count(name) > 1:
            raise SourceError(f"{file}: column {name} is there twice")
    return Layout(tuple(columns), times[0], sizes)


class FieldError(TidewheelError):
    """A field that cannot be read."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, detail)


def parse_time_ns(name: str, text: str) -> int:
    """Raises FieldError."""
    text = text.strip()
    if not WHOLE.fullmatch(text) or len(text) > 30:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text[:50]!r} is no whole number")
    value = int(text) * TIME_UNITS_NS[name]
    if value > INT64_MAX:
        raise FieldError(DeadLetterReason.MALFORMED, f"{name} {text} is past the year 2262")
    return value


def parse_number_e9(name: str, text: str) -> int:
    """A price or size in 1e-9 units, of either sign. Raises FieldError."""
    text = text.strip()
    if NOT_FINITE.fullmatch(text):
        raise FieldError(DeadLetterReason.NOT_FINITE, f"{name} {text[:50]!r} is not finite")
    if not FINITE.fullmatch(text):
        raise FieldError(
            DeadLetterReason.MALFORMED, f"{name} {text[:50]!r} is no number" if text else f"{name} is empty"
        )
    try:
        value = price_e9(text)
    except ValueError:
        value = _out_of_range(text)
    if value < 0:
        raise FieldError(DeadLetterReason.NOT_POSITIVE, f"{name} {text[:50]} is not above zero")
    if value > INT64_MAX:
        raise FieldError(DeadLetterReason.TOO_LARGE, f"{name} {text[:50]} is too large")
    return value


def _out_of_range(text: str) -> int:
    """Any value on the same side of what fits, for a number too long or of too large an exponent to work out."""
    mantissa, _, exponent = text.lower().partition("e")
    if exponent.startswith("-") or not mantissa.strip("+-0."):
        return 0
    return -INT64_MAX - 1 if mantissa.startswith("-") else INT64_MAX + 1


def parse_row(layout: Layout, texts: Mapping[str, str]) -> tuple[int, ...] | Fault:
    """Time, bid, offer and sizes of one row, or why it has none."""
    try:
        at = parse_time_ns(layout.time, texts[layout.time])
    except FieldError as bad:
        return bad.fault
    sides: list[int] = []
    faults: list[Fault] = []
    for name in PRICES:
        try:
            sides.append(parse_number_e9(name, texts[name]))
        except FieldError as bad:
            faults.append(bad.fault)
        else:
            if sides[-1] == 0:
                faults.append(Fault(DeadLetterReason.NOT_POSITIVE, f"{name} 0 is not above zero"))
    if faults:
        return min(faults, key=lambda fault: PRECEDENCE.index(fault.reason))
    try:
        sizes = [parse_number_e9(name, texts[name]) if texts[name].strip() else NO_SIZE for name in layout.sizes]
    except FieldError as bad:
        return Fault(DeadLetterReason.MALFORMED, bad.fault.detail)
    return at, *sides, *sizes


def parse_batch(
    layout: Layout, rows: Sequence[Mapping[str, str] | Fault], first_place: int, raw: Sequence[bytes]
) -> RawBatch:
    """Rows given as texts by column name, one after another; a row may be a fault already."""
    faults: dict[int, Fault] = {}
    values = np.zeros((len(rows), len(layout.wanted)), dtype=np.int64)
    for index, texts in enumerate(rows):
        read = texts if isinstance(texts, Fault) else parse_row(layout, texts)
        if isinstance(read, Fault):
            faults[index] = read
        else:
            values[index] = read
    columns = dict(zip(layout.wanted, values.T, strict=True))
    return RawBatch(
        place=np.arange(first_place, first_place + len(rows), dtype=np.int64),
        time_ns=columns[layout.time],
        bid_e9=columns["bid"],
        offer_e9=columns["offer"],
        bid_size_e9=columns.get("bid_size", NO_INT64),
        offer_size_e9=columns.get("offer_size", NO_INT64),
        faults=faults,
        raw=raw.__getitem__,
    )
