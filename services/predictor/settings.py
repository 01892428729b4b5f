"""What the predictor can be told."""

from dataclasses import dataclass

from tidewheel.registry.client import checked_url
from tidewheel.runtime.settings import decimal, level, setting, switch, text, whole


@dataclass(frozen=True, slots=True)
class Settings:
    """Filled from TIDEWHEEL_<NAME>."""

    kafka: str = setting(text, "127.0.0.1:9092")
    # Secret, since a URL may hold a password.
    redis: str = setting(checked_url, "redis://127.0.0.1:6379/0", secret=True)
    # Where set, models must be signed with it.
    hmac_key: str = setting(text, "", secret=True)

    grpc_host: str = setting(text, "0.0.0.0")
    grpc_port: int = setting(whole(0, 65_535), 50_051)
    grpc_threads: int = setting(whole(1, 64), 8)
    # Calls in progress and waiting for a thread; one more is answered RESOURCE_EXHAUSTED at once.
    grpc_calls_max: int = setting(whole(1, 10_000), 256)
    grpc_reflection: bool = setting(switch, True)

    # On SIGTERM: time for balancers to notice NOT_SERVING, then time for calls in progress.
    drain_wait_s: float = setting(decimal(0, 120), 0.0)
    drain_grace_s: float = setting(decimal(0, 120), 5.0)

    # How often the pointers are read; news of a publication come sooner.
    registry_poll_s: float = setting(decimal(0.05, 60), 1.0)

    metrics_port: int = setting(whole(0, 65_535), 9105)
    log_level: str = setting(level, "INFO")
