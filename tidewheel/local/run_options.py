"""What a run is asked to do: parsed, checked for sense, and compared with an earlier run. Values only."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewheel.domain.feeds import SIMULATOR, STDIN, Feed, joined_paths, split_paths
from tidewheel.domain.market import check_instrument
from tidewheel.domain.prices import Threshold
from tidewheel.domain.windows import Windowing
from tidewheel.recordings.instrument_column import InstrumentColumn, parse_instrument_column

MAX = "max"
SPEED_MAX = 1_000_000.0
SPEED_SIM = "60"
SPEED_LIVE = "1"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run. Fields stand as they were typed where a service parses them itself; `None` = not asked for."""

    feed: Feed
    symbol: str
    speed: str
    threshold: Threshold
    orders_per_second: int
    window: int
    step: int
    trials: int
    memory: int
    exit_on: str
    max_holding: float | None
    promotion: str
    sim_seed: int
    sim_edge: float
    sim_flip_s: int
    exit_after_models: int | None
    stay: bool
    reading: tuple[tuple[str, str], ...] = ()  # how a recorded file is read: ingest's settings as texts
    warm_up: tuple[Path, ...] = ()  # recordings that come before a live feed

    @property
    def instruments(self) -> tuple[str, ...]:
        """The ids of what is traded, but for what a recorded file says by itself."""
        return self.feed.instruments(self.symbol)

    @property
    def column(self) -> InstrumentColumn | None:
        """What tells the instruments of a recorded file apart, where that was said."""
        text = dict(self.reading).get("INSTRUMENT_COLUMN")
        return parse_instrument_column(text) if text else None

    @property
    def watched(self) -> str | None:
        """The instrument of the run; None where there are several."""
        one, *others = self.instruments
        return None if others or (self.column and self.column.several) else one

    @property
    def traded(self) -> str:
        """What is traded, for people."""
        return self.watched or (f"instruments by {self.column}" if self.column else ", ".join(self.instruments))

    @property
    def windowing(self) -> Windowing:
        return Windowing(self.window, self.step)

    def lasting(self) -> dict[str, Any]:
        """What cannot change over the life of a data directory: it shapes ticks, orders, labels or window numbers."""
        simulated = {"sim_seed": self.sim_seed, "sim_edge": self.sim_edge, "sim_flip_s": self.sim_flip_s}
        return {
            "feed": str(self.feed),
            "instrument": self.symbol,
            "threshold": str(self.threshold),
            "orders_per_second": self.orders_per_second,
            "window": self.window,
            "step": self.step,
            "exit_on": self.exit_on,
            "max_holding": self.max_holding,
            **({"warm_up": joined_paths(self.warm_up)} if self.warm_up else {}),
            **(simulated if self.feed.kind == SIMULATOR else {}),
            **{name.lower(): text for name, text in self.reading},
        }

    def changing(self) -> dict[str, Any]:
        """What may differ from one start to the next."""
        return {"speed": self.speed, "trials": self.trials, "memory": self.memory, "promotion": self.promotion}


def checked(options: RunOptions) -> RunOptions:
    """The options, if they go together. Raises ValueError in words for people."""
    for instrument in options.instruments:
        check_instrument(instrument)
    if len(options.instruments) > 1 and not options.feed.venues:
        raise ValueError("--instrument: only a live feed takes several")
    if options.warm_up and not options.feed.venues:
        raise ValueError("--warm-up: only a live feed has something before it")
    if options.warm_up and options.column and options.column.several:
        raise ValueError("--instrument-column: what comes before a live feed is of one value")
    Windowing(options.window, options.step)
    speed = parse_speed(options.speed)
    if options.feed.venues and speed != SPEED_LIVE:
        raise ValueError("--speed: a live market has a speed of its own: leave it out")
    return dataclasses.replace(options, speed=speed)


def parse_feed(text: str) -> Feed:
    """A feed whose file is named such that it can be found from any folder. Raises ValueError in words for people."""
    feed = Feed.parse(text)
    if feed.path == STDIN:
        return feed
    return dataclasses.replace(feed, path=feed.path.expanduser().resolve()) if feed.path else feed


def parse_warm_up(text: str) -> tuple[Path, ...]:
    """Recorded files, named such that they can be found from any folder. Raises ValueError in words for people."""
    return tuple(path.expanduser().resolve() for path in split_paths(text))


def parse_speed(text: str) -> str:
    """`max` or a positive number, as the services take it. Raises ValueError."""
    word = text.strip().lower()
    if word == MAX:
        return MAX
    try:
        number = float(word)
    except ValueError:
        number = 0.0
    if not 0.0 < number <= SPEED_MAX:
        raise ValueError(f"{text!r} must be max, or a number above 0 and up to {SPEED_MAX:.0f}")
    return f"{number:g}"


def default_speed(feed: Feed) -> str:
    """Time runs as fast as it can for a recorded file, at 60 × for the simulator, and as it does for a live venue."""
    if feed.venues:
        return SPEED_LIVE
    return MAX if feed.ends else SPEED_SIM


def changed_since(earlier: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of the lasting settings differs from an earlier run, a phrase each."""
    return [
        f"--{name.replace('_', '-')} was {earlier[name]}, now {value}"
        for name, value in now.items()
        if name in earlier and earlier[name] != value
    ]


BROKERS = re.compile(r"[^\s,:/]+:\d{1,5}(,[^\s,:/]+:\d{1,5})*|\[[0-9a-fA-F:]+\]:\d{1,5}")


def parse_bootstrap(text: str) -> str:
    """`host:port[,host:port …]`. Raises ValueError."""
    if not BROKERS.fullmatch(text.strip()):
        raise ValueError(f"{text!r} must look like 127.0.0.1:9092")
    return text.strip()
