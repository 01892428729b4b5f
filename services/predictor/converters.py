"""Messages <-> values, and nothing else. Raises PredictionRefusedError where the message cannot mean a value."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError, Message

from services.predictor.core import Prediction, PredictionNow, Predictions, Quote, Rows
from services.predictor.model_slot import ServingModel
from services.predictor.refusals import invalid_input
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES
from tidewheel.wire.v1 import predictor_pb2

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, eq=False)
class RowsRequest:
    """Predict (`rows` has shape (605,)) or PredictBatch (shape (n, 605))."""

    instrument: str
    rows: Rows
    schema_hash: bytes


@dataclass(frozen=True, slots=True)
class NowRequest:
    """PredictNow; `quote` None means the market's own."""

    instrument: str
    quote: Quote | None


def parse_predict_request(payload: bytes) -> RowsRequest:
    message = _parse(predictor_pb2.PredictRequest, payload)
    given, packed = len(message.features), message.features_f32
    if bool(given) == bool(packed):
        raise invalid_input(
            "features", f"give either features or features_f32, {'not both' if given else 'one of them'}"
        )
    if packed:
        row = _rows(packed)
        if len(row) != 1:
            raise invalid_input("features_f32", f"{len(packed)} bytes, one row has {FEATURES_BYTES}")
        return RowsRequest(message.instrument, row[0], message.schema_hash)
    if given != FEATURE_COUNT:
        raise invalid_input("features", f"{given} numbers, the model needs {FEATURE_COUNT}")
    return RowsRequest(message.instrument, np.array(message.features, dtype=np.float32), message.schema_hash)


def parse_batch_request(payload: bytes) -> RowsRequest:
    message = _parse(predictor_pb2.PredictBatchRequest, payload)
    return RowsRequest(message.instrument, _rows(message.features_f32), message.schema_hash)


def parse_now_request(payload: bytes) -> NowRequest:
    message = _parse(predictor_pb2.PredictNowRequest, payload)
    given = message.bid_e9 or message.offer_e9
    return NowRequest(message.instrument, Quote(message.bid_e9, message.offer_e9) if given else None)


def predict_response(value: Prediction) -> predictor_pb2.PredictResponse:
    model = value.model
    return predictor_pb2.PredictResponse(
        score=value.score,
        label=value.label,
        threshold=model.threshold,
        model=_version(model),
        evidence=model.evidence,
    )


def batch_response(value: Predictions) -> predictor_pb2.PredictBatchResponse:
    model = value.model
    return predictor_pb2.PredictBatchResponse(
        scores=value.scores.tolist(),
        labels=value.labels.tolist(),
        threshold=model.threshold,
        model=_version(model),
        evidence=model.evidence,
    )


def now_response(value: PredictionNow) -> predictor_pb2.PredictNowResponse:
    return predictor_pb2.PredictNowResponse(
        prediction=predict_response(value.prediction),
        second=value.second,
        bid_e9=value.quote.bid_e9,
        offer_e9=value.quote.offer_e9,
        stale=value.stale,
    )


def _parse(message: type[M], payload: bytes) -> M:
    try:
        return message.FromString(payload)
    except DecodeError:
        raise invalid_input("request", f"the bytes are no {message.DESCRIPTOR.full_name}") from None


def _rows(packed: bytes) -> Rows:
    count, rest = divmod(len(packed), FEATURES_BYTES)
    if rest or not count:
        raise invalid_input(
            "features_f32", f"{len(packed)} bytes, a row has {FEATURES_BYTES}: {FEATURE_COUNT} little-endian float32"
        )
    return np.frombuffer(packed, dtype="<f4").reshape(count, FEATURE_COUNT)


def _version(model: ServingModel) -> predictor_pb2.ModelVersion:
    return predictor_pb2.ModelVersion(seq=model.seq, epoch=model.epoch, sha256=model.sha256)
