"""A model and its figures as bytes: the registry's format, with nothing in it that could run."""

import numpy as np

from tidewheel.contracts.codecs.accounts import ACCOUNT
from tidewheel.contracts.codecs.columns import float64s, packed_float64s
from tidewheel.contracts.codecs.message_table import (
    INSTRUMENT,
    Checked,
    Converted,
    MessageTable,
    Nested,
    NestedOrNone,
    NestedTuple,
    enum,
)
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.models import (
    FORMAT_VERSION,
    Baseline,
    CalibrationBin,
    Champion,
    Confusion,
    CurvePoint,
    Evidence,
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

CURVE = NestedTuple(MessageTable(models_pb2.CurvePoint, CurvePoint))
CALIBRATION = NestedTuple(MessageTable(models_pb2.CalibrationBin, CalibrationBin))
CONFUSION = Nested(MessageTable(models_pb2.Confusion, Confusion))
PART_METRICS = MessageTable(
    models_pb2.PartMetrics,
    PartMetrics,
    {
        "at_half": CONFUSION,
        "at_threshold": CONFUSION,
        "at_three_quarters": CONFUSION,
        "curve": CURVE,
        "calibration": CALIBRATION,
    },
)
HYPERPARAMETERS = MessageTable(models_pb2.Hyperparameters, Hyperparameters)
REMEMBERED_WINDOW = MessageTable(models_pb2.RememberedWindow, RememberedWindow)
LINEAGE = MessageTable(models_pb2.Lineage, Lineage, {"memory": NestedTuple(REMEMBERED_WINDOW)})
SCORECARD = MessageTable(
    models_pb2.Scorecard,
    Scorecard,
    {
        "calibration": CALIBRATION,
        "baseline": NestedOrNone(MessageTable(models_pb2.Baseline, Baseline)),
        "account": NestedOrNone(ACCOUNT),
    },
)


def _check_format(message: models_pb2.Model) -> None:
    if message.format_version != FORMAT_VERSION:
        raise InvalidRecordError(
            DeadLetterReason.UNDECODABLE, f"model format {message.format_version}, known is {FORMAT_VERSION}"
        )


def _check_lengths(message: models_pb2.Model) -> None:
    if len({len(column) for column in (message.coefficients, message.mean, message.std)}) != 1:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "coefficients, mean and std differ in length")


def _check_range(message: models_pb2.Model) -> None:
    """Of every feature or of none, so that no row is held against half of one."""
    if not message.lowest and not message.highest:
        return
    if {2 * len(message.lowest), 2 * len(message.highest)} != {len(message.coefficients)}:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "lowest and highest do not hold a float32 a feature")
    low, high = (np.frombuffer(column, dtype="<f4") for column in (message.lowest, message.highest))
    if not (low <= high).all():
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "a feature's range ends before it begins")


FLOAT64S = Converted(float64s, packed_float64s)
MODEL = MessageTable(
    models_pb2.Model,
    Model,
    {
        "format_version": Checked(_check_format),
        "coefficients": FLOAT64S,
        "mean": FLOAT64S,
        "std": FLOAT64S,
        "schema_hash": Checked(_check_lengths),
        "lowest": Checked(_check_range),
        "instrument": INSTRUMENT,
        "hyperparameters": Nested(HYPERPARAMETERS),
        "training": Nested(PART_METRICS),
        "validation": Nested(PART_METRICS),
        "test": Nested(PART_METRICS),
        "lineage": Nested(LINEAGE),
    },
)
MODEL_RECORD = MessageTable(
    models_pb2.ModelRecord,
    ModelRecord,
    {
        "verdict": enum(Verdict),
        "evidence": enum(Evidence),
        "instrument": INSTRUMENT,
        "scorecard": NestedOrNone(SCORECARD),
        "champion": NestedOrNone(MessageTable(models_pb2.Champion, Champion)),
    },
)


def encode_model(value: Model) -> bytes:
    """The same model gives the same bytes, always: the registry is keyed by their checksum."""
    return MODEL.encode(value)


def decode_model(payload: bytes | None) -> Model:
    """Raises InvalidRecordError where the bytes are no model of a format known here. Verifies no checksum."""
    return MODEL.decode(payload)


def encode_model_record(value: ModelRecord) -> bytes:
    return MODEL_RECORD.encode(value)


def decode_model_record(payload: bytes | None) -> ModelRecord:
    """Raises InvalidRecordError."""
    return MODEL_RECORD.decode(payload)
