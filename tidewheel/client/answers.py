"""What the predictor answers, as values; `proto/tidewheel/wire/v1/predictor.proto` says what each field means."""

from dataclasses import dataclass
from typing import TypeVar

from tidewheel.wire.v1 import predictor_pb2 as wire

T = TypeVar("T")
TrustMessage = wire.Trust


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """Which model answered."""

    seq: int
    epoch: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A reason not to take a score at its word. `kind`: stale_features, model_overdue, novel_input, drift or
    no_evidence; a newer predictor may know more."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Trust:
    """What an answer is worth; None: not known."""

    learnt_until_ns: int
    model_age_s: float | None
    models_judged: int
    base_rate: float | None
    precision: float | None
    recall: float | None
    e_gross: float | None
    e_net: float | None
    features_age_s: float | None
    novelty: float | None
    flags: tuple[Flag, ...]

    @classmethod
    def of(cls, message: wire.Trust) -> "Trust":
        optional = {name: getattr(message, name) if message.HasField(name) else None for name in _OPTIONAL}
        return cls(
            learnt_until_ns=message.learnt_until_ns,
            models_judged=message.models_judged,
            flags=tuple(Flag(_kind(flag.kind), flag.reason) for flag in message.flags),
            **optional,
        )


_OPTIONAL = (
    *("model_age_s", "base_rate", "precision", "recall"),
    *("e_gross", "e_net", "features_age_s", "novelty"),
)


def _kind(number: int) -> str:
    known = wire.TrustFlag.Kind.DESCRIPTOR.values_by_number.get(number)
    return known.name.removeprefix("KIND_").lower() if known else f"unknown_{number}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one row."""

    score: float
    label: int
    threshold: float
    version: ModelVersion
    evidence: str
    trust: Trust

    @classmethod
    def of(cls, message: wire.PredictResponse) -> "Answer":
        return cls(
            message.score,
            message.label,
            message.threshold,
            _version(message.model),
            message.evidence,
            Trust.of(message.trust),
        )


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """Of many rows, all by one model."""

    scores: tuple[float, ...]
    labels: tuple[int, ...]
    threshold: float
    version: ModelVersion
    evidence: str
    trust: Trust

    @classmethod
    def of(cls, message: wire.PredictBatchResponse) -> "BatchAnswer":
        return cls(
            tuple(message.scores),
            tuple(message.labels),
            message.threshold,
            _version(message.model),
            message.evidence,
            Trust.of(message.trust),
        )


@dataclass(frozen=True, slots=True)
class NowAnswer:
    """Of an order bought in the second after `second`, at the quote."""

    answer: Answer
    second: int
    bid_e9: int
    offer_e9: int
    stale: bool

    @classmethod
    def of(cls, message: wire.PredictNowResponse) -> "NowAnswer":
        return cls(Answer.of(message.prediction), message.second, message.bid_e9, message.offer_e9, message.stale)


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a field, or a stretch of past mids, adds to z."""

    name: str
    features: int
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """`math.fsum((intercept, *values of contributions, rounding)) == z`, and score = 1 / (1 + exp(-z))."""

    answer: Answer
    z: float
    intercept: float
    contributions: tuple[Contribution, ...]
    rounding: float
    second: int
    bid_e9: int
    offer_e9: int

    @classmethod
    def of(cls, message: wire.ExplainResponse) -> "Explanation":
        return cls(
            Answer.of(message.prediction),
            message.z,
            message.intercept,
            tuple(Contribution(part.name, part.features, part.value) for part in message.contributions),
            message.rounding,
            message.second,
            message.bid_e9,
            message.offer_e9,
        )


@dataclass(frozen=True, slots=True)
class ModelUpdate:
    """The serving model, or what is known of it, has changed. `judged_seq`: the newest model that is judged on the rows
    after its own, 0 where none is; `judged_*`: how it did."""

    instrument: str
    version: ModelVersion
    threshold: float
    evidence: str
    published_at_ns: int
    trust: Trust
    swapped: bool
    judged_seq: int
    judged_rows: int
    judged_precision: float
    judged_recall: float
    judged_base_rate: float

    @classmethod
    def of(cls, message: wire.WatchModelResponse) -> "ModelUpdate":
        card = message.scorecard
        return cls(
            *(message.instrument, _version(message.model), message.threshold, message.evidence),
            *(message.published_at_ns, Trust.of(message.trust), message.swapped, message.judged_seq),
            *(card.rows, card.precision, card.recall, card.base_rate),
        )


def _version(message: wire.ModelVersion) -> ModelVersion:
    return ModelVersion(message.seq, message.epoch, message.sha256)
