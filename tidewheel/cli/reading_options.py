"""Options that say how a recorded file is to be read, shared by every command that reads one.

The environment counts as it does for ingest, so that what reads a file before a run reads it as the run will.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from tidewheel.cli.options import Parsed, option_text
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.instrument_column import parse_instrument_column
from tidewheel.recordings.layout import MS_NS
from tidewheel.recordings.options import (
    LATE_MAX_NS,
    ReadingOptions,
    last_year,
    parse_columns,
    parse_time_unit,
)
from tidewheel.runtime.settings import PREFIX

F = TypeVar("F", bound=Callable[..., Any])
READING = ("columns", "time_unit", "instrument_column", "candle_spread", "any_year", "sort", "late_max_ms")


def _checked(name: str, parse: Callable[[str], Any]) -> Parsed:
    """A text that `parse` takes, as it was typed: services parse it again."""

    def text(value: str) -> str:
        parse(value)
        return value

    return Parsed(name, text)


OPTIONS = (
    click.option(
        "--columns",
        envvar=f"{PREFIX}COLUMNS",
        type=_checked("COLUMNS", parse_columns),
        metavar="time=T,bid=B,offer=O",
        help="Recorded file: which of its columns are what, where their names do not say so; bid_size and offer_size "
        "too. Where there is no header, by number from 1.",
    ),
    click.option(
        "--time-unit",
        envvar=f"{PREFIX}TIME_UNIT",
        type=_checked("UNIT", parse_time_unit),
        metavar="s|ms|us|ns",
        help="Recorded file: the unit of its time. Default: by its column's name, or its size.",
    ),
    click.option(
        "--instrument-column",
        envvar=f"{PREFIX}INSTRUMENT_COLUMN",
        type=_checked("COLUMN[=VALUE,…]", parse_instrument_column),
        metavar="COLUMN[=VALUE,…]",
        help="Recorded file of several instruments or venues, told apart by this column: take the rows of one value; "
        "given several, or the column alone for all it holds, each is an instrument of its own of one run.",
    ),
    click.option(
        "--candle-spread",
        envvar=f"{PREFIX}CANDLE_SPREAD",
        type=_checked("SPREAD", Threshold.parse),
        metavar="0.02|2bps",
        help="Recorded file of one-minute candles: take each as one coarse quote at its end, so wide around its close.",
    ),
    click.option(
        "--any-year",
        envvar=f"{PREFIX}ANY_YEAR",
        is_flag=True,
        help="Recorded file: take quotes before 2009 and after next year as they stand.",
    ),
    click.option(
        "--sort",
        envvar=f"{PREFIX}SORT",
        is_flag=True,
        help="Recorded file: put its rows in order of time first, in bounded memory, with a copy on disk.",
    ),
    click.option(
        "--late-max-ms",
        envvar=f"{PREFIX}LATE_MAX_MS",
        type=click.IntRange(0, 3_600_000),
        metavar="MS",
        help="Recorded file: how far a row may go back in time; it is moved onto the latest time and told of. "
        "Default: 1000.",
    ),
)


def reading_options(command: F) -> F:
    """Adds them all; `READING` has their names."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def as_settings(given: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Those that are given, as names and texts of ingest's settings."""
    return tuple((name.upper(), option_text(given[name])) for name in READING if given.get(name) not in (None, False))


def as_options(given: Mapping[str, Any], this_year: int) -> ReadingOptions:
    """The same for reading in this process."""
    return ReadingOptions(
        columns=parse_columns(given["columns"] or ""),
        time_unit=parse_time_unit(given["time_unit"]) if given["time_unit"] else None,
        chosen=parse_instrument_column(given["instrument_column"]) if given["instrument_column"] else None,
        candle_spread=Threshold.parse(given["candle_spread"]) if given["candle_spread"] else None,
        year_max=last_year(this_year, any_year=given["any_year"]),
        sort=given["sort"],
        late_max_ns=LATE_MAX_NS if given["late_max_ms"] is None else given["late_max_ms"] * MS_NS,
    )
