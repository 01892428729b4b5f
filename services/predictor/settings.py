"""What the predictor can be told."""

from dataclasses import dataclass

from services.predictor.served.served_log import SampleRates
from services.predictor.trust.assessment import FlagKind, TrustPolicy
from tidewheel.registry.settings import RegistrySettings
from tidewheel.runtime.kafka_settings import KafkaSettings
from tidewheel.runtime.settings import (
    PREFIX,
    Parser,
    decimal,
    log_level_setting,
    metrics_host_setting,
    metrics_port_setting,
    setting,
    switch,
    text,
    whole,
)


def _flag_kinds(text: str) -> frozenset[FlagKind]:
    return frozenset(FlagKind(word) for word in text.replace(",", " ").split())


def _checked_flags(text: str) -> str:
    try:
        return ",".join(sorted(_flag_kinds(text)))
    except ValueError:
        raise ValueError(f"{text!r} must be some of {', '.join(FlagKind)}, separated by commas") from None


@dataclass(frozen=True, slots=True)
class Settings(RegistrySettings, KafkaSettings):
    """Filled from TIDEWHEEL_<NAME>."""

    model_dir: str = setting(
        text,
        "",
        meaning="Directory for copies of the last good models, for a start without the registry. Empty: none.",
    )

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
    grpc_large_threads: int = setting(
        whole(2, 64),
        8,
        unit="threads",
        meaning="Threads of PredictBatch and ModelInfer, each with a message of up to 4 MB at a time: they bound what "
        "these take of memory, at some 25 MB a thread.",
    )
    grpc_calls_max: int = setting(
        whole(1, 10_000),
        256,
        unit="calls",
        meaning="Calls in progress and waiting for a thread, and as many of PredictBatch and ModelInfer; one more is "
        "answered RESOURCE_EXHAUSTED at once.",
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

    features_stale_after_s: float = setting(
        decimal(1, 86_400),
        10.0,
        unit="s",
        meaning="Age of the last market second from which on PredictNow flags its features as stale.",
    )
    novel_share_max: float = setting(
        decimal(0, 1),
        0.05,
        meaning="Share of a row's features outside the range that training saw, above which it is flagged as novel.",
    )
    refuse_when: str = setting(
        Parser(_checked_flags, f"some of {', '.join(f'`{kind}`' for kind in FlagKind)}, separated by commas"),
        "",
        meaning="Flags with which an answer is refused (FAILED_PRECONDITION) instead of given.",
    )

    log_now_share: float = setting(
        decimal(0, 1), 1.0, meaning="Share of the answers to PredictNow that are written to topic `predictions`."
    )
    log_predict_share: float = setting(
        decimal(0, 1),
        0.0,
        meaning="Share of the rows of Predict and PredictBatch whose answers are written to topic `predictions`.",
    )
    shadow_share: float = setting(
        decimal(0, 1), 1.0, meaning="Share of the answers that the candidate is asked for too, where there is one."
    )
    parity_check: bool = setting(
        switch, True, meaning="Compare a sample of the features that PredictNow would use with those of the labeler."
    )

    watchers_max: int = setting(
        whole(1, 256),
        16,
        unit="streams",
        meaning="Callers of WatchModel at a time; one more is answered RESOURCE_EXHAUSTED.",
    )

    metrics_host: str = metrics_host_setting()
    metrics_port: int = metrics_port_setting(9105)
    log_level: str = log_level_setting()

    def __post_init__(self) -> None:
        KafkaSettings.__post_init__(self)
        RegistrySettings.__post_init__(self)
        if bool(self.grpc_tls_certificate) != bool(self.grpc_tls_key):
            raise ValueError(
                f"{PREFIX}GRPC_TLS_CERTIFICATE and {PREFIX}GRPC_TLS_KEY belong together: set both or neither"
            )
        if self.grpc_tls_client_ca and not self.grpc_tls_certificate:
            raise ValueError(f"{PREFIX}GRPC_TLS_CLIENT_CA needs {PREFIX}GRPC_TLS_CERTIFICATE")

    @property
    def sample_rates(self) -> SampleRates:
        return SampleRates(self.log_now_share, self.log_predict_share, self.shadow_share)

    @property
    def trust(self) -> TrustPolicy:
        return TrustPolicy(self.features_stale_after_s, self.novel_share_max, _flag_kinds(self.refuse_when))
