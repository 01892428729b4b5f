"""The gRPC face of the handler: convert, call, convert, count. The one place where refusals become status codes."""

from collections.abc import Callable, Mapping

import grpc

from services.predictor import converters
from services.predictor.core import Handler
from services.predictor.metrics import record_batch, record_predictions
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.rpc.status import CallRefusedError, Hints
from tidewheel.wire.v1 import predictor_pb2

SERVICE = predictor_pb2.DESCRIPTOR.services_by_name["PredictorService"].full_name

STATUS_CODES = {
    RefusalReason.INVALID_INPUT: grpc.StatusCode.INVALID_ARGUMENT,
    RefusalReason.UNKNOWN_INSTRUMENT: grpc.StatusCode.NOT_FOUND,
    RefusalReason.UNKNOWN_VERSION: grpc.StatusCode.NOT_FOUND,
    RefusalReason.NO_MODEL: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.NO_HISTORY: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.REGISTRY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    RefusalReason.MARKET_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}

# Where waiting alone may help: when to try again.
RETRY_AFTER_S = {
    RefusalReason.NO_MODEL: 30.0,
    RefusalReason.NO_HISTORY: 10.0,
    RefusalReason.REGISTRY_UNAVAILABLE: 1.0,
    RefusalReason.MARKET_UNAVAILABLE: 1.0,
}

RpcMethod = Callable[[bytes], bytes]


class PredictorServicer:
    """Takes and gives bytes: were gRPC to parse, a malformed request would be answered INTERNAL."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def methods(self) -> Mapping[str, RpcMethod]:
        """By name."""
        return {"Predict": self.predict, "PredictBatch": self.predict_batch, "PredictNow": self.predict_now}

    def predict(self, payload: bytes) -> bytes:
        request = converters.parse_predict_request(payload)
        result = self._handler.predict(request.instrument, request.rows, request.schema_hash)
        record_predictions(request.instrument, result.model.seq, result.label, 1)
        return converters.predict_response(result).SerializeToString()

    def predict_batch(self, payload: bytes) -> bytes:
        request = converters.parse_batch_request(payload)
        result = self._handler.predict_batch(request.instrument, request.rows, request.schema_hash)
        record_batch(request.instrument, result.model.seq, len(result.labels), int(result.labels.sum()))
        return converters.batch_response(result).SerializeToString()

    def predict_now(self, payload: bytes) -> bytes:
        request = converters.parse_now_request(payload)
        result = self._handler.predict_now(request.instrument, request.quote)
        record_predictions(request.instrument, result.prediction.model.seq, result.prediction.label, 1)
        return converters.now_response(result).SerializeToString()


def refusing(answer: RpcMethod) -> RpcMethod:
    """The method with its refusals as statuses: the one place where a reason becomes a code."""

    def answered(payload: bytes) -> bytes:
        try:
            return answer(payload)
        except PredictionRefusedError as refusal:
            hints = Hints(refusal.reason.upper(), refusal.field, RETRY_AFTER_S.get(refusal.reason, 0.0))
            raise CallRefusedError(STATUS_CODES[refusal.reason], str(refusal), hints) from None

    return answered
