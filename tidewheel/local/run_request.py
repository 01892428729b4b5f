"""What a run is asked to do, before anything that runs it is loaded."""

from dataclasses import dataclass
from pathlib import Path

from tidewheel.local.observing.request import ObserveRequest
from tidewheel.local.run_options import RunOptions
from tidewheel.registry.urls import masked_url


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run as asked for, checked. `kafka`, `redis`: addresses of running ones, None for our own."""

    options: RunOptions
    data_dir: Path
    kafka: str | None
    redis: str | None
    partitions: int
    observe: ObserveRequest | None = None

    def lasting(self) -> dict[str, object]:
        """What may not change when the run is resumed, as it is kept and shown: without a password."""
        return {**self.options.lasting(), "kafka": self.kafka, "redis": self.redis and masked_url(self.redis)}


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What a run leaves beside its data directory."""

    summary: Path | None
    export: Path | None
