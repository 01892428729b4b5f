"""Ingest's settings."""

import math
from dataclasses import dataclass
from pathlib import Path

from services.ingest.seconds import SessionRules
from tidewheel.domain.feeds import DEFAULT_SYMBOL, IG, SIM_FLIP_MAX_S, SIMULATOR, Feed, split_paths, split_symbols
from tidewheel.domain.market import check_instrument
from tidewheel.domain.prices import Threshold
from tidewheel.recordings.instrument_column import InstrumentColumn, parse_instrument_column
from tidewheel.recordings.layout import MS_NS
from tidewheel.recordings.options import ReadingOptions, last_year, parse_columns, parse_time_unit
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import (
    Parser,
    decimal,
    log_level_setting,
    metrics_host_setting,
    metrics_port_setting,
    setting,
    switch,
    text,
    whole,
)
from tidewheel.venues.ig_settings import IgSettings

SPEED_MAX = 1_000_000.0


def symbols(value: str) -> str:
    """The part of an instrument id after the feed, or several with commas between."""
    if ":" in value:
        raise ValueError(f"{value!r}: give the symbol alone, like BTC-USD; the feed's name is put before it")
    for symbol in split_symbols(value):
        check_instrument(f"{SIMULATOR}:{symbol}")
    return value


def venue_url(value: str) -> str:
    """The address of a venue's websocket, or of its login."""
    if not value.startswith(("wss://", "ws://", "https://", "http://")):
        raise ValueError(f"{value!r} must begin with wss:// or ws://, or https:// or http:// for ig")
    return value


def speed(value: str) -> float:
    """Market time over wall clock; `max`, as fast as it can, is infinity."""
    if value.strip().lower() == "max":
        return math.inf
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= SPEED_MAX:
        raise ValueError(f"{value!r} must be max, or a number above 0 and up to {SPEED_MAX:.0f}")
    return number


