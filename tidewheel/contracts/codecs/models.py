"""A model and its figures as bytes: the registry's format, with nothing in it that could run."""

from collections.abc import Iterable

import numpy as np

from tidewheel.contracts.codecs.accounts import account_from_wire, account_to_wire
from tidewheel.contracts.codecs.columns import checked_instrument, parse
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.models import (
    FORMAT_VERSION,
    Baseline,
    CalibrationBin,
    Champion,
    Confusion,
    CurvePoint,
    Evidence,
    Float64,
    Hyperparameters,
    Lineage,
    Model,
    ModelRecord,
    PartMetrics,
    RememberedWindow,
    Scorecard,
    Verdict,
)
from tidewheel.wire.v1 import models_pb2


def encode_model(value: Model) -> bytes:
    """The same model gives the same bytes, always: the registry is keyed by their checksum."""
    return models_pb2.Model(
        instrument=value.instrument,
        seq=value.seq,
        format_version=value.format_version,
        schema_hash=value.schema_hash,
        coefficients=_floats(value.coefficients),
        mean=_floats(value.mean),
        std=_floats(value.std),
        intercept=value.intercept,
        threshold=value.threshold,
        hyperparameters=hyperparameters_to_wire(value.hyperparameters),
        training=metrics_to_wire(value.training),
        validation=metrics_to_wire(value.validation),
        test=metrics_to_wire(value.test),
        base_rate=value.base_rate,
        effective_rows=value.effective_rows,
        first_placed_ns=value.first_placed_ns,
        last_resolved_ns=value.last_resolved_ns,
        lineage=_lineage_to_wire(value.lineage),
        golden_features=value.golden_features,
        golden_score=value.golden_score,
    ).SerializeToString(deterministic=True)


def decode_model(payload: bytes | None) -> Model:
    """Raises InvalidRecordError where the bytes are no model of a format known here. Verifies no checksum."""
    message = parse(models_pb2.Model, payload)
    if message.format_version != FORMAT_VERSION:
        raise InvalidRecordError(
            DeadLetterReason.UNDECODABLE, f"model format {message.format_version}, known is {FORMAT_VERSION}"
        )
    columns = [_array(packed) for packed in (message.coefficients, message.mean, message.std)]
    if len({len(column) for column in columns}) != 1:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "coefficients, mean and std differ in length")
    coefficients, mean, std = columns
    return Model(
        instrument=checked_instrument(message.instrument),
        seq=message.seq,
        schema_hash=message.schema_hash,
        coefficients=coefficients,
        mean=mean,
        std=std,
        intercept=message.intercept,
        threshold=message.threshold,
        hyperparameters=hyperparameters_from_wire(message.hyperparameters),
        training=metrics_from_wire(message.training),
        validation=metrics_from_wire(message.validation),
        test=metrics_from_wire(message.test),
        base_rate=message.base_rate,
        effective_rows=message.effective_rows,
        first_placed_ns=message.first_placed_ns,
        last_resolved_ns=message.last_resolved_ns,
        lineage=_lineage_from_wire(message.lineage),
        golden_features=message.golden_features,
        golden_score=message.golden_score,
        format_version=message.format_version,
    )


def _floats(column: Float64) -> bytes:
    return column.astype("<f8").tobytes()


def _array(packed: bytes) -> Float64:
    if len(packed) % 8:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"a column of float64 has {len(packed)} bytes")
    return np.frombuffer(packed, dtype="<f8")


def metrics_to_wire(value: PartMetrics) -> models_pb2.PartMetrics:
    return models_pb2.PartMetrics(
        rows=value.rows,
        positives=value.positives,
        precision=value.precision,
        recall=value.recall,
        log_loss=value.log_loss,
        auc=value.auc,
        base_rate=value.base_rate,
        effective_rows=value.effective_rows,
        at_half=_confusion_to_wire(value.at_half),
        at_threshold=_confusion_to_wire(value.at_threshold),
        at_three_quarters=_confusion_to_wire(value.at_three_quarters),
        curve=[
            models_pb2.CurvePoint(threshold=p.threshold, precision=p.precision, recall=p.recall) for p in value.curve
        ],
        calibration=_bins_to_wire(value.calibration),
    )


def metrics_from_wire(message: models_pb2.PartMetrics) -> PartMetrics:
    return PartMetrics(
        rows=message.rows,
        positives=message.positives,
        precision=message.precision,
        recall=message.recall,
        log_loss=message.log_loss,
        auc=message.auc,
        base_rate=message.base_rate,
        effective_rows=message.effective_rows,
        at_half=_confusion_from_wire(message.at_half),
        at_threshold=_confusion_from_wire(message.at_threshold),
        at_three_quarters=_confusion_from_wire(message.at_three_quarters),
        curve=tuple(CurvePoint(p.threshold, p.precision, p.recall) for p in message.curve),
        calibration=_bins_from_wire(message.calibration),
    )


def _bins_to_wire(bins: Iterable[CalibrationBin]) -> list[models_pb2.CalibrationBin]:
    return [models_pb2.CalibrationBin(rows=b.rows, positives=b.positives, score_sum=b.score_sum) for b in bins]


def _bins_from_wire(bins: Iterable[models_pb2.CalibrationBin]) -> tuple[CalibrationBin, ...]:
    return tuple(CalibrationBin(b.rows, b.positives, b.score_sum) for b in bins)


