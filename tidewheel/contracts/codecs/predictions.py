"""Topic `predictions`."""

from tidewheel.contracts.codecs.message_table import INSTRUMENT, Checked, MessageTable
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.features import FEATURES_BYTES
from tidewheel.domain.predictions import ServedPrediction
from tidewheel.wire.v1 import predictions_pb2


def _check_features(message: predictions_pb2.ServedPrediction) -> None:
    if len(message.features) != FEATURES_BYTES:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, f"features have {len(message.features)} bytes, not {FEATURES_BYTES}"
        )


def _check_scores(message: predictions_pb2.ServedPrediction) -> None:
    for name in ("score", "threshold", "candidate_score"):
        if not 0 <= getattr(message, name) <= 1:
            raise InvalidRecordError(
                DeadLetterReason.INCONSISTENT, f"{name} {getattr(message, name)} is not from 0 to 1"
            )


SERVED_PREDICTION = MessageTable(
    predictions_pb2.ServedPrediction,
    ServedPrediction,
    {"instrument": INSTRUMENT, "features": Checked(_check_features), "score": Checked(_check_scores)},
)


def encode_prediction(value: ServedPrediction) -> bytes:
    return SERVED_PREDICTION.encode(value)


def decode_prediction(payload: bytes | None) -> ServedPrediction:
    """Raises InvalidRecordError."""
    return SERVED_PREDICTION.decode(payload)
