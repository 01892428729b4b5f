"""Whole columns are read as the definition reads each field: rows drawn at random, in every unit and form of time."""

from dataclasses import dataclass, replace
from random import Random

import numpy as np
import pytest

from tidewheel.recordings import csv_reader
from tidewheel.recordings.layout import UNITS_NS, Layout, NumberTime, TextTime
from tidewheel.recordings.quotes import RawBatch
from tidewheel.recordings.selection import Selection

COLUMNS = ("t", "b", "o", "bs", "os")
LAYOUT = Layout("drawn", COLUMNS, "t", ("b", "o"), NumberTime("ms"), "bs", "os", header=False)
CLOCKS = (
    *(NumberTime(unit, fractions) for unit in UNITS_NS for fractions in (False, True)),
    *(TextTime(),) * 4,
    *(TextTime(day_first=True),) * 4,
)
ODD = (
    *(
        "",
        "-1",
        "+1",
        ".5",
        "5.",
        ".",
        "1e5",
        "nan",
        "1-2",
        "1/2",
        "0",
        " 1",
        "1 ",
        "1..2",
        "1.2.3",
        "00000001.5",
        "\r",
    ),
    *("0.0000000001", "0.0000000005", "0.00000000051", "9" * 18, "9" * 19, "9" * 25, "92233720368547758.07", "٣"),
    *(f"922337203{n}.{rest}" for n in (5, 6, 7) for rest in ("854775807", "854775808", "8547758075", "85477580651")),
)
# What may stand where it does not belong.
INTRUDERS = "0123456789:/-.x "


def number(chance: Random) -> str:
    kind = chance.randrange(6)
    if kind < 2:
        return f"{chance.randrange(10 ** chance.randint(1, 6))}.{chance.randrange(10 ** chance.randint(1, 4))}"
    if kind == 2:
        return repr(chance.random() * 10 ** chance.randint(-3, 6))
    if kind == 3:
        return f"{chance.randrange(100)}.{'0' * chance.randint(0, 12)}5{'0' * chance.randint(0, 8)}"
    if kind == 4:
        return "".join(chance.choice("0123456789.") for _ in range(chance.randint(0, 26)))
    return chance.choice(ODD)


@dataclass(frozen=True)
class Form:
    """How times of text are written."""

    separator: str
    between: str
    decimals: int
    zone: str

    @staticmethod
    def drawn(chance: Random, *, day_first: bool) -> "Form":
        separator = "." if day_first else chance.choice(("-", ""))
        decimals = chance.choice((-2, 0, 1, 3, 6, 9))
        return Form(separator, chance.choice(" T"), decimals, chance.choice(("", "Z", "+01:00", "-0530", " UTC")))

    def text(self, chance: Random) -> str:
        year, month, day = chance.randint(1965, 2265), chance.randint(0, 13), chance.randint(0, 32)
        if chance.random() < 0.8:
            year, month, day = chance.randint(1970, 2261), chance.randint(1, 12), chance.randint(1, 28)
        parts = [f"{year:04d}", f"{month:02d}", f"{day:02d}"]
        text = self.separator.join(reversed(parts) if self.separator == "." else parts)
        text += f"{self.between}{chance.randint(0, 24):02d}:{chance.randint(0, 60):02d}"
        if self.decimals >= 0:
            text += f":{chance.randint(0, 60):02d}"
        if self.decimals > 0:
            text += f".{chance.randrange(10**self.decimals):0{self.decimals}d}"
        return text + self.zone


def instant(chance: Random, clock: NumberTime | TextTime, form: Form) -> str:
    if isinstance(clock, TextTime):
        text = form.text(chance)
    else:
        text = str(chance.randrange(2 * 10**18) // clock.unit_ns)
        text += f".{chance.randrange(10 ** chance.randint(1, 13))}" if chance.random() < 0.5 else ""
    return with_intruder(chance, text) if chance.random() < 0.1 else text


def with_intruder(chance: Random, text: str) -> str:
    """One character of it may be another."""
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(INTRUDERS) + text[at + 1 :]


def drawn(chance: Random) -> tuple[Layout, bytes]:
    clock = chance.choice(CLOCKS)
    scale, size_scale = chance.choice(((0, 0), (0, 0), (-9, 0), (-9, -9)))
    layout = replace(LAYOUT, clock=clock, scale=scale, size_scale=size_scale, quoted=chance.random() < 0.1)
    end = chance.choice(("\n", "\n", "\r\n"))
    forms = [Form.drawn(chance, day_first=clock in CLOCKS[-1:]) for _ in range(2)]
    rows = []
    for _ in range(chance.randint(1, 60)):
        numbers = [number(chance) for _ in COLUMNS[1:]]
        if chance.random() < 0.1:
            numbers[0] = with_intruder(chance, numbers[0])
        rows.append(",".join((instant(chance, clock, chance.choice(forms)), *numbers)))
    return layout, (end.join(rows) + chance.choice(("", end))).encode()


def values(batch: RawBatch) -> list[tuple[object, ...]]:
    """Each row as it is told: its numbers with what is remarked, its fault, or that a side of it is zero."""
    count = len(batch)
    parse_flags = batch.parse_flags if len(batch.parse_flags) else np.zeros(count, dtype=np.uint8)
    columns = (
        batch.place,
        batch.time_ns,
        batch.bid_e9,
        batch.offer_e9,
        batch.bid_size_e9,
        batch.offer_size_e9,
        parse_flags,
    )
    rows: list[tuple[object, ...]] = list(zip(*(column.tolist() for column in columns), strict=True))
    for at, fault in batch.faults.items():
        zero = fault.reason == "not_positive" and " 0" in fault.detail
        rows[at] = ("zero",) if zero and float(fault.detail.split()[1]) == 0 else (fault.reason, fault.detail)
    return [
        ("zero",) if at not in batch.faults and 0 in (batch.bid_e9[at], batch.offer_e9[at]) else row
        for at, row in enumerate(rows)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_block_is_read_as_its_lines_are(seed: int) -> None:
    chance, whole = Random(seed), 0
    for _ in range(40):
        layout, block = drawn(chance)
        fast = csv_reader.parse_columns(block, csv_reader.line_count(block), 1, layout, Selection(layout, "a file"))
        if fast is not None:
            whole += 1
            assert values(fast) == values(csv_reader.parse_lines(block, 1, layout, Selection(layout, "a file"))), block
    assert whole > 20
