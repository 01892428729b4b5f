"""What the predictor can be told."""

from dataclasses import dataclass

from tidewheel.registry.client import checked_url
from tidewheel.runtime.settings import (
    Parser,
    decimal,
    hmac_key_setting,
    kafka_setting,
    log_level_setting,
    metrics_port_setting,
    setting,
    switch,
    text,
    whole,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Filled from TIDEWHEEL_<NAME>."""

    kafka: str = kafka_setting()
    # Secret, since a URL may hold a password.
    redis: str = setting(
        Parser(checked_url, "a Redis URL"), "redis://127.0.0.1:6379/0", secret=True, meaning="URL of the registry."
    )
    hmac_key: str = hmac_key_setting()

    model_dir: str = setting(
        text,
        "",
        meaning="Directory for copies of the last good models, for a start without the registry. Empty: none.",
    )

    grpc_host: str = setting(text, "0.0.0.0", meaning="Address to listen on.")
    grpc_port: int = setting(whole(0, 65_535), 50_051, meaning="Port to listen on; 0 takes a free one.")
    grpc_threads: int = setting(whole(1, 64), 8, unit="threads", meaning="Threads that answer calls.")
    grpc_calls_max: int = setting(
        whole(1, 10_000),
        256,
        unit="calls",
        meaning="Calls in progress and waiting for a thread; one more is answered RESOURCE_EXHAUSTED at once.",
    )
    grpc_reflection: bool = setting(switch, True, meaning="Server reflection.")

    drain_wait_s: float = setting(
        decimal(0, 120), 0.0, unit="s", meaning="On SIGTERM, time for balancers to notice NOT_SERVING."
    )
    drain_grace_s: float = setting(decimal(0, 120), 5.0, unit="s", meaning="Then, time for calls in progress.")

    registry_poll_s: float = setting(
        decimal(0.05, 60),
        1.0,
        unit="s",
        meaning="How often the pointers are read; news of a publication come sooner.",
    )

    metrics_port: int = metrics_port_setting(9105)
    log_level: str = log_level_setting()
