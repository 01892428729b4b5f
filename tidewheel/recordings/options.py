"""What a user says of a recording beside its path: values, and how they are written on a command line."""

import re
from dataclasses import dataclass

from tidewheel.domain.prices import Threshold
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.instrument_column import InstrumentColumn
from tidewheel.recordings.layout import UNITS_NS

ROLES = ("time", "bid", "offer", "bid_size", "offer_size")
PAIR = re.compile(r"([^=]+)=(.+)")
# What live feeds may send out of order, and a recorder then writes so.
LATE_MAX_NS = NS_PER_S
# Any clock of a market with electronic quotes in crypto; what is older says so.
FIRST_YEAR = 2009


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a recording is to be read. `columns`: (role, name in the file); headerless files name theirs 1, 2, …
    `year_max`: the last year of a quote that is believed, 0 for any from 1970 on. `late_max_ns`: how far a row may go
    back in time and is moved onto the latest one."""

    columns: tuple[tuple[str, str], ...] = ()
    time_unit: str | None = None
    chosen: InstrumentColumn | None = None
    candle_spread: Threshold | None = None
    year_max: int = 0
    sort: bool = False
    late_max_ns: int = LATE_MAX_NS

    @property
    def named(self) -> dict[str, str]:
        """The file's name of a column by its role."""
        return dict(self.columns)

    @property
    def several(self) -> bool:
        """Whether rows are of several instruments."""
        return self.chosen is not None and self.chosen.several


NO_OPTIONS = ReadingOptions()


def last_year(this_year: int, *, any_year: bool) -> int:
    """The last year of a quote that is believed, as `ReadingOptions` has it."""
    return 0 if any_year else this_year + 1


def parse_columns(text: str) -> tuple[tuple[str, str], ...]:
    """`time=ts,bid=b,offer=a`. Raises ValueError in words for people."""
    pairs = [parse_pair(part) for part in text.split(",") if part.strip()]
    for role, _ in pairs:
        if role not in ROLES:
            raise ValueError(f"{role!r} is none of {', '.join(ROLES)}: write time=ts,bid=b,offer=a")
    if len(dict(pairs)) < len(pairs):
        raise ValueError(f"{text!r} names a role twice")
    return tuple(pairs)


def parse_pair(text: str) -> tuple[str, str]:
    """`sym=BTCUSD`. Raises ValueError in words for people."""
    found = PAIR.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} must look like column=value")
    return found[1].strip(), found[2].strip()


def parse_time_unit(text: str) -> str:
    """`s`, `ms`, `us` or `ns`. Raises ValueError."""
    unit = text.strip().lower()
    if unit not in UNITS_NS:
        raise ValueError(f"{text!r} is none of {', '.join(UNITS_NS)}")
    return unit
