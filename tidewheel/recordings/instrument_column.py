"""Which column tells the instruments of a recording apart, and which of them are read."""

from dataclasses import dataclass

from tidewheel.domain.market import check_symbol

ALL = "*"
# Instruments that one run takes from a recording.
INSTRUMENTS_MAX = 64


@dataclass(frozen=True, slots=True)
class InstrumentColumn:
    """A column that tells instruments apart, and which of them are read: those named, or, where none is, all. One
    that is named alone is read as the one instrument of a recording; several are dealt out to instruments of theirs."""

    name: str
    values: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        return len(self.values) != 1

    def __str__(self) -> str:
        return f"{self.name}={','.join(self.values) or ALL}"


def parse_instrument_column(text: str) -> InstrumentColumn:
    """`sym=BTCUSD`, `sym=BTCUSD,ETHUSD`, and `sym` or `sym=*` for all. Raises ValueError in words for people."""
    name, equals, listed = (part.strip() for part in text.partition("="))
    if not name or (equals and not listed):
        raise ValueError(f"{text!r} must look like column=value, column=one,another, or column for all")
    if listed in ("", ALL):
        return InstrumentColumn(name)
    values = tuple(value.strip() for value in listed.split(","))
    if len(set(values)) < len(values) or not all(values):
        raise ValueError(f"{text!r} names an instrument twice, or none")
    if len(values) > INSTRUMENTS_MAX:
        raise ValueError(f"{len(values)} instruments are more than the {INSTRUMENTS_MAX} that one run takes")
    if len(values) > 1:
        for value in values:
            check_symbol(value)
    return InstrumentColumn(name, values)
