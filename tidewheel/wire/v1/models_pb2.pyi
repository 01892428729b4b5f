from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Confusion(_message.Message):
    __slots__ = ("threshold", "true_positives", "false_positives", "false_negatives", "true_negatives")
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    TRUE_POSITIVES_FIELD_NUMBER: _ClassVar[int]
    FALSE_POSITIVES_FIELD_NUMBER: _ClassVar[int]
    FALSE_NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    TRUE_NEGATIVES_FIELD_NUMBER: _ClassVar[int]
    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    def __init__(self, threshold: _Optional[float] = ..., true_positives: _Optional[int] = ..., false_positives: _Optional[int] = ..., false_negatives: _Optional[int] = ..., true_negatives: _Optional[int] = ...) -> None: ...

class CurvePoint(_message.Message):
    __slots__ = ("threshold", "precision", "recall")
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    threshold: float
    precision: float
    recall: float
    def __init__(self, threshold: _Optional[float] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ...) -> None: ...

class CalibrationBin(_message.Message):
    __slots__ = ("rows", "positives", "score_sum")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    POSITIVES_FIELD_NUMBER: _ClassVar[int]
    SCORE_SUM_FIELD_NUMBER: _ClassVar[int]
    rows: int
    positives: int
    score_sum: float
    def __init__(self, rows: _Optional[int] = ..., positives: _Optional[int] = ..., score_sum: _Optional[float] = ...) -> None: ...

class PartMetrics(_message.Message):
    __slots__ = ("rows", "positives", "precision", "recall", "log_loss", "auc", "base_rate", "effective_rows", "at_half", "at_threshold", "at_three_quarters", "curve", "calibration")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    POSITIVES_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    LOG_LOSS_FIELD_NUMBER: _ClassVar[int]
    AUC_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_ROWS_FIELD_NUMBER: _ClassVar[int]
    AT_HALF_FIELD_NUMBER: _ClassVar[int]
    AT_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    AT_THREE_QUARTERS_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    rows: int
    positives: int
    precision: float
    recall: float
    log_loss: float
    auc: float
    base_rate: float
    effective_rows: float
    at_half: Confusion
    at_threshold: Confusion
    at_three_quarters: Confusion
    curve: _containers.RepeatedCompositeFieldContainer[CurvePoint]
    calibration: _containers.RepeatedCompositeFieldContainer[CalibrationBin]
    def __init__(self, rows: _Optional[int] = ..., positives: _Optional[int] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., log_loss: _Optional[float] = ..., auc: _Optional[float] = ..., base_rate: _Optional[float] = ..., effective_rows: _Optional[float] = ..., at_half: _Optional[_Union[Confusion, _Mapping]] = ..., at_threshold: _Optional[_Union[Confusion, _Mapping]] = ..., at_three_quarters: _Optional[_Union[Confusion, _Mapping]] = ..., curve: _Optional[_Iterable[_Union[CurvePoint, _Mapping]]] = ..., calibration: _Optional[_Iterable[_Union[CalibrationBin, _Mapping]]] = ...) -> None: ...

class Hyperparameters(_message.Message):
    __slots__ = ("use_bias", "l1", "learning_rate", "positive_example_weight_mult", "wd", "mini_batch_size", "epochs")
    USE_BIAS_FIELD_NUMBER: _ClassVar[int]
    L1_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    POSITIVE_EXAMPLE_WEIGHT_MULT_FIELD_NUMBER: _ClassVar[int]
    WD_FIELD_NUMBER: _ClassVar[int]
    MINI_BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    use_bias: bool
    l1: float
    learning_rate: float
    positive_example_weight_mult: float
    wd: float
    mini_batch_size: int
    epochs: int
    def __init__(self, use_bias: _Optional[bool] = ..., l1: _Optional[float] = ..., learning_rate: _Optional[float] = ..., positive_example_weight_mult: _Optional[float] = ..., wd: _Optional[float] = ..., mini_batch_size: _Optional[int] = ..., epochs: _Optional[int] = ...) -> None: ...

class Lineage(_message.Message):
    __slots__ = ("topic", "partition", "first_example_seq", "last_example_seq", "training_config", "started_from", "memory")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    FIRST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRAINING_CONFIG_FIELD_NUMBER: _ClassVar[int]
    STARTED_FROM_FIELD_NUMBER: _ClassVar[int]
    MEMORY_FIELD_NUMBER: _ClassVar[int]
    topic: str
    partition: int
    first_example_seq: int
    last_example_seq: int
    training_config: str
    started_from: str
    memory: _containers.RepeatedCompositeFieldContainer[RememberedWindow]
    def __init__(self, topic: _Optional[str] = ..., partition: _Optional[int] = ..., first_example_seq: _Optional[int] = ..., last_example_seq: _Optional[int] = ..., training_config: _Optional[str] = ..., started_from: _Optional[str] = ..., memory: _Optional[_Iterable[_Union[RememberedWindow, _Mapping]]] = ...) -> None: ...

