"""The order bot's settings."""

from dataclasses import dataclass

from services.orderbot.core import OrderRule
from tidewheel.domain.prices import Threshold
from tidewheel.domain.time import ORDER_IDS_PER_S
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import (
    Parser,
    instance_setting,
    log_level_setting,
    metrics_host_setting,
    metrics_port_setting,
    session_timeout_setting,
    setting,
    whole,
)

THRESHOLD_DEFAULT = Threshold.parse("10")


@dataclass(frozen=True, slots=True)
class Settings(KafkaSettings):
    """Filled from TIDEWHEEL_<NAME>."""

    threshold: Threshold = setting(  # noqa: RUF009 - a field like the others
        Parser(Threshold.parse, "number like `10`, or basis points like `15bps`"),
        THRESHOLD_DEFAULT,
        unit="quote currency, or basis points of the entry price",
        meaning="Distance of both thresholds from the entry price.",
    )
    orders_per_second: int = setting(
        whole(1, ORDER_IDS_PER_S), 5, unit="orders a second of market", meaning="Mock orders bought."
    )

    session_timeout_s: float = session_timeout_setting()
    instance: str = instance_setting(
        "",
        meaning="A name that outlives the process, another one for each order bot that shares the work: a killed one "
        "has its partitions back as soon as it is started again under its name. Empty: a new member each time.",
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9102)
    log_level: str = log_level_setting()

    @property
    def rule(self) -> OrderRule:
        return OrderRule(self.orders_per_second, self.threshold)
