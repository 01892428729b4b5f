from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class ServedPrediction(_message.Message):
    __slots__ = ("instrument", "at_ns", "method", "features", "score", "label", "threshold", "model_seq", "model_epoch", "model_sha256", "flags", "second", "bid_e9", "offer_e9", "quote_given", "candidate_seq", "candidate_score", "candidate_label")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_SEQ_FIELD_NUMBER: _ClassVar[int]
    MODEL_EPOCH_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    QUOTE_GIVEN_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_SEQ_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_SCORE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_LABEL_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    at_ns: int
    method: str
    features: bytes
    score: float
    label: int
    threshold: float
    model_seq: int
    model_epoch: int
    model_sha256: str
    flags: _containers.RepeatedScalarFieldContainer[str]
    second: int
    bid_e9: int
    offer_e9: int
    quote_given: bool
    candidate_seq: int
    candidate_score: float
    candidate_label: int
    def __init__(self, instrument: _Optional[str] = ..., at_ns: _Optional[int] = ..., method: _Optional[str] = ..., features: _Optional[bytes] = ..., score: _Optional[float] = ..., label: _Optional[int] = ..., threshold: _Optional[float] = ..., model_seq: _Optional[int] = ..., model_epoch: _Optional[int] = ..., model_sha256: _Optional[str] = ..., flags: _Optional[_Iterable[str]] = ..., second: _Optional[int] = ..., bid_e9: _Optional[int] = ..., offer_e9: _Optional[int] = ..., quote_given: _Optional[bool] = ..., candidate_seq: _Optional[int] = ..., candidate_score: _Optional[float] = ..., candidate_label: _Optional[int] = ...) -> None: ...