class RememberedWindow(_message.Message):
    __slots__ = ("seq", "first_example_seq", "last_example_seq", "weight")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    FIRST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    seq: int
    first_example_seq: int
    last_example_seq: int
    weight: float
    def __init__(self, seq: _Optional[int] = ..., first_example_seq: _Optional[int] = ..., last_example_seq: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("instrument", "seq", "format_version", "schema_hash", "coefficients", "mean", "std", "intercept", "threshold", "hyperparameters", "training", "validation", "test", "base_rate", "effective_rows", "first_placed_ns", "last_resolved_ns", "lineage", "golden_features", "golden_score", "lowest", "highest")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    FORMAT_VERSION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    COEFFICIENTS_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    STD_FIELD_NUMBER: _ClassVar[int]
    INTERCEPT_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    HYPERPARAMETERS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_FIELD_NUMBER: _ClassVar[int]
    TEST_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_ROWS_FIELD_NUMBER: _ClassVar[int]
    FIRST_PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_RESOLVED_NS_FIELD_NUMBER: _ClassVar[int]
    LINEAGE_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_FEATURES_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_SCORE_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    seq: int
    format_version: int
    schema_hash: bytes
    coefficients: bytes
    mean: bytes
    std: bytes
    intercept: float
    threshold: float
    hyperparameters: Hyperparameters
    training: PartMetrics
    validation: PartMetrics
    test: PartMetrics
    base_rate: float
    effective_rows: float
    first_placed_ns: int
    last_resolved_ns: int
    lineage: Lineage
    golden_features: bytes
    golden_score: float
    lowest: bytes
    highest: bytes
    def __init__(self, instrument: _Optional[str] = ..., seq: _Optional[int] = ..., format_version: _Optional[int] = ..., schema_hash: _Optional[bytes] = ..., coefficients: _Optional[bytes] = ..., mean: _Optional[bytes] = ..., std: _Optional[bytes] = ..., intercept: _Optional[float] = ..., threshold: _Optional[float] = ..., hyperparameters: _Optional[_Union[Hyperparameters, _Mapping]] = ..., training: _Optional[_Union[PartMetrics, _Mapping]] = ..., validation: _Optional[_Union[PartMetrics, _Mapping]] = ..., test: _Optional[_Union[PartMetrics, _Mapping]] = ..., base_rate: _Optional[float] = ..., effective_rows: _Optional[float] = ..., first_placed_ns: _Optional[int] = ..., last_resolved_ns: _Optional[int] = ..., lineage: _Optional[_Union[Lineage, _Mapping]] = ..., golden_features: _Optional[bytes] = ..., golden_score: _Optional[float] = ..., lowest: _Optional[bytes] = ..., highest: _Optional[bytes] = ...) -> None: ...

class ModelRecord(_message.Message):
    __slots__ = ("instrument", "seq", "sha256", "verdict", "reason", "evidence", "published_at_ns", "scorecard", "hmac_sha256", "first_offset", "last_offset", "champion", "replay_offset", "record_hmac_sha256", "drift_seq", "breaks")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    SCORECARD_FIELD_NUMBER: _ClassVar[int]
    HMAC_SHA256_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    LAST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHAMPION_FIELD_NUMBER: _ClassVar[int]
    REPLAY_OFFSET_FIELD_NUMBER: _ClassVar[int]
    RECORD_HMAC_SHA256_FIELD_NUMBER: _ClassVar[int]
    DRIFT_SEQ_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    seq: int
    sha256: str
    verdict: str
    reason: str
    evidence: str
    published_at_ns: int
    scorecard: Scorecard
    hmac_sha256: bytes
    first_offset: int
    last_offset: int
    champion: Champion
    replay_offset: int
    record_hmac_sha256: bytes
    drift_seq: int
    breaks: int
    def __init__(self, instrument: _Optional[str] = ..., seq: _Optional[int] = ..., sha256: _Optional[str] = ..., verdict: _Optional[str] = ..., reason: _Optional[str] = ..., evidence: _Optional[str] = ..., published_at_ns: _Optional[int] = ..., scorecard: _Optional[_Union[Scorecard, _Mapping]] = ..., hmac_sha256: _Optional[bytes] = ..., first_offset: _Optional[int] = ..., last_offset: _Optional[int] = ..., champion: _Optional[_Union[Champion, _Mapping]] = ..., replay_offset: _Optional[int] = ..., record_hmac_sha256: _Optional[bytes] = ..., drift_seq: _Optional[int] = ..., breaks: _Optional[int] = ...) -> None: ...

class Champion(_message.Message):
    __slots__ = ("seq", "flagged", "hits")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    flagged: int
    hits: int
    def __init__(self, seq: _Optional[int] = ..., flagged: _Optional[int] = ..., hits: _Optional[int] = ...) -> None: ...

class Baseline(_message.Message):
    __slots__ = ("rows", "positives", "flagged", "hits")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    POSITIVES_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    positives: int
    flagged: int
    hits: int
    def __init__(self, rows: _Optional[int] = ..., positives: _Optional[int] = ..., flagged: _Optional[int] = ..., hits: _Optional[int] = ...) -> None: ...

class Scorecard(_message.Message):
    __slots__ = ("rows", "positives", "flagged", "hits", "precision", "recall", "base_rate", "log_loss", "effective_rows", "flagged_pnl_e9", "pnl_e9", "calibration", "baseline", "account")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    POSITIVES_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RECALL_FIELD_NUMBER: _ClassVar[int]
    BASE_RATE_FIELD_NUMBER: _ClassVar[int]
    LOG_LOSS_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_ROWS_FIELD_NUMBER: _ClassVar[int]
    FLAGGED_PNL_E9_FIELD_NUMBER: _ClassVar[int]
    PNL_E9_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    rows: int
    positives: int
    flagged: int
    hits: int
    precision: float
    recall: float
    base_rate: float
    log_loss: float
    effective_rows: float
    flagged_pnl_e9: int
    pnl_e9: int
    calibration: _containers.RepeatedCompositeFieldContainer[CalibrationBin]
    baseline: Baseline
    account: Account
    def __init__(self, rows: _Optional[int] = ..., positives: _Optional[int] = ..., flagged: _Optional[int] = ..., hits: _Optional[int] = ..., precision: _Optional[float] = ..., recall: _Optional[float] = ..., base_rate: _Optional[float] = ..., log_loss: _Optional[float] = ..., effective_rows: _Optional[float] = ..., flagged_pnl_e9: _Optional[int] = ..., pnl_e9: _Optional[int] = ..., calibration: _Optional[_Iterable[_Union[CalibrationBin, _Mapping]]] = ..., baseline: _Optional[_Union[Baseline, _Mapping]] = ..., account: _Optional[_Union[Account, _Mapping]] = ...) -> None: ...

class Account(_message.Message):
    __slots__ = ("gross", "net", "bets", "free_from_ns", "pending", "periods", "unit_e9")
    GROSS_FIELD_NUMBER: _ClassVar[int]
    NET_FIELD_NUMBER: _ClassVar[int]
    BETS_FIELD_NUMBER: _ClassVar[int]
    FREE_FROM_NS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    UNIT_E9_FIELD_NUMBER: _ClassVar[int]
    gross: _containers.RepeatedScalarFieldContainer[float]
    net: _containers.RepeatedScalarFieldContainer[float]
    bets: int
    free_from_ns: int
    pending: _containers.RepeatedCompositeFieldContainer[Bet]
    periods: _containers.RepeatedCompositeFieldContainer[ModelPeriod]
    unit_e9: int
    def __init__(self, gross: _Optional[_Iterable[float]] = ..., net: _Optional[_Iterable[float]] = ..., bets: _Optional[int] = ..., free_from_ns: _Optional[int] = ..., pending: _Optional[_Iterable[_Union[Bet, _Mapping]]] = ..., periods: _Optional[_Iterable[_Union[ModelPeriod, _Mapping]]] = ..., unit_e9: _Optional[int] = ...) -> None: ...

class Bet(_message.Message):
    __slots__ = ("placed_ns", "resolved_ns", "gross", "net")
    PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_NS_FIELD_NUMBER: _ClassVar[int]
    GROSS_FIELD_NUMBER: _ClassVar[int]
    NET_FIELD_NUMBER: _ClassVar[int]
    placed_ns: int
    resolved_ns: int
    gross: float
    net: float
    def __init__(self, placed_ns: _Optional[int] = ..., resolved_ns: _Optional[int] = ..., gross: _Optional[float] = ..., net: _Optional[float] = ...) -> None: ...

class ModelPeriod(_message.Message):
    __slots__ = ("seq", "from_ns", "unit_e9")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    FROM_NS_FIELD_NUMBER: _ClassVar[int]
    UNIT_E9_FIELD_NUMBER: _ClassVar[int]
    seq: int
    from_ns: int
    unit_e9: int
    def __init__(self, seq: _Optional[int] = ..., from_ns: _Optional[int] = ..., unit_e9: _Optional[int] = ...) -> None: ...
