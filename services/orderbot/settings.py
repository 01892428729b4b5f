"""What the order bot can be told."""

from dataclasses import dataclass

from services.orderbot.core import OrderRule
from tidewheel.domain.prices import Threshold
from tidewheel.domain.time import ORDER_IDS_PER_S
from tidewheel.runtime.settings import decimal, level, name, setting, text, whole

THRESHOLD_DEFAULT = Threshold.parse("10")


@dataclass(frozen=True, slots=True)
class Settings:
    """Filled from TIDEWHEEL_<NAME>."""

    kafka: str = setting(text, "127.0.0.1:9092")
    # Distance of both thresholds from the entry price: quote currency like 10, or basis points like 15bps.
    threshold: Threshold = setting(Threshold.parse, THRESHOLD_DEFAULT)  # noqa: RUF009 - a field like the others
    orders_per_second: int = setting(whole(1, ORDER_IDS_PER_S), 5)

    # After a kill the broker gives this process's partitions away once its session is over.
    session_timeout_s: float = setting(decimal(1, 300), 6.0)
    # A name that outlives the process, one for each: a killed orderbot gets its partitions back at once when it starts
    # again under its name. Empty: a new member each time.
    instance: str = setting(name, "")

    metrics_port: int = setting(whole(0, 65_535), 9102)
    log_level: str = setting(level, "INFO")

    @property
    def rule(self) -> OrderRule:
        return OrderRule(self.orders_per_second, self.threshold)
