"""What changes from reply to reply of one model, written as it is encoded, without a message between. Pure.

Most replies raise no flag beside their model's own, and differ in four numbers; scores and labels of a batch lie in
memory much as they go out.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from services.predictor.trust.assessment import Trust
from tidewheel.domain.models import Float64
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import predictor_pb2

VARINT, FIXED64, BYTES = 0, 1, 2


def _tag(message: type, field: str, wire_type: int) -> int:
    tag: int = message.DESCRIPTOR.fields_by_name[field].number << 3 | wire_type  # type: ignore[attr-defined]
    assert tag < 0x80, f"{field} has a number above 15, its tag more than one byte"
    return tag


SCORES = _tag(predictor_pb2.PredictBatchResponse, "scores", BYTES)
LABELS = _tag(predictor_pb2.PredictBatchResponse, "labels", BYTES)
NUMBER = struct.Struct("<Bd")
SCORE = _tag(predictor_pb2.PredictResponse, "score", FIXED64)
LABEL_1 = bytes((_tag(predictor_pb2.PredictResponse, "label", VARINT), 1))
TRUST = _tag(predictor_pb2.PredictResponse, "trust", BYTES)
MODEL_AGE = _tag(predictor_pb2.Trust, "model_age_s", FIXED64)
FEATURES_AGE = _tag(predictor_pb2.Trust, "features_age_s", FIXED64)
NOVELTY = _tag(predictor_pb2.Trust, "novelty", FIXED64)


def usual_reply(score: float, label: int, trust: Trust) -> bytes:
    """The part of a PredictResponse that does not depend on the model alone; no flag may be raised."""
    encoded = b""
    if trust.model_age_ns is not None:
        encoded += NUMBER.pack(MODEL_AGE, trust.model_age_ns / NS_PER_S)
    if trust.features_age_ns is not None:
        encoded += NUMBER.pack(FEATURES_AGE, trust.features_age_ns / NS_PER_S)
    if trust.novelty is not None:
        encoded += NUMBER.pack(NOVELTY, trust.novelty)
    return NUMBER.pack(SCORE, score) + (LABEL_1 if label else b"") + bytes((TRUST, len(encoded))) + encoded


def packed_scores(scores: Float64) -> bytes:
    """The scores of a PredictBatchResponse."""
    return _field(SCORES, scores.astype("<f8", copy=False).tobytes())


def packed_labels(labels: NDArray[np.uint32]) -> bytes:
    """The labels of a PredictBatchResponse, of one byte each since they are 0 or 1."""
    return _field(LABELS, labels.astype(np.uint8).tobytes())


def _field(tag: int, content: bytes) -> bytes:
    head, length = bytearray((tag,)), len(content)
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content
