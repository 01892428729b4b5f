from google.protobuf.internal import containers as _containers
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
    __slots__ = ("score", "label", "threshold", "model", "evidence")
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    score: float
    label: int
    threshold: float
    model: ModelVersion
    evidence: str
    def __init__(self, score: _Optional[float] = ..., label: _Optional[int] = ..., threshold: _Optional[float] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., evidence: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("scores", "labels", "threshold", "model", "evidence")
    SCORES_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    scores: _containers.RepeatedScalarFieldContainer[float]
    labels: _containers.RepeatedScalarFieldContainer[int]
    threshold: float
    model: ModelVersion
    evidence: str
    def __init__(self, scores: _Optional[_Iterable[float]] = ..., labels: _Optional[_Iterable[int]] = ..., threshold: _Optional[float] = ..., model: _Optional[_Union[ModelVersion, _Mapping]] = ..., evidence: _Optional[str] = ...) -> None: ...

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
