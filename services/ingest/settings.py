"""What ingest can be told."""

import math
from dataclasses import dataclass

from services.ingest.seconds import Rules
from tidewheel.domain.feeds import SIM_FLIP_MAX_S, SIMULATOR, Feed
from tidewheel.domain.market import check_instrument
from tidewheel.runtime.settings import decimal, level, setting, text, whole

SPEED_MAX = 1_000_000.0


def symbol(value: str) -> str:
    """The part of an instrument id after the venue."""
    if ":" in value:
        raise ValueError(f"{value!r}: give the symbol alone, like BTC-USD; the feed's name is put before it")
    check_instrument(f"{SIMULATOR}:{value}")
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
class Settings:
    """Filled from TIDEWHEEL_<NAME>."""

    kafka: str = setting(text, "127.0.0.1:9092")
    feed: Feed = setting(Feed.parse, Feed(SIMULATOR))  # noqa: RUF009 - it makes a field
    instrument: str = setting(symbol, "BTC-USD")
    speed: float = setting(speed, 1.0)
    # At speed max: market seconds that may wait for the labeler, so that memory and disk stay bounded. 0: no limit.
    ahead_max_s: int = setting(whole(0, 31_536_000), 7_200)

    # Seconds written after the last quote before its session is over; age at which a second is stale.
    quiet_s: int = setting(whole(1, 86_400), 600)
    stale_s: int = setting(whole(1, 86_400), 60)

    sim_seed: int = setting(whole(0, 2**63 - 1), 1)
    sim_edge: float = setting(decimal(0, 1), 1.0)
    # Market seconds after which the sign of the edge turns; 0: never.
    sim_flip_s: int = setting(whole(0, SIM_FLIP_MAX_S), 0)

    metrics_port: int = setting(whole(0, 65_535), 9101)
    log_level: str = setting(level, "INFO")

    @property
    def instrument_id(self) -> str:
        return f"{self.feed.kind}:{self.instrument}"

    @property
    def rules(self) -> Rules:
        return Rules(self.quiet_s, self.stale_s)