@dataclass(frozen=True, slots=True)
class Settings(KafkaSettings, IgSettings):
    """Filled from TIDEWHEEL_<NAME>."""

    feed: Feed = setting(  # noqa: RUF009 - it makes a field
        Parser(Feed.parse, "`sim`, `replay:<path>`, `kraken`, `coinbase`, `binance`, `okx`, `ig`, `kraken,coinbase`"),
        Feed(SIMULATOR),
        meaning="Where quotes come from.",
    )
    instrument: str = setting(
        Parser(symbols, "a symbol, `BTC-USD,ETH-USD` of a live feed"),
        DEFAULT_SYMBOL,
        meaning="What is traded; the instrument id gets the feed before it.",
    )
    venue_url: str = setting(
        Parser(venue_url, "`wss://…`, `ws://…`, for `ig` `https://…`"),
        "",
        meaning="Where a live venue is reached, instead of its own addresses.",
    )
    venue_book: bool = setting(
        switch,
        False,
        meaning="Whether a venue is heard by its order book, kept here, instead of its quotes: Coinbase alone has "
        "one (level2_batch, each 50 ms); its ticker comes with trades only.",
    )
    venue_late_max_ms: int = setting(
        whole(100, 3_600_000),
        10_000,
        unit="ms",
        meaning="How much later or earlier than the quotes around it a live quote may be by its venue's own time; what "
        "is further off is rejected.",
    )
    warm_up: tuple[Path, ...] = setting(
        Parser(split_paths, "`day.csv.gz`, `one.frames.jsonl.zst,another.frames.jsonl.zst`"),
        (),
        meaning="Recordings that are replayed at full speed before a live feed is heard, in this order, as earlier "
        "sessions of its instruments; nothing: none.",
    )
    speed: float = setting(
        Parser(speed, f"number above 0 and up to {SPEED_MAX:,.0f}, or `max`"),
        1.0,
        unit="market seconds a second",
        meaning="Market time against the clock; `max` is as fast as it can.",
    )
    ahead_max_s: int = setting(
        whole(0, 31_536_000),
        7_200,
        unit="s of market",
        meaning="At speed `max`, market seconds that may wait for the labeler, so that memory and disk stay bounded; "
        "0: no limit.",
    )

    columns: tuple[tuple[str, str], ...] = setting(
        Parser(parse_columns, "`time=ts,bid=b,offer=a`"),
        (),
        meaning="Which columns of a recorded file are what, if their names do not say it; without a header, by number.",
    )
    time_unit: str | None = setting(
        Parser(parse_time_unit, "`s`, `ms`, `us` or `ns`"), None, meaning="The unit of a recorded file's time."
    )
    instrument_column: InstrumentColumn | None = setting(  # noqa: RUF009 - it makes a field
        Parser(parse_instrument_column, "`column=value`, `column=one,another`, `column` for all"),
        None,
        meaning="Of a recorded file of several instruments or venues: the rows whose column holds this value. Of "
        "several values, or all, each is an instrument of its own, whose id is made of the feed and the value.",
    )
    candle_spread: Threshold | None = setting(  # noqa: RUF009 - it makes a field
        Parser(Threshold.parse, "like `0.02` or `2bps`"),
        None,
        meaning="How wide the coarse quote is that is made of each candle of a recorded file.",
    )
    any_year: bool = setting(
        switch,
        False,
        meaning="Whether quotes of a recorded file before 2009 and after next year are taken as they stand.",
    )
    sort: bool = setting(switch, False, meaning="Whether a recorded file's rows are put in order of time first.")
    late_max_ms: int = setting(
        whole(0, 3_600_000),
        1_000,
        unit="ms",
        meaning="How far a row of a recorded file may go back in time: it is moved onto the latest time and told of.",
    )

    place_file: str = setting(
        text,
        "",
        meaning="Where it is kept which part of a recorded file is being parsed, so that a crash names the place and "
        "the next start reads it line by line; nothing: nowhere.",
    )

    quiet_s: int = setting(
        whole(1, 86_400),
        600,
        unit="s of market",
        meaning="Quiet seconds written after the last quote before its session is over.",
    )
    stale_s: int = setting(
        whole(1, 86_400),
        60,
        unit="s of market",
        meaning="A second whose quote is older is stale: nothing is bought in it.",
    )

    sim_seed: int = setting(whole(0, 2**63 - 1), 1, meaning="Seed of the simulated market.")
    sim_edge: float = setting(decimal(0, 1), 1.0, meaning="Strength of its planted pattern; 0 is pure chance.")
    sim_flip_s: int = setting(
        whole(0, SIM_FLIP_MAX_S),
        0,
        unit="s of market",
        meaning="Plants a pattern that is stable with either sign, and turns its sign after so long; 0 plants the "
        "usual one, which never turns.",
    )

    sim_events_file: str = setting(
        text,
        "",
        meaning="Where it stands what else is to happen to the simulated market, a line each, as in `gap 1767230000 "
        "1767240000`: a `gap` without quotes, a `burst` of them, or a `flip` of its pattern, from the one market "
        "second to the other. `tidewheel scenario` writes it; nothing: nothing is.",
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9101)
    log_level: str = log_level_setting()

    def __post_init__(self) -> None:
        """Raises ValueError where settings do not go together."""
        KafkaSettings.__post_init__(self)
        if self.feed.venues:
            if self.speed != 1:
                raise ValueError("TIDEWHEEL_SPEED: a live market has a speed of its own: leave it at 1")
            if self.venue_url and len(self.feed.venues) > 1:
                raise ValueError("TIDEWHEEL_VENUE_URL: is of one venue, and the feed has several")
            if IG in self.feed.venues:
                self.check_login()
            if self.venue_url and self.venue_url.startswith("http") != (self.feed.kind == IG):
                raise ValueError("TIDEWHEEL_VENUE_URL: of ig it is https://…, of any other venue wss://…")
            if self.warm_up and self.instrument_column is not None and self.instrument_column.several:
                raise ValueError("TIDEWHEEL_INSTRUMENT_COLUMN: what comes before a live feed is of one value")
        elif self.warm_up:
            raise ValueError("TIDEWHEEL_WARM_UP: only a live feed has something before it")
        elif len(split_symbols(self.instrument)) > 1:
            raise ValueError("TIDEWHEEL_INSTRUMENT: only a live feed takes several symbols")

    @property
    def instrument_id(self) -> str:
        return f"{self.feed.kind}:{self.instrument}"

    def reading(self, this_year: int) -> ReadingOptions:
        """How recorded files are read."""
        return ReadingOptions(
            columns=self.columns,
            time_unit=self.time_unit,
            chosen=self.instrument_column,
            candle_spread=self.candle_spread,
            year_max=last_year(this_year, any_year=self.any_year),
            sort=self.sort,
            late_max_ns=self.late_max_ms * MS_NS,
        )

    @property
    def rules(self) -> SessionRules:
        return SessionRules(self.quiet_s, self.stale_s)