def _confusion_to_wire(value: Confusion) -> models_pb2.Confusion:
    return models_pb2.Confusion(
        threshold=value.threshold,
        true_positives=value.true_positives,
        false_positives=value.false_positives,
        false_negatives=value.false_negatives,
        true_negatives=value.true_negatives,
    )


def _confusion_from_wire(message: models_pb2.Confusion) -> Confusion:
    return Confusion(
        message.threshold,
        message.true_positives,
        message.false_positives,
        message.false_negatives,
        message.true_negatives,
    )


def hyperparameters_to_wire(value: Hyperparameters) -> models_pb2.Hyperparameters:
    return models_pb2.Hyperparameters(
        use_bias=value.use_bias,
        l1=value.l1,
        learning_rate=value.learning_rate,
        positive_example_weight_mult=value.positive_example_weight_mult,
        wd=value.wd,
        mini_batch_size=value.mini_batch_size,
        epochs=value.epochs,
    )


def hyperparameters_from_wire(message: models_pb2.Hyperparameters) -> Hyperparameters:
    return Hyperparameters(
        message.use_bias,
        message.l1,
        message.learning_rate,
        message.positive_example_weight_mult,
        message.wd,
        message.mini_batch_size,
        message.epochs,
    )


def _lineage_to_wire(value: Lineage) -> models_pb2.Lineage:
    return models_pb2.Lineage(
        topic=value.topic,
        partition=value.partition,
        first_example_seq=value.first_example_seq,
        last_example_seq=value.last_example_seq,
        training_config=value.training_config,
        started_from=value.started_from,
        memory=[
            models_pb2.RememberedWindow(
                seq=one.seq,
                first_example_seq=one.first_example_seq,
                last_example_seq=one.last_example_seq,
                weight=one.weight,
            )
            for one in value.memory
        ],
    )


def _lineage_from_wire(message: models_pb2.Lineage) -> Lineage:
    return Lineage(
        message.topic,
        message.partition,
        message.first_example_seq,
        message.last_example_seq,
        message.training_config,
        message.started_from,
        tuple(
            RememberedWindow(one.seq, one.first_example_seq, one.last_example_seq, one.weight) for one in message.memory
        ),
    )


def scorecard_to_wire(value: Scorecard) -> models_pb2.Scorecard:
    message = models_pb2.Scorecard(
        rows=value.rows,
        positives=value.positives,
        flagged=value.flagged,
        hits=value.hits,
        precision=value.precision,
        recall=value.recall,
        base_rate=value.base_rate,
        log_loss=value.log_loss,
        effective_rows=value.effective_rows,
        flagged_pnl_e9=value.flagged_pnl_e9,
        pnl_e9=value.pnl_e9,
        calibration=_bins_to_wire(value.calibration),
    )
    if (beside := value.baseline) is not None:
        message.baseline.CopyFrom(
            models_pb2.Baseline(rows=beside.rows, positives=beside.positives, flagged=beside.flagged, hits=beside.hits)
        )
    if value.account is not None:
        message.account.CopyFrom(account_to_wire(value.account))
    return message


def scorecard_from_wire(message: models_pb2.Scorecard) -> Scorecard:
    found = message.baseline
    baseline = Baseline(found.rows, found.positives, found.flagged, found.hits)
    return Scorecard(
        message.rows,
        message.positives,
        message.flagged,
        message.hits,
        message.precision,
        message.recall,
        message.base_rate,
        message.log_loss,
        message.effective_rows,
        message.flagged_pnl_e9,
        message.pnl_e9,
        _bins_from_wire(message.calibration),
        baseline if message.HasField("baseline") else None,
        account_from_wire(message.account) if message.HasField("account") else None,
    )


def encode_model_record(value: ModelRecord) -> bytes:
    message = models_pb2.ModelRecord(
        instrument=value.instrument,
        seq=value.seq,
        sha256=value.sha256,
        verdict=value.verdict,
        reason=value.reason,
        evidence=value.evidence,
        published_at_ns=value.published_at_ns,
        hmac_sha256=value.hmac_sha256,
        first_offset=value.first_offset,
        last_offset=value.last_offset,
        replay_offset=value.replay_offset,
    )
    if value.scorecard:
        message.scorecard.CopyFrom(scorecard_to_wire(value.scorecard))
    if champion := value.champion:
        message.champion.CopyFrom(models_pb2.Champion(seq=champion.seq, flagged=champion.flagged, hits=champion.hits))
    return message.SerializeToString(deterministic=True)


def decode_model_record(payload: bytes | None) -> ModelRecord:
    """Raises InvalidRecordError."""
    message = parse(models_pb2.ModelRecord, payload)
    try:
        verdict, evidence = Verdict(message.verdict), Evidence(message.evidence)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    champion = Champion(message.champion.seq, message.champion.flagged, message.champion.hits)
    return ModelRecord(
        checked_instrument(message.instrument),
        message.seq,
        message.sha256,
        verdict,
        message.reason,
        evidence,
        message.published_at_ns,
        scorecard_from_wire(message.scorecard) if message.HasField("scorecard") else None,
        message.hmac_sha256,
        message.first_offset,
        message.last_offset,
        champion if message.HasField("champion") else None,
        message.replay_offset,
    )
