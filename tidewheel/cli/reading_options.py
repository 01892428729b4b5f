"""Options that say how a recorded file is to be read, shared by every command that reads one."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from tidewheel.cli.options import Parsed, option_text
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.options import ReadingOptions, parse_columns, parse_pair, parse_time_unit

F = TypeVar("F", bound=Callable[..., Any])
READING = ("columns", "time_unit", "instrument_column", "candle_spread", "any_year", "sort")


def _checked(name: str, parse: Callable[[str], Any]) -> Parsed:
    """A text that `parse` takes, as it was typed: services parse it again."""

    def text(value: str) -> str:
        parse(value)
        return value

    return Parsed(name, text)


OPTIONS = (
    click.option(
        "--columns",
        type=_checked("COLUMNS", parse_columns),
        metavar="time=T,bid=B,offer=O",
        help="Recorded file: which of its columns are what, where their names do not say so; bid_size and offer_size "
        "too. Where there is no header, by number from 1.",
    ),
    click.option(
        "--time-unit",
        type=_checked("UNIT", parse_time_unit),
        metavar="s|ms|us|ns",
        help="Recorded file: the unit of its time. Default: by its column's name, or its size.",
    ),
    click.option(
        "--instrument-column",
        type=_checked("COLUMN=VALUE", parse_pair),
        metavar="COLUMN=VALUE",
        help="Recorded file of several instruments or venues: take the rows whose column holds this value.",
    ),
    click.option(
        "--candle-spread",
        type=_checked("SPREAD", Threshold.parse),
        metavar="0.02|2bps",
        help="Recorded file of one-minute candles: take each as one coarse quote at its end, so wide around its close.",
    ),
    click.option(
        "--any-year",
        is_flag=True,
        help="Recorded file: take quotes before 2009 and after next year as they stand.",
    ),
    click.option(
        "--sort",
        is_flag=True,
        help="Recorded file: put its rows in order of time first, in bounded memory, with a copy on disk.",
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
        chosen=parse_pair(given["instrument_column"]) if given["instrument_column"] else None,
        candle_spread=Threshold.parse(given["candle_spread"]) if given["candle_spread"] else None,
        year_max=0 if given["any_year"] else this_year + 1,
        sort=given["sort"],
    )
