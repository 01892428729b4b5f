from tidewheel.wire.v1 import models_pb2 as _models_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelVersion(_message.Message):
    __slots__ = ("seq", "epoch", "sha256")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    seq: int
    epoch: int
    sha256: str
    def __init__(self, seq: _Optional[int] = ..., epoch: _Optional[int] = ..., sha256: _Optional[str] = ...) -> None: ...

class TrustFlag(_message.Message):
    __slots__ = ("kind", "reason")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[TrustFlag.Kind]
        KIND_STALE_FEATURES: _ClassVar[TrustFlag.Kind]
        KIND_MODEL_OVERDUE: _ClassVar[TrustFlag.Kind]
        KIND_NOVEL_INPUT: _ClassVar[TrustFlag.Kind]
        KIND_DRIFT: _ClassVar[TrustFlag.Kind]
        KIND_NO_EVIDENCE: _ClassVar[TrustFlag.Kind]
    KIND_UNSPECIFIED: TrustFlag.Kind
    KIND_STALE_FEATURES: TrustFlag.Kind
    KIND_MODEL_OVERDUE: TrustFlag.Kind
    KIND_NOVEL_INPUT: TrustFlag.Kind
    KIND_DRIFT: TrustFlag.Kind
    KIND_NO_EVIDENCE: TrustFlag.Kind
    KIND_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    kind: TrustFlag.Kind
    reason: str
    def __init__(self, kind: _Optional[_Union[TrustFlag.Kind, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class Trust(_message.Message):
    __slots__ = ("learnt_until_ns", "model_age_s", "models_judged", "base_rate", "precision", "recall", "e_gross", "e_net", "features_age_s", "novelty", "flags")
    LEARNT_UNTIL_NS_FIELD_NUMBER: _ClassVar[int]
    MODEL_AGE_S_FIELD_NUMBER: _ClassVar[int]
    MODELS_JUDGED_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    E_GROSS_FIELD_NUMBER: _ClassVar[int]
    E_NET_FIELD_NUMBER: _ClassVar[int]
    FEATURES_AGE_S_FIELD_NUMBER: _ClassVar[int]
    NOVELTY_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    learnt_until_ns: int
    model_age_s: float
    models_judged: int
    base_rate: float
    precision: float
    recall: float
    e_gross: float
    e_net: float
    features_age_s: float
    novelty: float
    flags: _containers.RepeatedCompositeFieldContainer[TrustFlag]
    def __init__(self, learnt_until_ns: _Optional[int] = ..., model_age_s: _Optional[float] = ..., models_judged: _Optional[int] = ..., base_rate: _Optional[float] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., e_gross: _Optional[float] = ..., e_net: _Optional[float] = ..., features_age_s: _Optional[float] = ..., novelty: _Optional[float] = ..., flags: _Optional[_Iterable[_Union[TrustFlag, _Mapping]]] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ("instrument", "features", "features_f32", "schema_hash")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_F32_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    features: _containers.RepeatedScalarFieldContainer[float]
    features_f32: bytes
    schema_hash: bytes
    def __init__(self, instrument: _Optional[str] = ..., features: _Optional[_Iterable[float]] = ..., features_f32: _Optional[bytes] = ..., schema_hash: _Optional[bytes] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ("score", "label", "threshold", "model", "evidence", "trust")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    score: float
    label: int
    threshold: float
    model: ModelVersion
    evidence: str
    trust: Trust
    def __init__(self, score: _Optional[float] = ..., label: _Optional[int] = ..., threshold: _Optional[float] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., evidence: _Optional[str] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ...) -> None: ...

class PredictBatchRequest(_message.Message):
    __slots__ = ("instrument", "features_f32", "schema_hash")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_F32_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    features_f32: bytes
    schema_hash: bytes
    def __init__(self, instrument: _Optional[str] = ..., features_f32: _Optional[bytes] = ..., schema_hash: _Optional[bytes] = ...) -> None: ...

class PredictBatchResponse(_message.Message):
    __slots__ = ("scores", "labels", "threshold", "model", "evidence", "trust")
    SCORES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    labels: _containers.RepeatedScalarFieldContainer[int]
    threshold: float
    model: ModelVersion
    evidence: str
    trust: Trust
    def __init__(self, scores: _Optional[_Iterable[float]] = ..., labels: _Optional[_Iterable[int]] = ..., threshold: _Optional[float] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., evidence: _Optional[str] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ...) -> None: ...

class PredictNowRequest(_message.Message):
    __slots__ = ("instrument", "bid_e9", "offer_e9")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    bid_e9: int
    offer_e9: int
    def __init__(self, instrument: _Optional[str] = ..., bid_e9: _Optional[int] = ..., offer_e9: _Optional[int] = ...) -> None: ...

class PredictNowResponse(_message.Message):
    __slots__ = ("prediction", "second", "bid_e9", "offer_e9", "stale")
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    prediction: PredictResponse
    second: int
    bid_e9: int
    offer_e9: int
    stale: bool
    def __init__(self, prediction: _Optional[_Union[PredictResponse, _Mapping]] = ..., second: _Optional[int] = ..., bid_e9: _Optional[int] = ..., offer_e9: _Optional[int] = ..., stale: _Optional[bool] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("instrument", "features", "features_f32", "schema_hash", "bid_e9", "offer_e9", "largest")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_F32_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    features: _containers.RepeatedScalarFieldContainer[float]
    features_f32: bytes
    schema_hash: bytes
    bid_e9: int
    offer_e9: int
    largest: int
    def __init__(self, instrument: _Optional[str] = ..., features: _Optional[_Iterable[float]] = ..., features_f32: _Optional[bytes] = ..., schema_hash: _Optional[bytes] = ..., bid_e9: _Optional[int] = ..., offer_e9: _Optional[int] = ..., largest: _Optional[int] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("prediction", "z", "intercept", "contributions", "rounding", "second", "bid_e9", "offer_e9")
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    INTERCEPT_FIELD_NUMBER: _ClassVar[int]
    CONTRIBUTIONS_FIELD_NUMBER: _ClassVar[int]
    ROUNDING_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    prediction: PredictResponse
    z: float
    intercept: float
    contributions: _containers.RepeatedCompositeFieldContainer[Contribution]
    rounding: float
    second: int
    bid_e9: int
    offer_e9: int
    def __init__(self, prediction: _Optional[_Union[PredictResponse, _Mapping]] = ..., z: _Optional[float] = ..., intercept: _Optional[float] = ..., contributions: _Optional[_Iterable[_Union[Contribution, _Mapping]]] = ..., rounding: _Optional[float] = ..., second: _Optional[int] = ..., bid_e9: _Optional[int] = ..., offer_e9: _Optional[int] = ...) -> None: ...

class Contribution(_message.Message):
    __slots__ = ("name", "features", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    features: int
    value: float
    def __init__(self, name: _Optional[str] = ..., features: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class WatchModelRequest(_message.Message):
    __slots__ = ("instrument",)
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    def __init__(self, instrument: _Optional[str] = ...) -> None: ...

class WatchModelResponse(_message.Message):
    __slots__ = ("instrument", "model", "threshold", "evidence", "published_at_ns", "trust", "swapped", "judged_seq", "scorecard")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    SWAPPED_FIELD_NUMBER: _ClassVar[int]
    JUDGED_SEQ_FIELD_NUMBER: _ClassVar[int]
    SCORECARD_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    model: ModelVersion
    threshold: float
    evidence: str
    published_at_ns: int
    trust: Trust
    swapped: bool
    judged_seq: int
    scorecard: _models_pb2.Scorecard
    def __init__(self, instrument: _Optional[str] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., threshold: _Optional[float] = ..., evidence: _Optional[str] = ..., published_at_ns: _Optional[int] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ..., swapped: _Optional[bool] = ..., judged_seq: _Optional[int] = ..., scorecard: _Optional[_Union[_models_pb2.Scorecard, _Mapping]] = ...) -> None: ...
