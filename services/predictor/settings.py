"""What the predictor can be told."""

from dataclasses import dataclass

from tidewheel.registry.client import checked_url
from tidewheel.runtime.settings import (
    PREFIX,
    Parser,
    decimal,
    kafka_setting,
    log_level_setting,
    metrics_host_setting,
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
    hmac_key: str = setting(text, "", secret=True, meaning="Where set, models must be signed with it.")

    grpc_host: str = setting(text, "0.0.0.0", meaning="Address to listen on.")
    grpc_port: int = setting(whole(0, 65_535), 50_051, meaning="Port to listen on; 0 takes a free one.")
    grpc_port_shared: bool = setting(
        switch,
        False,
        meaning="Other predictors of this machine may listen on the same port; the kernel deals connections out.",
    )
    grpc_health_port: int = setting(
        whole(0, 65_535),
        0,
        meaning="One more port for `grpc.health.v1` alone, on `METRICS_HOST`, without TLS and token as the probes of a "
        "cluster need it; 0: none.",
    )
    grpc_threads: int = setting(
        whole(2, 64),
        32,
        unit="threads",
        meaning="Threads that answer calls; when they are short, callers that keep one waiting are let go.",
    )
    grpc_calls_max: int = setting(
        whole(1, 10_000),
        256,
        unit="calls",
        meaning="Calls in progress and waiting for a thread; one more is answered RESOURCE_EXHAUSTED at once.",
    )
    grpc_message_wait_s: float = setting(
        decimal(0.1, 120),
        5.0,
        unit="s",
        meaning="How long a call may take to send its message; when threads are few the slowest are ended sooner.",
    )
    grpc_streams_max: int = setting(
        whole(1, 10_000), 200, unit="calls", meaning="Calls at a time on one connection; one more is UNAVAILABLE."
    )
    grpc_connections_max: int = setting(
        whole(1, 100_000), 1_000, unit="connections", meaning="Connections at a time; one more is closed at once."
    )
    grpc_connection_age_s: float = setting(
        decimal(1, 86_400),
        300.0,
        unit="s",
        meaning="After that, give or take a tenth, a client is asked to connect anew, and so finds new predictors.",
    )
    grpc_reflection: bool = setting(switch, True, meaning="Server reflection.")
    grpc_token: str = setting(
        text, "", secret=True, meaning="Where set, all but health asks for `authorization: Bearer <token>`."
    )
    grpc_tls_certificate: str = setting(
        text, "", meaning="PEM file of the certificate and its chain; where set, TLS only. Read again when it changes."
    )
    grpc_tls_key: str = setting(text, "", meaning="PEM file of its key.")
    grpc_tls_client_ca: str = setting(
        text, "", meaning="PEM file of authorities; where set, clients need a certificate of one of them."
    )

    drain_wait_s: float = setting(
        decimal(0, 120), 5.0, unit="s", meaning="On SIGTERM, time for balancers to notice NOT_SERVING."
    )
    drain_grace_s: float = setting(decimal(0, 120), 5.0, unit="s", meaning="Then, time for calls in progress.")

    registry_poll_s: float = setting(
        decimal(0.05, 60),
        1.0,
        unit="s",
        meaning="How often the pointers are read; news of a publication come sooner.",
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9105)
    log_level: str = log_level_setting()

    def __post_init__(self) -> None:
        if bool(self.grpc_tls_certificate) != bool(self.grpc_tls_key):
            raise ValueError(
                f"{PREFIX}GRPC_TLS_CERTIFICATE and {PREFIX}GRPC_TLS_KEY belong together: set both or neither"
            )
        if self.grpc_tls_client_ca and not self.grpc_tls_certificate:
            raise ValueError(f"{PREFIX}GRPC_TLS_CLIENT_CA needs {PREFIX}GRPC_TLS_CERTIFICATE")
