from tidewheel.wire.v1 import models_pb2 as _models_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrainingRunEvent(_message.Message):
    __slots__ = ("instrument", "seq", "step", "at_ns", "reason", "detail", "trial", "split", "result", "scorecard", "first_example_seq", "last_example_seq", "trials_planned", "window_closed_at_ns")
    class Step(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STEP_UNSPECIFIED: _ClassVar[TrainingRunEvent.Step]
        STEP_WINDOW_CLOSED: _ClassVar[TrainingRunEvent.Step]
        STEP_VALIDATED: _ClassVar[TrainingRunEvent.Step]
        STEP_SPLIT: _ClassVar[TrainingRunEvent.Step]
        STEP_TRIAL: _ClassVar[TrainingRunEvent.Step]
        STEP_SELECTED: _ClassVar[TrainingRunEvent.Step]
        STEP_GATE: _ClassVar[TrainingRunEvent.Step]
        STEP_PUBLISHED: _ClassVar[TrainingRunEvent.Step]
        STEP_REFUSED: _ClassVar[TrainingRunEvent.Step]
        STEP_FAILED: _ClassVar[TrainingRunEvent.Step]
        STEP_SCORED: _ClassVar[TrainingRunEvent.Step]
    STEP_UNSPECIFIED: TrainingRunEvent.Step
    STEP_WINDOW_CLOSED: TrainingRunEvent.Step
    STEP_VALIDATED: TrainingRunEvent.Step
    STEP_SPLIT: TrainingRunEvent.Step
    STEP_TRIAL: TrainingRunEvent.Step
    STEP_SELECTED: TrainingRunEvent.Step
    STEP_GATE: TrainingRunEvent.Step
    STEP_PUBLISHED: TrainingRunEvent.Step
    STEP_REFUSED: TrainingRunEvent.Step
    STEP_FAILED: TrainingRunEvent.Step
    STEP_SCORED: TrainingRunEvent.Step
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    AT_NS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    SCORECARD_FIELD_NUMBER: _ClassVar[int]
    FIRST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRIALS_PLANNED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CLOSED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    seq: int
    step: TrainingRunEvent.Step
    at_ns: int
    reason: str
    detail: str
    trial: Trial
    split: SplitSizes
    result: RunResult
    scorecard: _models_pb2.Scorecard
    first_example_seq: int
    last_example_seq: int
    trials_planned: int
    window_closed_at_ns: int
    def __init__(self, instrument: _Optional[str] = ..., seq: _Optional[int] = ..., step: _Optional[_Union[TrainingRunEvent.Step, str]] = ..., at_ns: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., trial: _Optional[_Union[Trial, _Mapping]] = ..., split: _Optional[_Union[SplitSizes, _Mapping]] = ..., result: _Optional[_Union[RunResult, _Mapping]] = ..., scorecard: _Optional[_Union[_models_pb2.Scorecard, _Mapping]] = ..., first_example_seq: _Optional[int] = ..., last_example_seq: _Optional[int] = ..., trials_planned: _Optional[int] = ..., window_closed_at_ns: _Optional[int] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("number", "of", "objective", "feasible", "precision", "recall", "threshold_z", "hyperparameters")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OF_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    FEASIBLE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_Z_FIELD_NUMBER: _ClassVar[int]
    HYPERPARAMETERS_FIELD_NUMBER: _ClassVar[int]
    number: int
    of: int
    objective: float
    feasible: bool
    precision: float
    recall: float
    threshold_z: float
    hyperparameters: _models_pb2.Hyperparameters
    def __init__(self, number: _Optional[int] = ..., of: _Optional[int] = ..., objective: _Optional[float] = ..., feasible: _Optional[bool] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., threshold_z: _Optional[float] = ..., hyperparameters: _Optional[_Union[_models_pb2.Hyperparameters, _Mapping]] = ...) -> None: ...

class SplitSizes(_message.Message):
    __slots__ = ("training", "validation", "test", "purged", "folds")
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    PURGED_FIELD_NUMBER: _ClassVar[int]
    FOLDS_FIELD_NUMBER: _ClassVar[int]
    training: int
    validation: int
    test: int
    purged: int
    folds: int
    def __init__(self, training: _Optional[int] = ..., validation: _Optional[int] = ..., test: _Optional[int] = ..., purged: _Optional[int] = ..., folds: _Optional[int] = ...) -> None: ...

class RunResult(_message.Message):
    __slots__ = ("sha256", "verdict", "evidence", "threshold", "base_rate", "validation", "test", "trials", "tuning_s", "window_closed_to_published_s", "lineage")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    TUNING_S_FIELD_NUMBER: _ClassVar[int]
    WINDOW_CLOSED_TO_PUBLISHED_S_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    verdict: str
    evidence: str
    threshold: float
    base_rate: float
    validation: _models_pb2.PartMetrics
    test: _models_pb2.PartMetrics
    trials: int
    tuning_s: float
    window_closed_to_published_s: float
    lineage: _models_pb2.Lineage
    def __init__(self, sha256: _Optional[str] = ..., verdict: _Optional[str] = ..., evidence: _Optional[str] = ..., threshold: _Optional[float] = ..., base_rate: _Optional[float] = ..., validation: _Optional[_Union[_models_pb2.PartMetrics, _Mapping]] = ..., test: _Optional[_Union[_models_pb2.PartMetrics, _Mapping]] = ..., trials: _Optional[int] = ..., tuning_s: _Optional[float] = ..., window_closed_to_published_s: _Optional[float] = ..., lineage: _Optional[_Union[_models_pb2.Lineage, _Mapping]] = ...) -> None: ...
