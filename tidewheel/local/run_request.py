"""What a run is asked to do, before anything that runs it is loaded."""

from dataclasses import dataclass
from pathlib import Path

from tidewheel.local.observing.request import ObserveRequest
from tidewheel.local.run_options import RunOptions
from tidewheel.registry.redis_access import RedisServer, access_of
from tidewheel.runtime.kafka_access import Broker


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run as asked for, checked. `kafka`, `redis`: addresses of running ones, None for our own."""

    options: RunOptions
    data_dir: Path
    kafka: Broker | None
    redis: RedisServer | None
    partitions: int
    observe: ObserveRequest | None = None

    def lasting(self) -> dict[str, object]:
        """What may not change when the run is resumed, as it is kept and shown: without a password."""
        given = {"kafka": self.kafka, "redis": access_of(self.redis) if self.redis else None}
        return {**self.options.lasting(), **{name: str(server) if server else None for name, server in given.items()}}


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What a run leaves beside its data directory."""

    summary: Path | None
    export: Path | None
