"""The labeler's settings."""

from dataclasses import dataclass

from services.labeler.config import LabelerConfig
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.time import NS_PER_S
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import (
    decimal,
    instance_setting,
    log_level_setting,
    metrics_host_setting,
    metrics_port_setting,
    one_of,
    setting,
    whole,
)


@dataclass(frozen=True, slots=True)
class Settings(KafkaSettings):
    """Filled from TIDEWHEEL_<NAME>. `exit_on` and `max_holding_s` shape the labels: they hold for the life of the
    topics."""

    instance: str = instance_setting(
        "0",
        meaning="A name that outlives the process, another one for each labeler that shares the work: a killed one has "
        "its partitions back as soon as it is started again under its name.",
    )

    exit_on: str = setting(
        one_of(*ExitOn), ExitOn.BID, meaning="The price that ends an order. Holds for the life of the topics."
    )
    max_holding_s: float | None = setting(
        decimal(1e-9, 1e9),
        None,
        unit="s of market",
        meaning="An order not touched by then is EXPIRED. Holds for the life of the topics.",
    )

    commit_interval_ms: int = setting(
        whole(1, 10_000), 100, unit="ms", meaning="Longest time from one transaction to the next."
    )
    commit_records_max: int = setting(
        whole(1, 1_000_000), 50_000, unit="records", meaning="Most records in a transaction."
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9103)
    log_level: str = log_level_setting()

    @property
    def labeler_config(self) -> LabelerConfig:
        holding_ns = None if self.max_holding_s is None else round(self.max_holding_s * NS_PER_S)
        return LabelerConfig(ExitOn(self.exit_on), holding_ns)
