"""What the labeler can be told."""

from dataclasses import dataclass

from services.labeler.config import LabelerConfig
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.time import NS_PER_S
from tidewheel.runtime.settings import decimal, level, name, one_of, setting, text, whole

EXITS = {exit_on.name.lower(): exit_on for exit_on in ExitOn}


@dataclass(frozen=True, slots=True)
class Settings:
    """Filled from TIDEWHEEL_<NAME>. `exit_on` and `max_holding_s` shape the labels: they hold for the life of the
    topics."""

    kafka: str = setting(text, "127.0.0.1:9092")
    # Labelers that share the work need a name each; a restarted one keeps its own.
    instance: str = setting(name, "0")

    exit_on: str = setting(one_of(*EXITS), "bid")
    max_holding_s: float | None = setting(decimal(1e-9, 1e9), None)

    commit_interval_ms: int = setting(whole(1, 10_000), 100)
    commit_records_max: int = setting(whole(1, 1_000_000), 50_000)

    metrics_port: int = setting(whole(0, 65_535), 9103)
    log_level: str = setting(level, "INFO")

    @property
    def labels(self) -> LabelerConfig:
        holding_ns = None if self.max_holding_s is None else round(self.max_holding_s * NS_PER_S)
        return LabelerConfig(EXITS[self.exit_on], holding_ns)
