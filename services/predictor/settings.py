"""What the predictor can be told."""

from dataclasses import dataclass

from services.predictor.served_log import Shares
from services.predictor.trust import FlagKind, TrustPolicy
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


def _flag_kinds(text: str) -> frozenset[FlagKind]:
    return frozenset(FlagKind(word) for word in text.replace(",", " ").split())


def _checked_flags(text: str) -> str:
    try:
        return ",".join(sorted(_flag_kinds(text)))
    except ValueError:
        raise ValueError(f"{text!r} must be some of {', '.join(FlagKind)}, separated by commas") from None


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

    metrics_port: int = metrics_port_setting(9105)
    log_level: str = log_level_setting()

    @property
    def shares(self) -> Shares:
        return Shares(self.log_now_share, self.log_predict_share, self.shadow_share)

    @property
    def trust(self) -> TrustPolicy:
        return TrustPolicy(self.features_stale_after_s, self.novel_share_max, _flag_kinds(self.refuse_when))
